// An HTTP server: HTTP/2 and HTTP/1.1 over TLS (by ALPN), or in the clear (HTTP/1.1 only).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/error.h"
#include "base/log.h"
#include "event/loop.h"
#include "http/service.h"
#include "http/stream.h"
#include "net/tls.h"

namespace ringside::http {

struct ServerLimits {
  size_t max_connections = 1024;
  size_t max_header_bytes = 64 << 10;  // of a request's head; a larger one is answered with 431
  // What is held of heads that are not complete, on all connections together, but for the first 64 KiB of each. With
  // those it is max_connections * 64 KiB more, and twice all of it while bytes become fields. 503 to a head that finds
  // no room.
  size_t max_large_heads_bytes = 16 << 20;
  uint32_t max_concurrent_streams = 250;
  // From accept to the end of the TLS handshake, and from the first byte of a request's head to its end.
  Duration head_timeout = std::chrono::seconds(10);
  // For a request body that is read as a whole (Service): its size, and the time until its end.
  size_t max_body_bytes = 7 << 20;
  Duration body_timeout = std::chrono::seconds(10);
  // HTTP/1.1 connections without a request are closed after this.
  Duration idle_timeout = std::chrono::minutes(5);
};

// HTTP/2 clients must answer a PING (RFC 9113 section 6.7), busy or idle, and a process that is stopped does not. One
// is sent to a client that was silent for the interval; where nothing comes from it within the time-out, the connection
// is closed. A client that leaves its streams unread and answers goes on. Clients of HTTP/1.1 are looked at while they
// await a response, if the kernel tells what they have read (ReadingProbe).
struct PingOptions {
  // Clients that vanished must not fill the server; more is for servers that have to know.
  Duration interval = std::chrono::minutes(5);
  Duration timeout = std::chrono::seconds(15);
};

struct ClientLife;  // http/reading_probe.h

struct ServerOptions {
  std::string address = "::";  // an IP address; "::" listens on IPv6 and IPv4
  uint16_t port = 0;           // 0: chosen by the kernel, see port()
  // nullptr: in the clear. The context is asked at each handshake, so that a new certificate is used at once.
  std::shared_ptr<net::TlsServerContext> tls = nullptr;
  ServerLimits limits = {};
  PingOptions ping = {};
  // Of servers whose clients are one process; nullptr: of this server's alone.
  std::shared_ptr<ClientLife> client_life = nullptr;
};

// What happens on the connections of a server, for those who need to know (liveness). Called in any phase; must neither
// destroy nor drain the server.
struct ServerObserver {
  std::function<void(size_t open_connections)> on_connections_changed = [](size_t) {};
  // A connection is closed because its client gave no sign of life (PingOptions); before it is told as a change.
  std::function<void()> on_unanswered = [] {};
};

// Listens from construction to destruction. Destroying it closes the listener and every connection at once; drain()
// first to let requests end.
class Server {
 public:
  // Each request as a stream: the handler that `accept` returns is called until the stream is closed, see
  // http/stream.h.
  static Result<std::unique_ptr<Server>> listen(event::Loop& loop, Logger log, ServerOptions options,
                                                StreamAcceptor accept, ServerObserver observer = {});
  // Each request as a whole, for `service`.
  static Result<std::unique_ptr<Server>> listen(event::Loop& loop, Logger log, ServerOptions options, Service service);

  virtual ~Server() = default;
  virtual uint16_t port() const = 0;
  virtual size_t open_connections() const = 0;
  // Another server has found that the client's process hangs: ends the connections that cannot be asked, unless there
  // was a sign of life lately.
  virtual void on_client_hangs() = 0;
  // Stops accepting, tells clients to go (GOAWAY, Connection: close), closes connections as their requests end.
  virtual void drain() = 0;
};

}  // namespace ringside::http
