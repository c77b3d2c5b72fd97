// TCP over the loop.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/error.h"
#include "event/loop.h"
#include "event/task.h"
#include "net/byte_stream.h"

namespace ringside::net {

// Connects to host: an IP address, or a name, which is looked up anew each time (net/resolver.h). Of several addresses
// the next is tried when one has failed or has not answered for 250 ms; the first connection that stands is taken.
// kRefused if nothing was sent: the name is unknown, the addresses refused or unreachable. The caller sets the
// time-out.
event::Task<Result<std::unique_ptr<ByteStream>>> tcp_connect(event::Loop& loop, std::string host, uint16_t port);

// Listens until destroyed. Accepts at most 16 connections a turn.
class TcpListener {
 public:
  // Must not destroy the listener.
  using AcceptCallback = std::function<void(std::unique_ptr<ByteStream> stream)>;

  // address: an IPv4 or IPv6 address; "::" takes both (IPv4 alone on a node without IPv6). port 0: chosen by the
  // kernel. kRefused with address and reason (in use, permission).
  static Result<std::unique_ptr<TcpListener>> listen(event::Loop& loop, const std::string& address, uint16_t port,
                                                     AcceptCallback on_accept);
  virtual ~TcpListener() = default;
  virtual uint16_t port() const = 0;
};

}  // namespace ringside::net
