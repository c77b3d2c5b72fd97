#include "http/http1_parser.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>

#include <algorithm>
#include <utility>

#include "base/strings.h"
#include "http/request_target.h"

namespace ringside::http {
namespace {

namespace beast = boost::beast;
using beast::http::error;

constexpr size_t kShortestChunkHeader = 5;
constexpr std::string_view kEndOfHead = "\r\n\r\n";

// Whether a line continues the one before it (obs-fold), which Beast would allow.
bool is_folded(std::string_view lines) {
  return lines.find("\r\n ") != lines.npos || lines.find("\r\n\t") != lines.npos;
}

// What requests and responses have in common, and what Beast does not see to.
template <bool kIsRequest>
class MessageParser : public beast::http::basic_parser<kIsRequest> {
 public:
  // See feed().
  Result<size_t> consume(std::string_view bytes) {
    if (!this->is_header_done()) {
      if (auto checked = check_head(bytes); !checked) return failure(checked.error());
    }
    size_t used = 0;
    while (used < bytes.size() && !this->is_done()) {
      // Beast asserts that it has so many bytes when it looks at the last chunk's header for the second time.
      if (at_chunk_header() && bytes.size() - used < kShortestChunkHeader) break;
      Code code;
      size_t n = this->put(boost::asio::const_buffer(bytes.data() + used, bytes.size() - used), code);
      used += n;
      if (code == error::need_more) break;
      if (code == error::header_limit) return failure(error_of_head_size());
      if (code) return failure(invalid(code.message()));
      if (n == 0) break;
    }
    if (!this->is_header_done()) {
      head_used_ += used;
      looked_at_ = bytes.size() - used;
    }
    return used;
  }

  size_t head_bytes() const { return head_used_ + looked_at_; }
  bool head_too_large() const { return head_too_large_; }

 protected:
  using Code = beast::error_code;
  using View = beast::string_view;

  explicit MessageParser(size_t max_header_bytes) : max_header_bytes_(max_header_bytes) {
    this->header_limit(uint32_t(max_header_bytes));
    this->body_limit(boost::none);  // bounded by who reads
    this->eager(true);
  }

  static std::string to_text(View view) { return std::string(view.data(), view.size()); }

  // A part of the head, which has so many bytes as HTTP/2 counts.
  void count(size_t list_size, Code& code) {
    list_size_ += list_size;
    if (list_size_ > max_header_bytes_) code = error::header_limit;
  }

  virtual void on_body(std::string_view bytes) = 0;

 private:
  // Between two chunks; what is left of a valid message has at least five bytes then ("0\r\n\r\n").
  bool at_chunk_header() { return this->is_header_done() && this->chunked() && chunk_left_ == 0; }

  // Beast takes whole lines out of the head, and its limit is about what is left.
  Result<void> check_head(std::string_view bytes) {
    size_t from = looked_at_ - std::min(looked_at_, kEndOfHead.size() - 1);
    size_t end = bytes.find(kEndOfHead, from);
    end = end == bytes.npos ? bytes.size() : end + kEndOfHead.size();
    if (head_used_ > 0 && bytes.starts_with("\r\n")) end = 2;  // all lines were taken but the empty one
    if (head_used_ + end > max_header_bytes_) return std::unexpected(error_of_head_size());
    if (kIsRequest && is_folded(bytes.substr(from, end - from))) {
      return std::unexpected(invalid("folded header line"));
    }
    return {};
  }

  static Error invalid(const std::string& why) {
    return {ErrorKind::kInvalid,
            "not a valid HTTP/1.1 " + std::string(kIsRequest ? "request" : "response") + ": " + why};
  }
  Error error_of_head_size() {
    head_too_large_ = true;
    return invalid("the head is larger than " + std::to_string(max_header_bytes_) + " bytes");
  }

  void on_body_init_impl(const boost::optional<uint64_t>&, Code&) override {}
  size_t on_body_impl(View bytes, Code&) override {
    on_body({bytes.data(), bytes.size()});
    return bytes.size();
  }
  void on_chunk_header_impl(uint64_t size, View, Code&) override { chunk_left_ = size; }
  size_t on_chunk_body_impl(uint64_t, View bytes, Code&) override {
    chunk_left_ -= bytes.size();
    on_body({bytes.data(), bytes.size()});
    return bytes.size();
  }

  const size_t max_header_bytes_;
  size_t head_used_ = 0;  // bytes of the head that were consumed
  size_t looked_at_ = 0;  // bytes of the head that were not, and are known not to be its end
  size_t list_size_ = 0;  // of the head
  bool head_too_large_ = false;
  uint64_t chunk_left_ = 0;
};

}  // namespace

// --- Requests.

class Http1RequestParser::Impl : public MessageParser<true> {
 public:
  Impl(size_t max_header_bytes, Events events) : MessageParser(max_header_bytes), events_(std::move(events)) {}

  bool expects_continue() const { return expects_continue_; }
  int version() const { return version_; }

 private:
  void on_request_impl(beast::http::verb, View method, View target, int version, Code& code) override {
    version_ = version;
    auto parts = parse_request_target({method.data(), method.size()}, {target.data(), target.size()});
    if (!parts) {
      code = error::bad_target;
      return;
    }
    head_.method = to_text(method);
    head_.path = parts->path;
    head_.authority = parts->authority.value_or("");
    count(header_list_size(head_), code);
  }
  void on_response_impl(int, View, int, Code&) override {}
  void on_field_impl(beast::http::field, View name, View value, Code& code) override {
    if (is_header_done()) return;  // trailers
    std::string key = to_lower({name.data(), name.size()});
    std::string text = to_text(value);
    count(key == "host" ? text.size() : field_list_size(key, text), code);  // :authority is there already
    if (key == "host") {
      // Two Host fields make the target ambiguous (RFC 9112 section 3.2).
      if (std::exchange(has_host_, true)) code = error::bad_field;
      if (head_.authority.empty()) head_.authority = std::move(text);
      return;
    }
    // Where the message ends must be beyond doubt, for whoever reads it after us too (RFC 9112 section 6).
    bool chunked_only = version_ >= 11 && equals_ignoring_case(text, "chunked");
    if (key == "transfer-encoding" && !chunked_only) code = error::bad_transfer_encoding;
    if (key == "content-length" && (!parse_int(text) || head_.headers.get(key))) code = error::bad_content_length;
    if (key == "expect" && equals_ignoring_case(text, "100-continue")) expects_continue_ = true;
    head_.headers.add(std::move(key), std::move(text));
  }
  void on_header_impl(Code& code) override {
    if (!has_host_ && version_ >= 11) {
      code = error::bad_field;
      return;
    }
    // A request without Content-Length and Transfer-Encoding has no body.
    bool has_body = chunked() || content_length().value_or(0) > 0;
    events_.on_head(std::move(head_), has_body);
  }
  void on_body(std::string_view bytes) override { events_.on_body(bytes); }
  void on_finish_impl(Code&) override { events_.on_end(); }

  Events events_;
  RequestHead head_;
  int version_ = 11;
  bool has_host_ = false;
  bool expects_continue_ = false;
};

Http1RequestParser::Http1RequestParser(size_t max_header_bytes, Events events)
    : impl_(std::make_unique<Impl>(max_header_bytes, std::move(events))) {}
Http1RequestParser::~Http1RequestParser() = default;

Result<size_t> Http1RequestParser::feed(std::string_view bytes) {
  return impl_->consume(bytes);
}
bool Http1RequestParser::complete() const {
  return impl_->is_done();
}
bool Http1RequestParser::head_complete() const {
  return impl_->is_header_done();
}
size_t Http1RequestParser::head_bytes() const {
  return impl_->head_bytes();
}
bool Http1RequestParser::keep_alive() const {
  return impl_->keep_alive();
}
bool Http1RequestParser::expects_continue() const {
  return impl_->expects_continue();
}
bool Http1RequestParser::takes_chunks() const {
  return impl_->version() >= 11;
}
bool Http1RequestParser::head_too_large() const {
  return impl_->head_too_large();
}

// --- Responses.

class Http1ResponseParser::Impl : public MessageParser<false> {
 public:
  Impl(size_t max_header_bytes, bool answers_head) : MessageParser(max_header_bytes) { skip(answers_head); }

  void set_part(Part& part) { part_ = &part; }
  bool interim() const { return head_.status / 100 == 1 && head_.status != 101; }

 private:
  void on_request_impl(beast::http::verb, View, View, int, Code&) override {}
  void on_response_impl(int status, View, int, Code&) override { head_.status = status; }
  void on_field_impl(beast::http::field, View name, View value, Code& code) override {
    if (is_header_done()) return;  // trailers
    std::string key = to_lower({name.data(), name.size()});
    std::string text = to_text(value);
    count(field_list_size(key, text), code);
    if (key == "transfer-encoding" && !equals_ignoring_case(text, "chunked")) code = error::bad_transfer_encoding;
    head_.headers.add(std::move(key), std::move(text));
  }
  void on_header_impl(Code&) override {
    if (!interim()) part_->head = ResponseHead{head_.status, std::move(head_.headers)};
  }
  void on_body(std::string_view bytes) override { part_->body.append(bytes); }
  void on_finish_impl(Code&) override {}

  Part* part_ = nullptr;  // of the call under way
  ResponseHead head_;
};

Http1ResponseParser::Http1ResponseParser(size_t max_header_bytes, bool answers_head)
    : max_header_bytes_(max_header_bytes),
      answers_head_(answers_head),
      impl_(std::make_unique<Impl>(max_header_bytes, answers_head)) {}
Http1ResponseParser::~Http1ResponseParser() = default;

Result<size_t> Http1ResponseParser::feed(std::string_view bytes, Part& part) {
  size_t used = 0;
  for (;;) {
    impl_->set_part(part);
    auto consumed = impl_->consume(bytes.substr(used));
    if (!consumed) return consumed;
    used += *consumed;
    if (!impl_->is_done() || !impl_->interim()) break;
    impl_ = std::make_unique<Impl>(max_header_bytes_, answers_head_);
  }
  part.end = impl_->is_done();
  if (!part.end && bytes.size() - used > max_header_bytes_) {
    return failure(ErrorKind::kInvalid, "not a valid HTTP/1.1 response: chunk header or trailers are too large");
  }
  return used;
}

Result<void> Http1ResponseParser::feed_end(Part& part) {
  beast::error_code code;
  impl_->set_part(part);
  if (impl_->got_some() && !impl_->is_done()) impl_->put_eof(code);
  part.end = impl_->is_done() && !code;
  if (part.end) return {};
  return failure(ErrorKind::kDisconnected, "connection lost: closed before the response was complete");
}

}  // namespace ringside::http
