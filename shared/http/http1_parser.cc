#include "http/http1_parser.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>

#include <algorithm>
#include <utility>

#include "base/strings.h"
#include "http/request_target.h"

namespace ringside::http {

namespace beast = boost::beast;

class Http1RequestParser::Impl : public beast::http::basic_parser<true> {
 public:
  Impl(size_t max_header_bytes, Events events) : max_header_bytes_(max_header_bytes), events_(std::move(events)) {
    header_limit(uint32_t(max_header_bytes));
    body_limit(boost::none);  // bounded by who reads
    eager(true);
  }

  bool expects_continue() const { return expects_continue_; }
  int version() const { return version_; }
  // Between two chunks; what is left of a valid message has at least five bytes then ("0\r\n\r\n").
  bool at_chunk_header() { return is_header_done() && chunked() && chunk_left_ == 0; }

 private:
  using Code = beast::error_code;
  using View = beast::string_view;

  static std::string to_text(View view) { return std::string(view.data(), view.size()); }

  void on_request_impl(beast::http::verb, View method, View target, int version, Code& error) override {
    version_ = version;
    auto parts = parse_request_target({method.data(), method.size()}, {target.data(), target.size()});
    if (!parts) {
      error = beast::http::error::bad_target;
      return;
    }
    head_.method = to_text(method);
    head_.path = parts->path;
    head_.authority = parts->authority.value_or("");
    list_size_ = header_list_size(head_);
  }
  void on_response_impl(int, View, int, Code&) override {}
  void on_field_impl(beast::http::field, View name, View value, Code& error) override {
    std::string key = to_lower({name.data(), name.size()});
    std::string text = to_text(value);
    if (is_header_done()) return;                                            // trailers
    list_size_ += key == "host" ? text.size() : field_list_size(key, text);  // :authority is there already
    if (list_size_ > max_header_bytes_) error = beast::http::error::header_limit;
    if (key == "host") {
      // Two Host fields make the target ambiguous (RFC 9112 section 3.2).
      if (std::exchange(has_host_, true)) error = beast::http::error::bad_field;
      if (head_.authority.empty()) head_.authority = std::move(text);
      return;
    }
    // Where the message ends must be beyond doubt, for whoever reads it after us too (RFC 9112 section 6).
    bool chunked_only = version_ >= 11 && equals_ignoring_case(text, "chunked");
    if (key == "transfer-encoding" && !chunked_only) error = beast::http::error::bad_transfer_encoding;
    if (key == "content-length" && (!parse_int(text) || head_.headers.get(key))) {
      error = beast::http::error::bad_content_length;
    }
    if (key == "expect" && equals_ignoring_case(text, "100-continue")) expects_continue_ = true;
    head_.headers.add(std::move(key), std::move(text));
  }
  void on_header_impl(Code& error) override {
    if (!has_host_ && version_ >= 11) {
      error = beast::http::error::bad_field;
      return;
    }
    // A request without Content-Length and Transfer-Encoding has no body.
    bool has_body = chunked() || content_length().value_or(0) > 0;
    events_.on_head(std::move(head_), has_body);
  }
  void on_body_init_impl(const boost::optional<uint64_t>&, Code&) override {}
  size_t on_body_impl(View bytes, Code&) override {
    events_.on_body({bytes.data(), bytes.size()});
    return bytes.size();
  }
  void on_chunk_header_impl(uint64_t size, View, Code&) override { chunk_left_ = size; }
  size_t on_chunk_body_impl(uint64_t, View bytes, Code&) override {
    chunk_left_ -= bytes.size();
    events_.on_body({bytes.data(), bytes.size()});
    return bytes.size();
  }
  void on_finish_impl(Code&) override { events_.on_end(); }

  const size_t max_header_bytes_;
  Events events_;
  RequestHead head_;
  size_t list_size_ = 0;  // of head_, as HTTP/2 counts
  int version_ = 11;
  bool has_host_ = false;
  bool expects_continue_ = false;
  uint64_t chunk_left_ = 0;
};

namespace {

constexpr size_t kShortestChunkHeader = 5;
constexpr std::string_view kEndOfHead = "\r\n\r\n";

Error invalid(const std::string& why) {
  return {ErrorKind::kInvalid, "not a valid HTTP/1.1 request: " + why};
}

// Whether a line continues the one before it (obs-fold), which Beast would allow.
bool is_folded(std::string_view lines) {
  return lines.find("\r\n ") != lines.npos || lines.find("\r\n\t") != lines.npos;
}

}  // namespace

Http1RequestParser::Http1RequestParser(size_t max_header_bytes, Events events)
    : max_header_bytes_(max_header_bytes), impl_(std::make_unique<Impl>(max_header_bytes, std::move(events))) {}
Http1RequestParser::~Http1RequestParser() = default;

// What Beast does not see to: it takes whole lines out of the head, and its limit is about what is left; and it
// unfolds.
Result<void> Http1RequestParser::check_head(std::string_view bytes) {
  size_t from = looked_at_ - std::min(looked_at_, kEndOfHead.size() - 1);
  size_t end = bytes.find(kEndOfHead, from);
  end = end == bytes.npos ? bytes.size() : end + kEndOfHead.size();
  if (head_used_ > 0 && bytes.starts_with("\r\n")) end = 2;  // all lines were taken but the empty one
  if (head_used_ + end > max_header_bytes_) return std::unexpected(error_of_head_size());
  if (is_folded(bytes.substr(from, end - from))) return std::unexpected(invalid("folded header line"));
  return {};
}

Error Http1RequestParser::error_of_head_size() {
  head_too_large_ = true;
  return invalid("the head is larger than " + std::to_string(max_header_bytes_) + " bytes");
}

Result<size_t> Http1RequestParser::feed(std::string_view bytes) {
  if (!head_complete()) {
    if (auto checked = check_head(bytes); !checked) return failure(checked.error());
  }
  size_t used = 0;
  while (used < bytes.size() && !impl_->is_done()) {
    // Beast asserts that it has so many bytes when it looks at the last chunk's header for the second time.
    if (impl_->at_chunk_header() && bytes.size() - used < kShortestChunkHeader) break;
    beast::error_code error;
    size_t n = impl_->put(boost::asio::const_buffer(bytes.data() + used, bytes.size() - used), error);
    used += n;
    if (error == beast::http::error::need_more) break;
    if (error == beast::http::error::header_limit) return failure(error_of_head_size());
    if (error) return failure(invalid(error.message()));
    if (n == 0) break;
  }
  if (!head_complete()) {
    head_used_ += used;
    looked_at_ = bytes.size() - used;
  }
  return used;
}

bool Http1RequestParser::complete() const {
  return impl_->is_done();
}
bool Http1RequestParser::head_complete() const {
  return impl_->is_header_done();
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

}  // namespace ringside::http
