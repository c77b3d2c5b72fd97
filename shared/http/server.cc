#include "http/server.h"

#include <list>
#include <utility>

#include "event/async.h"
#include "http/http1_connection.h"
#include "http/http2_connection.h"
#include "http/reading_probe.h"
#include "http/service_handler.h"
#include "net/tcp.h"

namespace ringside::http {
namespace {

class ServerImpl : public Server {
 public:
  ServerImpl(event::Loop& loop, Logger log, ServerOptions options, StreamAcceptor accept, ServerObserver observer)
      : loop_(loop),
        log_(std::move(log)),
        options_(std::move(options)),
        accept_(std::move(accept)),
        observer_(std::move(observer)),
        head_budget_(options_.limits.max_large_heads_bytes),
        handshakes_(loop),
        life_(options_.client_life ? options_.client_life : std::make_shared<ClientLife>(loop.now())) {}

  Result<void> start() {
    auto listener = net::TcpListener::listen(loop_, options_.address, options_.port,
                                             [this](auto stream) { on_accepted(std::move(stream)); });
    if (!listener) return failure(listener.error());
    listener_ = std::move(*listener);
    port_ = listener_->port();
    return {};
  }

  uint16_t port() const override { return port_; }
  size_t open_connections() const override { return connections_.size(); }
  void on_client_hangs() override {
    if (loop_.now() - life_->heard < options_.ping.timeout) return;
    for (auto& connection : connections_) {
      if (connection) connection->on_client_hangs();
    }
  }
  void drain() override {
    listener_.reset();
    for (auto& connection : connections_) {
      if (connection) connection->drain();
    }
  }

 private:
  using Connections = std::list<std::unique_ptr<Connection>>;

  void on_accepted(std::unique_ptr<net::ByteStream> stream) {
    if (connections_.size() + handshakes_.size() >= options_.limits.max_connections) {
      log_.warn("refusing a connection: too many are open", {{"max", int64_t(options_.limits.max_connections)}});
      return;
    }
    if (options_.tls) {
      handshakes_.add(shake_hands(std::move(stream)));
    } else {
      add_http1(std::move(stream));
    }
  }

  event::Task<void> shake_hands(std::unique_ptr<net::ByteStream> stream) {
    auto tls = options_.tls;  // kept: a handshake ends with the context it began with
    auto connection = co_await event::with_timeout(loop_, options_.limits.head_timeout, "TLS handshake",
                                                   net::tls_accept(loop_, std::move(stream), *tls));
    if (!connection) {
      log_.debug("a client's connection failed", {{"error", connection.error().message}});
      co_return;
    }
    if (!listener_) co_return;  // drained meanwhile
    if (connection->alpn == "h2") {
      add_http2(std::move(connection->stream));
    } else {
      add_http1(std::move(connection->stream));
    }
  }

  void add_http2(std::unique_ptr<net::ByteStream> stream) {
    auto position = connections_.emplace(connections_.end());
    Http2Connection::Options options;
    options.session.role = Http2Session::Role::kServer;
    options.session.max_concurrent_streams = options_.limits.max_concurrent_streams;
    options.session.max_header_bytes = options_.limits.max_header_bytes;
    options.session.head_budget = &head_budget_;
    options.ping_interval = options_.ping.interval;
    options.ping_timeout = options_.ping.timeout;
    options.heard = &life_->heard;
    *position = std::make_unique<Http2Connection>(loop_, std::move(stream), options, accept_, nullptr,
                                                  [this, position] { remove(position); });
    observer_.on_connections_changed(connections_.size());
  }

  void add_http1(std::unique_ptr<net::ByteStream> stream) {
    auto position = connections_.emplace(connections_.end());
    Http1Connection::Options options;
    options.max_header_bytes = options_.limits.max_header_bytes;
    options.head_budget = &head_budget_;
    options.head_timeout = options_.limits.head_timeout;
    options.idle_timeout = options_.limits.idle_timeout;
    options.reading = {.interval = options_.ping.interval, .timeout = options_.ping.timeout, .life = life_.get()};
    *position = std::make_unique<Http1Connection>(loop_, std::move(stream), options, accept_,
                                                  [this, position] { remove(position); });
    observer_.on_connections_changed(connections_.size());
  }

  void remove(Connections::iterator position) {
    if (std::string_view hangs = (*position)->hangs(); !hangs.empty()) {
      log_.info("closing a connection: its client " + std::string(hangs));
      observer_.on_unanswered();
      on_client_hangs();
    }
    connections_.erase(position);
    observer_.on_connections_changed(connections_.size());
  }

  event::Loop& loop_;
  Logger log_;
  ServerOptions options_;
  StreamAcceptor accept_;
  ServerObserver observer_;
  uint16_t port_ = 0;
  std::unique_ptr<net::TcpListener> listener_;
  HeadBudget head_budget_;
  event::JobSet handshakes_;
  std::shared_ptr<ClientLife> life_;  // as if all were of one process, as a sidecar's are
  Connections connections_;
};

}  // namespace

Result<std::unique_ptr<Server>> Server::listen(event::Loop& loop, Logger log, ServerOptions options,
                                               StreamAcceptor accept, ServerObserver observer) {
  auto server =
      std::make_unique<ServerImpl>(loop, std::move(log), std::move(options), std::move(accept), std::move(observer));
  if (auto started = server->start(); !started) return failure(started.error());
  return server;
}

Result<std::unique_ptr<Server>> Server::listen(event::Loop& loop, Logger log, ServerOptions options, Service service) {
  ServiceLimits limits{options.limits.max_body_bytes, options.limits.body_timeout};
  return listen(loop, std::move(log), std::move(options), serve(loop, std::move(service), limits), ServerObserver{});
}

}  // namespace ringside::http
