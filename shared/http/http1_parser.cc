#include "http/http1_parser.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>

#include <utility>

#include "base/strings.h"

namespace ringside::http {

namespace beast = boost::beast;

class Http1RequestParser::Impl : public beast::http::basic_parser<true> {
 public:
  Impl(size_t max_header_bytes, Events events) : events_(std::move(events)) {
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
    head_.method = to_text(method);
    head_.path = to_text(target);
    version_ = version;
    if (!head_.path.starts_with('/')) error = beast::http::error::bad_target;  // proxy requests, CONNECT, OPTIONS *
  }
  void on_response_impl(int, View, int, Code&) override {}
  void on_field_impl(beast::http::field, View name, View value, Code& error) override {
    std::string key = to_lower({name.data(), name.size()});
    std::string text = to_text(value);
    if (is_header_done()) return;  // trailers
    if (key == "host") {
      // Two Host fields make the target ambiguous (RFC 9112 section 3.2).
      if (std::exchange(has_host_, true)) error = beast::http::error::bad_field;
      head_.authority = std::move(text);
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

  Events events_;
  RequestHead head_;
  int version_ = 11;
  bool has_host_ = false;
  bool expects_continue_ = false;
  uint64_t chunk_left_ = 0;
};

namespace {

constexpr size_t kShortestChunkHeader = 5;

// Whether a line of the head continues the one before it (obs-fold), which Beast would allow.
bool is_folded(std::string_view bytes) {
  std::string_view head = bytes.substr(0, bytes.find("\r\n\r\n"));
  return head.find("\r\n ") != head.npos || head.find("\r\n\t") != head.npos;
}

}  // namespace

Http1RequestParser::Http1RequestParser(size_t max_header_bytes, Events events)
    : impl_(std::make_unique<Impl>(max_header_bytes, std::move(events))) {}
Http1RequestParser::~Http1RequestParser() = default;

Result<size_t> Http1RequestParser::feed(std::string_view bytes) {
  size_t used = 0;
  if (!impl_->is_header_done() && is_folded(bytes)) {
    return failure(ErrorKind::kInvalid, "not a valid HTTP/1.1 request: folded header line");
  }
  while (used < bytes.size() && !impl_->is_done()) {
    // Beast asserts that it has so many bytes when it looks at the last chunk's header for the second time.
    if (impl_->at_chunk_header() && bytes.size() - used < kShortestChunkHeader) break;
    beast::error_code error;
    size_t n = impl_->put(boost::asio::const_buffer(bytes.data() + used, bytes.size() - used), error);
    used += n;
    if (error == beast::http::error::need_more) break;
    if (error == beast::http::error::header_limit) head_too_large_ = true;
    if (error) return failure(ErrorKind::kInvalid, "not a valid HTTP/1.1 request: " + error.message());
    if (n == 0) break;
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
