#include "http/upgrade.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "base/life_flag.h"
#include "base/strings.h"
#include "event/async.h"
#include "http/http1_parser.h"
#include "net/byte_pump.h"

namespace ringside::http {
namespace {

std::vector<std::string_view> connection_options(const Headers& headers) {
  std::vector<std::string_view> options;
  for (const auto& [name, value] : headers) {
    if (name != "connection") continue;
    for (std::string_view option : split(value, ',')) options.push_back(trim(option));
  }
  return options;
}

bool contains(const std::vector<std::string_view>& options, std::string_view name) {
  return std::ranges::any_of(options, [&](std::string_view option) { return equals_ignoring_case(option, name); });
}

// Of the client's connection, or about a body, of which there is none.
bool is_dropped(std::string_view name) {
  return name == "connection" || name == "keep-alive" || name == "proxy-connection" || name == "te" ||
         name == "trailer" || name == "transfer-encoding" || name == "expect" || name == "host";
}

std::string request_text(const RequestHead& head, const std::string& authority) {
  std::string text = head.method + " " + head.path + " HTTP/1.1\r\nhost: " + authority + "\r\nconnection: Upgrade\r\n";
  auto options = connection_options(head.headers);
  for (const auto& [name, value] : head.headers) {
    if (is_dropped(name) || (name != "upgrade" && contains(options, name))) continue;
    text += name + ": " + value + "\r\n";
  }
  return text + "\r\n";
}

class UpgradeStream : public Stream, private net::BytePumpUser {
 public:
  UpgradeStream(event::Loop& loop, const Dialer& dial, UpgradeClient::Options options, RequestHead head,
                StreamHandler& handler)
      : loop_(loop),
        options_(std::move(options)),
        head_(std::move(head)),
        handler_(&handler),
        parser_(options_.max_header_bytes, head_.method == "HEAD") {
    dialing_ = event::Job(loop, connect(dial), [this] { on_dialled(); });
  }

  void send_response(ResponseHead, bool) override {}
  void send_body(std::string_view bytes) override {
    if (pump_ && switched_) pump_->send(bytes);
  }
  void send_end(Headers) override {
    if (pump_ && switched_) pump_->end();
  }
  size_t unsent() const override { return pump_ && switched_ ? pump_->unsent() : 0; }
  void credit(size_t bytes) override {
    if (pump_) pump_->credit(bytes);
  }
  void reset() override {
    handler_ = nullptr;
    pump_.reset();
    dialing_ = {};
  }

 private:
  event::Task<void> connect(Dialer dial) {
    connection_ =
        co_await event::with_timeout(loop_, options_.connect_timeout, "connect to " + options_.authority, dial());
  }

  void on_dialled() {
    // Nothing was sent, whatever the reason was.
    if (!connection_) return fail({ErrorKind::kRefused, connection_.error().message});
    net::BytePump::Options options{
        .window = options_.window, .half_closed_timeout = options_.half_closed_timeout, .reads_last_words = true};
    net::BytePump::Leftovers leftovers{.received = {}, .unsent = request_text(head_, options_.authority)};
    net::BytePumpUser& user = *this;
    pump_ = std::make_unique<net::BytePump>(loop_, std::move(*connection_), user, options, std::move(leftovers));
  }

  void on_bytes(std::string_view bytes) override {
    if (switched_) return handler_->on_body(bytes);
    input_.append(bytes);
    Http1ResponseParser::Part part;
    auto used = parser_.feed(input_, part);
    if (!used) return fail(used.error());
    input_.erase(0, *used);
    framing_ += int64_t(bytes.size());
    pass_on(std::move(part));
  }
  void on_peer_end() override {
    if (switched_) return handler_->on_end({});
    Http1ResponseParser::Part part;
    if (auto ended = parser_.feed_end(part); !ended) return fail(ended.error());
    pass_on(std::move(part));
  }
  void on_bytes_sent(size_t bytes) override { handler_->on_sent(bytes); }
  void on_done(std::optional<Error> error) override {
    pump_.reset();
    if (error) fail(std::move(*error));
  }

  // The handler may destroy this in each call.
  void pass_on(Http1ResponseParser::Part part) {
    switched_ = part.head && part.head->status == 101;
    if (switched_) part.body = std::exchange(input_, {});
    credit_framing(part.body.size());
    if (part.end && !switched_) pump_.reset();
    auto call = [this](auto&& callback) { return life_.survives(callback) && handler_ != nullptr; };
    if (part.head && !call([&] { handler_->on_response(std::move(*part.head)); })) return;
    if (!part.body.empty() && !call([&] { handler_->on_body(part.body); })) return;
    if (part.end && !switched_) handler_->on_end({});
  }

  // What the handler does not see it cannot give back.
  void credit_framing(size_t body_bytes) {
    framing_ -= int64_t(body_bytes);
    if (framing_ > 0) pump_->credit(size_t(std::exchange(framing_, 0)));
  }

  void fail(Error error) {
    pump_.reset();
    if (handler_) std::exchange(handler_, nullptr)->on_closed(std::move(error));
  }

  event::Loop& loop_;
  const UpgradeClient::Options options_;
  RequestHead head_;
  StreamHandler* handler_;  // nullptr: reset, or told the end
  Http1ResponseParser parser_;
  std::string input_;    // read, not yet parsed
  int64_t framing_ = 0;  // bytes read before the switch that were no body, not yet credited
  bool switched_ = false;
  Result<std::unique_ptr<net::ByteStream>> connection_;
  event::Job dialing_;
  std::unique_ptr<net::BytePump> pump_;
  LifeFlag life_;
};

}  // namespace

bool is_upgrade_request(const Headers& headers) {
  return headers.get("upgrade") && contains(connection_options(headers), "upgrade");
}

UpgradeClient::UpgradeClient(event::Loop& loop, Dialer dial, Options options)
    : loop_(loop), dial_(std::move(dial)), options_(std::move(options)) {}

std::unique_ptr<Stream> UpgradeClient::start(RequestHead head, StreamHandler& handler) {
  return std::make_unique<UpgradeStream>(loop_, dial_, options_, std::move(head), handler);
}

}  // namespace ringside::http
