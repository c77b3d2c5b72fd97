#include "http/http1_parser.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>

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

 private:
  using Code = beast::error_code;
  using View = beast::string_view;

  static std::string to_text(View view) { return std::string(view.data(), view.size()); }

  void on_request_impl(beast::http::verb, View method, View target, int, Code&) override {
    head_.method = to_text(method);
    head_.path = to_text(target);
  }
  void on_response_impl(int, View, int, Code&) override {}
  void on_field_impl(beast::http::field, View name, View value, Code& error) override {
    std::string key = to_lower({name.data(), name.size()});
    std::string text = to_text(value);
    if (key == "host") {
      // Two Host fields make the target ambiguous (RFC 9112 section 3.2).
      if (!head_.authority.empty()) error = beast::http::error::bad_field;
      head_.authority = std::move(text);
    } else {
      if (key == "expect" && equals_ignoring_case(text, "100-continue")) expects_continue_ = true;
      head_.headers.add(std::move(key), std::move(text));
    }
  }
  void on_header_impl(Code&) override {
    // A request without Content-Length and Transfer-Encoding has no body.
    bool has_body = chunked() || content_length().value_or(0) > 0;
    events_.on_head(std::move(head_), has_body);
  }
  void on_body_init_impl(const boost::optional<uint64_t>&, Code&) override {}
  size_t on_body_impl(View bytes, Code&) override {
    events_.on_body({bytes.data(), bytes.size()});
    return bytes.size();
  }
  void on_chunk_header_impl(uint64_t, View, Code&) override {}
  size_t on_chunk_body_impl(uint64_t, View bytes, Code&) override {
    events_.on_body({bytes.data(), bytes.size()});
    return bytes.size();
  }
  void on_finish_impl(Code&) override { events_.on_end(); }

  Events events_;
  RequestHead head_;
  bool expects_continue_ = false;
};

Http1RequestParser::Http1RequestParser(size_t max_header_bytes, Events events)
    : impl_(std::make_unique<Impl>(max_header_bytes, std::move(events))) {}
Http1RequestParser::~Http1RequestParser() = default;

Result<size_t> Http1RequestParser::feed(std::string_view bytes) {
  size_t used = 0;
  while (used < bytes.size() && !impl_->is_done()) {
    beast::error_code error;
    size_t n = impl_->put(boost::asio::const_buffer(bytes.data() + used, bytes.size() - used), error);
    used += n;
    if (error == beast::http::error::need_more) break;
    if (error) return failure(ErrorKind::kInvalid, "not a valid HTTP/1.1 request: " + error.message());
    if (n == 0) break;
  }
  return used;
}

bool Http1RequestParser::complete() const { return impl_->is_done(); }
bool Http1RequestParser::head_complete() const { return impl_->is_header_done(); }
bool Http1RequestParser::keep_alive() const { return impl_->keep_alive(); }
bool Http1RequestParser::expects_continue() const { return impl_->expects_continue(); }

}  // namespace ringside::http
