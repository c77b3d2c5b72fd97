#include "http/http1_get.h"

#include <array>
#include <utility>

#include "event/async.h"
#include "http/http1_parser.h"

namespace ringside::http {
namespace {

constexpr size_t kMaxHeader = 64 << 10;

std::string request_text(const RequestHead& head) {
  std::string text = "GET " + head.path + " HTTP/1.1\r\nHost: " + head.authority + "\r\nConnection: close\r\n";
  for (const auto& [name, value] : head.headers) text += name + ": " + value + "\r\n";
  return text + "\r\n";
}

// Writes, then reads to the end, in the steps that the stream allows.
class Conversation {
 public:
  Conversation(event::Loop& loop, std::unique_ptr<net::ByteStream> stream, std::string request, size_t max_bytes)
      : ready_(loop), stream_(std::move(stream)), request_(std::move(request)), max_bytes_(max_bytes) {
    stream_->set_ready_callback([this](bool, bool) { ready_.notify(); });
  }

  event::Task<Result<std::string>> run() {
    for (;;) {
      if (auto done = advance()) co_return std::move(*done);
      stream_->want(true, sent_ < request_.size());
      co_await ready_.wait();
      stream_->want(false, false);
    }
  }

 private:
  std::optional<Result<std::string>> advance() {
    while (sent_ < request_.size()) {
      net::IoResult result = stream_->write(std::string_view(request_).substr(sent_));
      if (result.status == net::IoStatus::kError) return failure(stream_->error());
      if (result.status != net::IoStatus::kOk) break;
      sent_ += result.n;
    }
    std::array<char, 16 << 10> buffer;
    for (;;) {
      net::IoResult result = stream_->read(buffer);
      if (result.status == net::IoStatus::kEnd) return std::move(answer_);
      if (result.status == net::IoStatus::kError) return failure(stream_->error());
      if (result.status != net::IoStatus::kOk) return std::nullopt;
      if (answer_.size() + result.n > max_bytes_) {
        return failure(ErrorKind::kInvalid, "the answer is larger than " + std::to_string(max_bytes_) + " bytes");
      }
      answer_.append(buffer.data(), result.n);
    }
  }

  event::Signal ready_;
  std::unique_ptr<net::ByteStream> stream_;
  std::string request_;
  size_t max_bytes_;
  size_t sent_ = 0;
  std::string answer_;
};

}  // namespace

Result<Response> parse_http1_response(std::string_view bytes) {
  Http1ResponseParser parser(kMaxHeader, /*answers_head=*/false);
  Http1ResponseParser::Part part;
  if (auto used = parser.feed(bytes, part); !used) return failure(used.error());
  if (!part.end) return failure(ErrorKind::kDisconnected, "the answer is not complete");
  return Response{.status = part.head->status, .headers = std::move(part.head->headers), .body = std::move(part.body)};
}

event::Task<Result<Response>> http1_get(event::Loop& loop, std::unique_ptr<net::ByteStream> stream, RequestHead head,
                                        size_t max_bytes) {
  Conversation conversation(loop, std::move(stream), request_text(head), max_bytes);
  auto answer = co_await conversation.run();
  if (!answer) co_return failure(answer.error());
  co_return parse_http1_response(*answer);
}

}  // namespace ringside::http
