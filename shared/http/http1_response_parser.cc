#include "http/http1_response_parser.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>

#include <utility>

#include "base/strings.h"

namespace ringside::http {

namespace beast = boost::beast;

class Http1ResponseParser::Impl : public beast::http::basic_parser<false> {
 public:
  Impl(size_t max_header_bytes, bool answers_head) {
    header_limit(uint32_t(max_header_bytes));
    body_limit(boost::none);  // bounded by who reads
    eager(true);
    skip(answers_head);
  }

  void set_part(Part& part) { part_ = &part; }
  bool interim() const { return head_.status / 100 == 1 && head_.status != 101; }
  // Between two chunks; what is left of a valid message has at least five bytes then ("0\r\n\r\n").
  bool at_chunk_header() { return is_header_done() && chunked() && chunk_left_ == 0; }

 private:
  using Code = beast::error_code;
  using View = beast::string_view;

  void on_request_impl(beast::http::verb, View, View, int, Code&) override {}
  void on_response_impl(int status, View, int, Code&) override { head_.status = status; }
  void on_field_impl(beast::http::field, View name, View value, Code& error) override {
    if (is_header_done()) return;  // trailers
    std::string key = to_lower({name.data(), name.size()});
    std::string text(value.data(), value.size());
    if (key == "transfer-encoding" && !equals_ignoring_case(text, "chunked")) {
      error = beast::http::error::bad_transfer_encoding;
    }
    head_.headers.add(std::move(key), std::move(text));
  }
  void on_header_impl(Code&) override {
    if (!interim()) part_->head = ResponseHead{head_.status, std::move(head_.headers)};
  }
  void on_body_init_impl(const boost::optional<uint64_t>&, Code&) override {}
  size_t on_body_impl(View bytes, Code&) override {
    part_->body.append(bytes.data(), bytes.size());
    return bytes.size();
  }
  void on_chunk_header_impl(uint64_t size, View, Code&) override { chunk_left_ = size; }
  size_t on_chunk_body_impl(uint64_t, View bytes, Code&) override {
    chunk_left_ -= bytes.size();
    part_->body.append(bytes.data(), bytes.size());
    return bytes.size();
  }
  void on_finish_impl(Code&) override {}

  Part* part_ = nullptr;  // of the call under way
  ResponseHead head_;
  uint64_t chunk_left_ = 0;
};

namespace {

constexpr size_t kShortestChunkHeader = 5;

Error invalid(const beast::error_code& error) {
  return {ErrorKind::kInvalid, "not a valid HTTP/1.1 response: " + error.message()};
}

}  // namespace

Http1ResponseParser::Http1ResponseParser(size_t max_header_bytes, bool answers_head)
    : max_header_bytes_(max_header_bytes),
      answers_head_(answers_head),
      impl_(std::make_unique<Impl>(max_header_bytes, answers_head)) {}
Http1ResponseParser::~Http1ResponseParser() = default;

Result<size_t> Http1ResponseParser::feed(std::string_view bytes, Part& part) {
  size_t used = 0;
  impl_->set_part(part);
  while (used < bytes.size() && !impl_->is_done()) {
    // Beast asserts that it has so many bytes when it looks at the last chunk's header for the second time.
    if (impl_->at_chunk_header() && bytes.size() - used < kShortestChunkHeader) break;
    beast::error_code error;
    size_t n = impl_->put(boost::asio::const_buffer(bytes.data() + used, bytes.size() - used), error);
    used += n;
    if (error == beast::http::error::need_more) break;
    if (error) return failure(invalid(error));
    if (impl_->is_done() && impl_->interim()) {
      impl_ = std::make_unique<Impl>(max_header_bytes_, answers_head_);
      impl_->set_part(part);
      continue;
    }
    if (n == 0) break;
  }
  part.end = impl_->is_done();
  if (!part.end && bytes.size() - used > max_header_bytes_) {
    return failure(ErrorKind::kInvalid, "not a valid HTTP/1.1 response: chunk header or trailers are too large");
  }
  return used;
}

Result<void> Http1ResponseParser::feed_end(Part& part) {
  beast::error_code error;
  impl_->set_part(part);
  if (impl_->got_some() && !impl_->is_done()) impl_->put_eof(error);
  part.end = impl_->is_done() && !error;
  if (part.end) return {};
  return failure(ErrorKind::kDisconnected, "connection lost: closed before the response was complete");
}

}  // namespace ringside::http
