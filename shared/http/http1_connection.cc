#include "http/http1_connection.h"

#include <array>
#include <cstdio>
#include <utility>

namespace ringside::http {
namespace {

std::string_view reason_of(int status) {
  switch (status) {
    case 101: return "Switching Protocols";
    case 200: return "OK";
    case 201: return "Created";
    case 400: return "Bad Request";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 413: return "Content Too Large";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    default: return "";  // the phrase is optional (RFC 9112 section 4)
  }
}

// How long the rest of a request is read, and dropped, after the response: a connection that is closed with bytes
// unread is reset, and the client may lose the response.
constexpr Duration kRestTimeout = std::chrono::seconds(5);

constexpr size_t kMaxFraming = 64 << 10;  // of a chunk's header, or of the trailers

bool has_no_body(int status) {
  return status / 100 == 1 || status == 204 || status == 304;
}

}  // namespace

class Http1Connection::Exchange : public Stream {
 public:
  explicit Exchange(Http1Connection& connection) : connection_(&connection) { connection.exchange_ = this; }
  ~Exchange() override {
    if (!connection_) return;
    connection_->exchange_ = nullptr;
    connection_->wants_calls_ = false;
    if (!connection_->response_ended_) {
      reset();
    } else if (connection_->tunnel_) {
      connection_->timer_->arm(kRestTimeout);
    }
  }

  void send_response(ResponseHead head, bool end) override {
    if (!connection_ || connection_->response_begun_) return;
    Http1Connection& c = *connection_;
    c.switches_ = head.status == 101;
    if (c.switches_ && !c.peer_ended_)
      return reset();  // the rest of the request and the tunnel could not be told apart
    c.response_begun_ = true;
    c.sends_body_ = c.switches_ || (!has_no_body(head.status) && !c.head_request_);
    if (has_no_body(head.status) && head.status != 304) head.headers.erase("content-length");
    auto length = head.headers.get("content-length");
    bool has_length = length || end || !c.sends_body_;
    c.chunked_ = !has_length && !c.switches_ && c.parser_->takes_chunks();
    // The connection's end is the body's; or the client may or may not send the body that it was not asked for.
    if ((!has_length && !c.chunked_) || (c.parser_->expects_continue() && !c.continued_)) c.keep_alive_ = false;
    std::string& out = c.output_;
    out += "HTTP/1.1 " + std::to_string(head.status) + " ";
    out += reason_of(head.status);
    out += "\r\n";
    for (const auto& [name, value] : head.headers) {
      if (name != "connection" && name != "transfer-encoding") out += name + ": " + value + "\r\n";
    }
    if (c.chunked_) out += "transfer-encoding: chunked\r\n";
    if (end && c.sends_body_ && !length && !c.switches_) out += "content-length: 0\r\n";
    if (c.switches_) {
      out += "connection: Upgrade\r\n";
    } else if (!c.keep_alive_ || c.draining_) {
      out += "connection: close\r\n";
    }
    out += "\r\n";
    c.response_ended_ = end;
    // A client that is still sending may read later.
    if (c.peer_ended_ && !end) c.reading_.response_begins(*c.stream_);
    c.flush_->schedule();
  }

  void send_body(std::string_view bytes) override {
    if (!connection_ || connection_->response_ended_ || bytes.empty()) return;
    Http1Connection& c = *connection_;
    if (c.tunnel_) return c.tunnel_->send(bytes);
    if (c.sends_body_) {
      if (c.chunked_) {
        std::array<char, 24> size;
        int n = std::snprintf(size.data(), size.size(), "%zx\r\n", bytes.size());
        c.output_.append(size.data(), size_t(n));
      }
      c.output_.append(bytes);
      if (c.chunked_) c.output_ += "\r\n";
    }
    c.unreported_ += bytes.size();
    c.flush_->schedule();
  }

  void send_end(Headers trailers) override {
    if (!connection_ || connection_->response_ended_) return;
    Http1Connection& c = *connection_;
    c.response_ended_ = true;
    if (c.tunnel_) return c.tunnel_->end();
    if (c.chunked_) {
      c.output_ += "0\r\n";
      for (const auto& [name, value] : trailers) c.output_ += name + ": " + value + "\r\n";
      c.output_ += "\r\n";
    }
    c.flush_->schedule();
  }

  size_t unsent() const override {
    if (!connection_) return 0;
    return connection_->tunnel_ ? connection_->tunnel_->unsent() : connection_->unreported_;
  }
  void credit(size_t bytes) override {
    if (!connection_) return;
    if (connection_->tunnel_) return connection_->tunnel_->credit(bytes);
    connection_->uncredited_ -= std::min(bytes, connection_->uncredited_);
    connection_->update_interest();
  }
  void reset() override {
    if (!connection_) return;
    Http1Connection& c = *std::exchange(connection_, nullptr);
    c.exchange_ = nullptr;  // on_closed is not called
    c.wants_calls_ = false;
    c.close({ErrorKind::kCancelled, "the request was reset"});
  }
  void detach() { connection_ = nullptr; }

 private:
  Http1Connection* connection_;
};

Http1Connection::Http1Connection(event::Loop& loop, std::unique_ptr<net::ByteStream> stream, Options options,
                                 StreamAcceptor accept, ConnectionClosed on_closed)
    : loop_(loop),
      options_(options),
      accept_(std::move(accept)),
      on_closed_(std::move(on_closed)),
      stream_(std::move(stream)),
      reading_(loop, options.reading, [this] { on_client_hangs(); }),
      head_share_(options.head_budget) {
  flush_ = loop.turn_end([this] {
    at_turn_end_ = true;
    flush();
    at_turn_end_ = false;
  });
  timer_ = loop.timer([this] { close({ErrorKind::kTimedOut, "no complete request in time"}); });
  stream_->set_ready_callback([this](bool readable, bool writable) { on_ready(readable, writable); });
  begin_request();
  update_interest();
}

Http1Connection::~Http1Connection() {
  bool open = exchange_ != nullptr && !(peer_ended_ && response_ended_);
  if (exchange_) exchange_->detach();
  if (open && handler_) handler_->on_closed({ErrorKind::kCancelled, "the connection was closed"});
}

void Http1Connection::begin_request() {
  reading_.response_ends();
  parser_ = std::make_unique<Http1RequestParser>(
      options_.max_header_bytes,
      Http1RequestParser::Events{
          .on_head = [this](RequestHead head, bool has_body) { on_head(std::move(head), has_body); },
          .on_body =
              [this](std::string_view bytes) {
                if (!wants_calls_) return;
                uncredited_ += bytes.size();
                handler_->on_body(bytes);
              },
          .on_end =
              [this] {
                peer_ended_ = true;
                if (wants_calls_) handler_->on_end({});
              }});
  in_request_ = peer_ended_ = continued_ = response_begun_ = response_ended_ = chunked_ = wants_calls_ = false;
  drops_rest_ = switches_ = false;
  uncredited_ = unreported_ = 0;
  head_begun_ = !input_.empty();
  timer_->arm(head_begun_ ? options_.head_timeout : options_.idle_timeout);
}

void Http1Connection::on_head(RequestHead head, bool has_body) {
  in_request_ = true;
  head_share_.release();
  keep_alive_ = parser_->keep_alive() && parser_->takes_chunks();
  head_request_ = head.method == "HEAD";
  peer_ended_ = !has_body;
  timer_->disarm();
  wants_calls_ = true;
  auto exchange = std::make_unique<Exchange>(*this);
  handler_ = accept_(std::move(exchange), std::move(head), has_body);
  // The parser's on_end for a request without a body is not for the handler: it was told by has_body.
  wants_calls_ = exchange_ != nullptr && has_body;
  if (has_body && parser_->expects_continue() && !response_begun_) {
    continued_ = true;
    output_ += "HTTP/1.1 100 Continue\r\n\r\n";
    flush_->schedule();
  }
}

void Http1Connection::on_client_hangs() {
  if (closed_) return;
  hangs_ = true;
  close({ErrorKind::kDisconnected, "connection lost: the client reads nothing of its response"});
}

void Http1Connection::on_heard() {
  if (options_.reading.life) options_.reading.life->heard = loop_.now();
}

void Http1Connection::on_ready(bool readable, bool writable) {
  if (closed_) return;
  if (writable) {
    blocked_ = false;
    flush_->schedule();
  }
  if (readable) read();
  if (!closed_) update_interest();
}

void Http1Connection::read() {
  static std::array<char, 64 << 10> buffer;
  net::IoResult result = stream_->read(buffer);
  if (result.status == net::IoStatus::kWouldBlock) return;
  if (result.status == net::IoStatus::kEnd && in_request_ && peer_ended_ && keep_alive_ == false) {
    peer_closed_ = true;  // half-closed by a client that still waits for its answer
    return;
  }
  if (result.status != net::IoStatus::kOk) {
    bool end = result.status == net::IoStatus::kEnd;
    return close(end ? Error{ErrorKind::kCancelled, "the client closed the connection"} : stream_->error());
  }
  on_heard();
  if (failed_) return;
  if (!in_request_ && !std::exchange(head_begun_, true)) timer_->arm(options_.head_timeout);
  std::string_view bytes(buffer.data(), result.n);
  // With nothing before them they are parsed where they are, so that large bodies are not copied once more.
  bool first = input_.empty();
  if (first) bytes.remove_prefix(parse(bytes));
  input_.append(bytes);
  if (!first) parse_input();
}

void Http1Connection::parse_input() {
  input_.erase(0, parse(input_));
  if (in_request_ && input_.capacity() > options_.window) input_.shrink_to_fit();  // the head was large
}

// Returns how many of the bytes are done with; the others are to be kept.
size_t Http1Connection::parse(std::string_view bytes) {
  if (closed_ || bytes.empty() || (in_request_ && peer_ended_)) return 0;
  auto used = parser_->feed(bytes);
  if (!used) {
    fail_request(parser_->head_too_large() ? 431 : 400, used.error().message);
    return bytes.size();
  }
  if (!in_request_ && !head_share_.try_hold(parser_->head_bytes())) {
    fail_request(503, "too many large heads are under way");
    return bytes.size();
  }
  if (in_request_ && !parser_->complete() && bytes.size() - *used > kMaxFraming) {
    fail_request(400, "chunk header or trailers are too large");
    return bytes.size();
  }
  if (in_request_ && response_ended_) flush_->schedule();
  return *used;
}

void Http1Connection::fail_request(int status, const std::string& message) {
  if (!response_begun_) {
    output_ += "HTTP/1.1 " + std::to_string(status) + " " + std::string(reason_of(status)) +
               "\r\ncontent-type: text/plain; charset=utf-8\r\nconnection: close\r\ncontent-length: " +
               std::to_string(message.size() + 1) + "\r\n\r\n" + message + "\n";
  }
  if (in_request_) {
    flush();
    return close({ErrorKind::kInvalid, message});
  }
  failed_ = in_request_ = response_begun_ = response_ended_ = true;
  keep_alive_ = false;
  input_ = {};
  head_share_.release();
  flush_->schedule();
}

void Http1Connection::flush() {
  if (switches_ && !closed_) return switch_protocols();
  while (!closed_ && !blocked_ && written_ < output_.size()) {
    net::IoResult result = stream_->write(std::string_view(output_).substr(written_));
    if (result.status == net::IoStatus::kOk) {
      written_ += result.n;
    } else if (result.status == net::IoStatus::kWouldBlock) {
      blocked_ = true;
    } else {
      return close(stream_->error());
    }
  }
  if (closed_) return;
  if (written_ == output_.size()) {
    output_.clear();
    if (output_.capacity() > (128 << 10)) output_.shrink_to_fit();
    written_ = 0;
    size_t sent = std::exchange(unreported_, 0);
    if (sent > 0 && exchange_ && handler_) handler_->on_sent(sent);
    if (in_request_ && response_ended_ && output_.empty() && !next_) finish_request();
  }
  if (!closed_) update_interest();
}

void Http1Connection::finish_request() {
  if (!peer_ended_ && !peer_closed_) return drop_rest();
  if (!keep_alive_ || draining_ || peer_closed_) {
    stream_->shut_down_write();
    return close({ErrorKind::kCancelled, "the connection was closed after the response"});
  }
  if (at_turn_end_) return next_request();
  // The handler may be on the stack: it is destroyed from the loop.
  next_ = loop_.post([this] {
    auto posted = std::move(next_);
    next_request();
  });
}

void Http1Connection::next_request() {
  if (exchange_) exchange_->detach();
  exchange_ = nullptr;
  handler_.reset();
  begin_request();
  if (draining_) return drain();
  parse_input();
  if (!closed_) update_interest();
}

// The response is complete and the request is not: comes back to finish_request() when it is.
void Http1Connection::drop_rest() {
  if (std::exchange(drops_rest_, true)) return;
  wants_calls_ = false;
  uncredited_ = 0;
  timer_->arm(kRestTimeout);
  if (!keep_alive_ || draining_) stream_->shut_down_write();
}

void Http1Connection::update_interest() {
  if (closed_ || tunnel_) return;
  // Of a head the parser says when it is enough.
  bool has_room = !in_request_ || (uncredited_ < options_.window && input_.size() < options_.window);
  bool may_read = !peer_closed_ && has_room;
  stream_->want(may_read, blocked_);
}

void Http1Connection::drain() {
  draining_ = true;
  if (!in_request_) close({ErrorKind::kCancelled, "the server is shutting down"});
}

void Http1Connection::close(Error error) {
  if (std::exchange(closed_, true)) return;
  reading_.stop();
  tunnel_.reset();
  if (stream_) stream_->want(false, false);
  timer_->disarm();
  closing_ = loop_.post([this, error = std::move(error)] {
    if (exchange_) exchange_->detach();
    bool incomplete = in_request_ && exchange_ && !(peer_ended_ && response_ended_);
    exchange_ = nullptr;
    if (incomplete && handler_) handler_->on_closed(error);
    auto on_closed = std::move(on_closed_);
    on_closed();  // destroys this
  });
}

// --- The tunnel.

void Http1Connection::switch_protocols() {
  if (tunnel_) return;
  std::string unsent = std::exchange(output_, {}).substr(written_);
  std::string first(unsent, unsent.size() - unreported_);  // what was sent behind the head, and is to be reported
  unsent.resize(unsent.size() - first.size());
  uncredited_ = unreported_ = written_ = 0;
  peer_ended_ = false;
  wants_calls_ = exchange_ != nullptr;
  net::BytePump::Options options{.window = options_.window, .half_closed_timeout = options_.idle_timeout};
  net::BytePump::Leftovers leftovers{.received = std::exchange(input_, {}), .unsent = std::move(unsent)};
  net::BytePumpUser& user = *this;
  tunnel_ = std::make_unique<net::BytePump>(loop_, std::move(stream_), user, options, std::move(leftovers));
  tunnel_->send(first);
  if (response_ended_) tunnel_->end();
  if (!exchange_) timer_->arm(kRestTimeout);
}

void Http1Connection::on_bytes(std::string_view bytes) {
  on_heard();
  if (wants_calls_) return handler_->on_body(bytes);
  tunnel_->credit(bytes.size());
}

void Http1Connection::on_peer_end() {
  peer_ended_ = true;
  if (wants_calls_) handler_->on_end({});
}

void Http1Connection::on_bytes_sent(size_t bytes) {
  if (wants_calls_) handler_->on_sent(bytes);
}

void Http1Connection::on_done(std::optional<Error> error) {
  close(error.value_or(Error{ErrorKind::kCancelled, "both sides have ended"}));
}

}  // namespace ringside::http
