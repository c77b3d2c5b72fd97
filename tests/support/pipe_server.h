// An HTTP/2 server at the other end of in-memory pipes, for http::Client on a simulated loop.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <utility>

#include "event/async.h"
#include "event/loop.h"
#include "http/client.h"
#include "http/http2_connection.h"
#include "net/pipe.h"

namespace ringside::testing {

// Every dial makes a connection, unless dials are refused. Must outlive the client.
class PipeServer {
 public:
  PipeServer(event::Loop& loop, http::StreamAcceptor accept, net::PipeOptions pipe = {})
      : loop_(loop), accept_(std::move(accept)), pipe_(pipe) {
    options.session.role = http::Http2Session::Role::kServer;
  }

  http::Dialer dialer() {
    return [this]() -> event::Task<Result<std::unique_ptr<net::ByteStream>>> { return dial(); };
  }

  // Destroys every connection, as a process that dies does.
  void cut() { connections.clear(); }

  http::Http2Connection::Options options;  // of connections to come
  bool refuse = false;
  bool hang = false;  // dials neither succeed nor fail
  size_t dials = 0;
  std::list<std::unique_ptr<http::Http2Connection>> connections;
  // Wraps the server's end of each pipe.
  std::function<std::unique_ptr<net::ByteStream>(std::unique_ptr<net::ByteStream>)> wrap;

 private:
  event::Task<Result<std::unique_ptr<net::ByteStream>>> dial() {
    ++dials;
    if (hang) co_await event::sleep(loop_, std::chrono::hours(1));
    if (refuse) co_return failure(ErrorKind::kRefused, "connection refused");
    auto [client_end, server_end] = net::make_pipe(loop_, pipe_);
    if (wrap) server_end = wrap(std::move(server_end));
    auto position = connections.emplace(connections.end());
    *position = std::make_unique<http::Http2Connection>(loop_, std::move(server_end), options, accept_, nullptr,
                                                        [this, position] { connections.erase(position); });
    co_return std::move(client_end);
  }

  event::Loop& loop_;
  http::StreamAcceptor accept_;
  net::PipeOptions pipe_;
};

}  // namespace ringside::testing
