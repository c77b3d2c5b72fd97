// The server's side of an HTTP/1.1 connection (RFC 9112): one request at a time, kept alive, as http::Stream.
#pragma once

#include <memory>
#include <string>

#include "event/loop.h"
#include "http/connection.h"
#include "http/head_budget.h"
#include "http/http1_parser.h"
#include "http/reading_probe.h"
#include "http/stream.h"
#include "net/byte_pump.h"
#include "net/byte_stream.h"

namespace ringside::http {

// A response with status 101 to a request without a body makes the connection a tunnel: from then on on_body, send_body
// and the ends of both directions are about raw bytes of the new protocol.
class Http1Connection : public Connection, private net::BytePumpUser {
 public:
  struct Options {
    // Of a head: 431 if it is larger. Until it is complete, twice as much is held at most: its bytes, and its fields.
    size_t max_header_bytes = 64 << 10;
    HeadBudget* head_budget = nullptr;  // must outlive the connection; 503 to a head that finds no room in it
    // Bytes of a body that may be on their way to the handler without credit; reading stops at it.
    size_t window = 128 << 10;
    Duration head_timeout = std::chrono::seconds(10);
    Duration idle_timeout = std::chrono::minutes(5);
    ReadingProbe::Options reading = {};
  };

  Http1Connection(event::Loop& loop, std::unique_ptr<net::ByteStream> stream, Options options, StreamAcceptor accept,
                  ConnectionClosed on_closed);
  ~Http1Connection() override;
  void drain() override;
  std::string_view hangs() const override { return hangs_ ? "does not read its response" : ""; }
  void on_client_hangs() override;

 private:
  class Exchange;  // the Stream of the request under way

  void on_heard();
  void on_ready(bool readable, bool writable);
  void read();
  size_t parse(std::string_view bytes);
  void parse_input();
  void begin_request();
  void on_head(RequestHead head, bool has_body);
  void finish_request();
  void next_request();
  void drop_rest();
  void flush();
  void update_interest();
  void fail_request(int status, const std::string& message);
  void close(Error error);

  // The tunnel.
  void switch_protocols();
  void on_bytes(std::string_view bytes) override;
  void on_peer_end() override;
  void on_bytes_sent(size_t bytes) override;
  void on_done(std::optional<Error> error) override;

  event::Loop& loop_;
  Options options_;
  StreamAcceptor accept_;
  ConnectionClosed on_closed_;
  std::unique_ptr<net::ByteStream> stream_;  // the tunnel's, once there is one
  std::unique_ptr<net::BytePump> tunnel_;
  ReadingProbe reading_;
  std::unique_ptr<event::TurnEnd> flush_;
  std::unique_ptr<event::Timer> timer_;  // idle, or waiting for a head
  std::unique_ptr<event::Posted> closing_;
  std::unique_ptr<event::Posted> next_;

  std::unique_ptr<Http1RequestParser> parser_;
  HeadBudget::Share head_share_;
  std::string input_;   // read, not yet parsed
  std::string output_;  // framed, not yet written
  size_t written_ = 0;

  // The request under way, if any.
  std::unique_ptr<StreamHandler> handler_;
  Exchange* exchange_ = nullptr;  // nullptr: none, or dropped by its user
  bool in_request_ = false;
  bool head_request_ = false;
  bool peer_ended_ = false;
  bool response_begun_ = false;
  bool response_ended_ = false;
  bool sends_body_ = true;  // false: HEAD, or a status without body
  bool chunked_ = false;
  bool switches_ = false;    // 101 was sent: the connection becomes a tunnel at the end of the turn
  bool continued_ = false;   // 100 Continue was sent
  bool drops_rest_ = false;  // the response is complete, what is left of the request is read and dropped
  bool keep_alive_ = true;
  bool wants_calls_ = false;  // the handler is to be called
  size_t uncredited_ = 0;
  size_t unreported_ = 0;  // body bytes queued in output_, on_sent to be called

  bool head_begun_ = false;  // bytes of a head have come
  bool failed_ = false;      // the head was malformed: nothing more is parsed
  bool draining_ = false;
  bool peer_closed_ = false;
  bool blocked_ = false;
  bool at_turn_end_ = false;  // no handler is on the stack
  bool closed_ = false;
  bool hangs_ = false;
};

}  // namespace ringside::http
