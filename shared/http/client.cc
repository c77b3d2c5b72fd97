#include "http/client.h"

#include <algorithm>
#include <utility>

#include "event/async.h"
#include "net/tcp.h"
#include "net/tls.h"

namespace ringside::http {

// The user's Stream. Holds what is sent until a connection takes it, and a small body until there is an answer: a
// request that the server has certainly not seen is sent again.
class Client::PendingRequest : public Stream, private StreamHandler {
 public:
  PendingRequest(Client& client, RequestHead head, bool end, StreamHandler& handler)
      : client_(client), head_(std::move(head)), bodyless_(end), handler_(&handler) {}
  ~PendingRequest() override { client_.waiting_.remove(this); }

  // Stream.
  void send_response(ResponseHead, bool) override {}
  void send_body(std::string_view bytes) override {
    if (!real_) return void(body_.append(bytes));
    keep(bytes);
    real_->send_body(bytes);
  }
  void send_end(Headers trailers) override {
    ended_ = true;
    trailers_ = std::move(trailers);
    if (real_) real_->send_end(trailers_);
  }
  size_t unsent() const override { return real_ ? real_->unsent() : body_.size(); }
  void credit(size_t bytes) override {
    if (real_) real_->credit(bytes);
  }
  void reset() override {
    handler_ = nullptr;
    client_.waiting_.remove(this);
    real_.reset();
  }

  // For the client: false if the session takes no stream now.
  bool start_on(Http2Session& session) {
    auto stream = session.start(head_, bodyless_, *this);
    if (!stream) return false;
    real_ = std::move(stream);
    if (bodyless_) return true;
    if (!body_.empty()) real_->send_body(body_);
    if (body_.size() > kMaxKeptBody) forget();
    if (ended_) real_->send_end(trailers_);
    return true;
  }
  void fail(Error error) {
    if (handler_) std::exchange(handler_, nullptr)->on_closed(std::move(error));
  }

 private:
  static constexpr int kMaxTries = 3;
  static constexpr size_t kMaxKeptBody = 64 << 10;

  void keep(std::string_view bytes) {
    if (!repeatable_) return;
    body_.append(bytes);
    if (body_.size() > kMaxKeptBody) forget();
  }
  // It is sent no more: a watch lasts, and its head may be large.
  void forget() {
    repeatable_ = false;
    head_ = {};
    body_ = {};
  }

  void on_response(ResponseHead head) override {
    forget();
    if (handler_) handler_->on_response(std::move(head));
  }
  void on_body(std::string_view bytes) override {
    if (handler_) handler_->on_body(bytes);
  }
  void on_end(Headers trailers) override {
    if (handler_) handler_->on_end(std::move(trailers));
  }
  void on_sent(size_t bytes) override {
    size_t again = std::min(bytes, sent_before_);  // the handler was told of these in an earlier try
    sent_before_ -= again;
    bytes -= again;
    sent_ += bytes;
    if (handler_ && bytes > 0) handler_->on_sent(bytes);
  }
  void on_closed(Error error) override {
    if (error.kind == ErrorKind::kRefused && repeatable_ && ++tries_ < kMaxTries) {
      real_.reset();
      sent_before_ = sent_;
      return client_.submit(*this);
    }
    fail(std::move(error));
  }

  Client& client_;
  RequestHead head_;
  bool bodyless_;
  StreamHandler* handler_;
  std::unique_ptr<Stream> real_;
  std::string body_;        // what has come of it, as long as it is repeatable
  bool repeatable_ = true;  // not answered yet, and the body is small
  size_t sent_ = 0;         // bytes of the body that the handler was told of
  size_t sent_before_ = 0;  // of those, the ones that this try has yet to repeat
  bool ended_ = false;
  Headers trailers_;
  int tries_ = 0;
};

Client::Client(event::Loop& loop, Logger log, Dialer dial, Options options)
    : loop_(loop), log_(std::move(log)), dial_(std::move(dial)), options_(std::move(options)) {}

Client::~Client() = default;

std::unique_ptr<Stream> Client::start(RequestHead head, bool end, StreamHandler& handler) {
  if (head.authority.empty()) head.authority = options_.authority;
  auto request = std::make_unique<PendingRequest>(*this, std::move(head), end, handler);
  submit(*request);
  return request;
}

void Client::submit(PendingRequest& request) {
  if (try_submit(request)) return;
  waiting_.push_back(&request);
  dial_if_needed();
}

bool Client::try_submit(PendingRequest& request) {
  for (auto& connection : connections_) {
    if (connection && !connection->closed() && connection->session().can_start() &&
        request.start_on(connection->session())) {
      return true;
    }
  }
  return false;
}

void Client::submit_waiting() {
  while (!waiting_.empty() && try_submit(*waiting_.front())) waiting_.pop_front();
  if (!waiting_.empty()) dial_if_needed();
}

void Client::connect_ahead() {
  if (connections_.empty()) dial_if_needed();
}

void Client::dial_if_needed() {
  if (!dialing_.running()) dialing_ = event::Job(loop_, dial());
}

event::Task<void> Client::dial() {
  auto stream =
      co_await event::with_timeout(loop_, options_.connect_timeout, "connect to " + options_.authority, dial_());
  if (!stream) {
    log_.debug("cannot connect", {{"to", options_.authority}, {"error", stream.error().message}});
    // Nothing was sent, whatever the reason was.
    Error error{ErrorKind::kRefused, stream.error().message};
    // Those that their handlers start again meanwhile wait for the next attempt.
    for (size_t n = waiting_.size(); n > 0 && !waiting_.empty(); --n) {
      PendingRequest* request = waiting_.front();
      waiting_.pop_front();
      request->fail(error);
    }
    submit_soon();
    co_return;
  }
  auto position = connections_.emplace(connections_.end());
  Http2Connection::Options options;
  options.session.role = Http2Session::Role::kClient;
  options.session.max_header_bytes = options_.max_header_bytes;
  options.session.stream_window = options_.stream_window;
  options.ping_interval = options_.ping_interval;
  options.ping_timeout = options_.ping_timeout;
  *position = std::make_unique<Http2Connection>(
      loop_, std::move(*stream), options, nullptr, [this] { submit_soon(); }, [this, position] { remove(position); });
  submit_soon();
}

void Client::submit_soon() {
  if (submit_later_ || waiting_.empty()) return;
  submit_later_ = loop_.post([this] {
    submit_later_.reset();
    submit_waiting();
  });
}

void Client::remove(Connections::iterator position) {
  connections_.erase(position);
  submit_waiting();
}

void Client::retire_connections() {
  for (auto& connection : connections_) connection->drain();
}

// --- Whole messages, and bodies in pieces.

namespace {

// Collects an answer in pieces for one task.
class Collector : public BodyReader, private StreamHandler {
 public:
  explicit Collector(event::Loop& loop) : head_(loop), changed_(loop) {}

  void start(Client& client, Request request) {
    bool end = request.body.empty();
    if (!end) request.head.headers.set("content-length", std::to_string(request.body.size()));
    stream_ = client.start(std::move(request.head), end, *this);
    if (end) return;
    stream_->send_body(request.body);
    stream_->send_end();
  }

  event::Task<Result<ResponseHead>> head() { co_return co_await head_; }

  event::Task<Result<std::string>> next() override {
    while (pieces_.empty() && !ended_ && !error_) co_await changed_.wait();
    if (!pieces_.empty()) {
      std::string piece = std::exchange(pieces_, {});
      stream_->credit(piece.size());
      co_return piece;
    }
    // An answer that came before the whole request was sent is complete, though its stream was reset then.
    if (error_ && !ended_) co_return failure(*error_);
    co_return std::string();
  }

 private:
  void on_response(ResponseHead head) override { head_.complete(std::move(head)); }
  void on_body(std::string_view bytes) override {
    pieces_.append(bytes);
    changed_.notify();
  }
  void on_end(Headers) override {
    ended_ = true;
    changed_.notify();
  }
  void on_sent(size_t) override {}
  void on_closed(Error error) override {
    head_.complete(failure(error));
    error_ = std::move(error);
    changed_.notify();
  }

  event::Completion<Result<ResponseHead>> head_;
  event::Signal changed_;
  std::string pieces_;
  bool ended_ = false;
  std::optional<Error> error_;
  std::unique_ptr<Stream> stream_;
};

}  // namespace

event::Task<Result<StreamingResponse>> Client::open(Request request) {
  auto collector = std::make_unique<Collector>(loop_);
  collector->start(*this, std::move(request));
  auto head = co_await collector->head();
  if (!head) co_return failure(head.error());
  co_return StreamingResponse{std::move(*head), std::move(collector)};
}

event::Task<Result<Response>> Client::fetch(Request request, size_t max_body) {
  auto answer = co_await open(std::move(request));
  if (!answer) co_return failure(answer.error());
  Response response{answer->head.status, std::move(answer->head.headers), {}};
  for (;;) {
    auto piece = co_await answer->body->next();
    if (!piece) co_return failure(piece.error());
    if (piece->empty()) co_return response;
    response.body += *piece;
    if (response.body.size() > max_body) {
      co_return failure(ErrorKind::kInvalid, "the answer is larger than " + std::to_string(max_body) + " bytes");
    }
  }
}

event::Task<Result<std::unique_ptr<net::ByteStream>>> dial_tls(event::Loop& loop, std::string host, uint16_t port,
                                                               std::shared_ptr<net::TlsClientContext> tls,
                                                               std::string protocol) {
  auto tcp = co_await net::tcp_connect(loop, host, port);
  if (!tcp) co_return failure(tcp.error());
  auto connection = co_await net::tls_connect(loop, std::move(*tcp), *tls, host);
  if (!connection) co_return failure(connection.error().with_context(host + ":" + std::to_string(port)));
  if (connection->alpn != protocol) {
    co_return failure(ErrorKind::kInvalid,
                      host + ":" + std::to_string(port) + " does not speak " + protocol + " over TLS");
  }
  co_return std::move(connection->stream);
}

Dialer tls_dialer(event::Loop& loop, std::string host, uint16_t port, std::shared_ptr<net::TlsClientContext> tls,
                  std::string protocol) {
  return [&loop, host, port, tls, protocol] { return dial_tls(loop, host, port, tls, protocol); };
}

}  // namespace ringside::http
