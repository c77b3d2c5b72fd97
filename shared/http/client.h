// An HTTP/2 client to one origin: connections on demand, requests as streams or as whole messages.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>

#include "base/log.h"
#include "event/job.h"
#include "event/loop.h"
#include "event/task.h"
#include "http/http2_connection.h"
#include "http/message.h"
#include "http/stream.h"
#include "net/byte_stream.h"
#include "net/tls.h"

namespace ringside::http {

// Makes a connection that speaks HTTP/2 from its first byte (TLS with ALPN "h2" done), or HTTP/1.1 for those who say
// so. Called whenever one is needed.
using Dialer = std::function<event::Task<Result<std::unique_ptr<net::ByteStream>>>()>;

// Connects to host:port over TCP and TLS. kInvalid if the server does not agree, by ALPN, to speak `protocol`, which
// `tls` must offer.
event::Task<Result<std::unique_ptr<net::ByteStream>>> dial_tls(event::Loop& loop, std::string host, uint16_t port,
                                                               std::shared_ptr<net::TlsClientContext> tls,
                                                               std::string protocol);

// The same as a Dialer.
Dialer tls_dialer(event::Loop& loop, std::string host, uint16_t port, std::shared_ptr<net::TlsClientContext> tls,
                  std::string protocol = "h2");

// The body of a response, in pieces. Destroying it cancels the request.
class BodyReader {
 public:
  virtual ~BodyReader() = default;
  // The next piece; empty at the end. What is not read is not credited, so the server waits.
  virtual event::Task<Result<std::string>> next() = 0;
};

struct StreamingResponse {
  ResponseHead head;
  std::unique_ptr<BodyReader> body;
};

class Client {
 public:
  struct Options {
    std::string authority;               // of requests that have none
    size_t max_header_bytes = 64 << 10;  // of a response's head; of a request's twice as much
    Duration connect_timeout = std::chrono::seconds(5);
    // As client-go: a silent connection is probed after 30 s and given up 15 s later.
    Duration ping_interval = std::chrono::seconds(30);
    Duration ping_timeout = std::chrono::seconds(15);
    // Bytes of one answer that the server may send ahead of its reader.
    uint32_t stream_window = Http2Session::Options().stream_window;
  };

  // The loop must outlive the client. Streams must not outlive it.
  Client(event::Loop& loop, Logger log, Dialer dial, Options options);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Starts a request, connecting first if need be (it then waits, with what is sent, in the Stream). A request that
  // was certainly not processed (kRefused after the connection stood) is sent again, up to three times, if it has no
  // body or one of at most 64 KiB; for that the body is kept until there is an answer, and on_sent tells of it once. If
  // no connection can be had, the handler gets on_closed(kRefused) with the reason.
  std::unique_ptr<Stream> start(RequestHead head, bool end, StreamHandler& handler);

  // Connects, if there is no connection, so that the first request finds one. Whether it succeeds is left to that.
  void connect_ahead();

  // The whole answer; kInvalid if its body is larger than max_body.
  event::Task<Result<Response>> fetch(Request request, size_t max_body = 64 << 20);

  // The answer's head as soon as it is there.
  event::Task<Result<StreamingResponse>> open(Request request);

  // Connections stay as they are; new requests use new ones (credentials of the connection have changed).
  void retire_connections();

 private:
  class PendingRequest;  // a stream that may wait for a connection
  using Connections = std::list<std::unique_ptr<Http2Connection>>;

  void submit(PendingRequest& request);
  bool try_submit(PendingRequest& request);
  void submit_waiting();
  void submit_soon();
  void dial_if_needed();
  event::Task<void> dial();
  void remove(Connections::iterator position);

  event::Loop& loop_;
  Logger log_;
  Dialer dial_;
  Options options_;
  Connections connections_;
  std::list<PendingRequest*> waiting_;
  event::Job dialing_;
  std::unique_ptr<event::Posted> submit_later_;
};

}  // namespace ringside::http
