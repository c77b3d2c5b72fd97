// An HTTP/1.1 response parser (RFC 9112) fed by hand: Boost.Beast's grammar, our values.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "http/message.h"

namespace ringside::http {

// Parses the final response to one request. Interim responses (1xx) are dropped, but for 101, which is final here: what
// follows its head is not HTTP any more and is left to the caller.
class Http1ResponseParser {
 public:
  // What one call has brought.
  struct Part {
    std::optional<ResponseHead> head;
    std::string body;  // chunking removed
    bool end = false;  // the response is complete; nothing more is consumed
  };

  // answers_head: the request's method was HEAD.
  Http1ResponseParser(size_t max_header_bytes, bool answers_head);
  ~Http1ResponseParser();

  // Consumes from the front of bytes; returns how many. Less than all: the response is complete, or more bytes are
  // needed (keep the rest, at most the header's maximum, and append). kInvalid if it is no HTTP/1.1 response or the
  // head is too large.
  Result<size_t> feed(std::string_view bytes, Part& part);
  // The connection has ended, which is the body's end if nothing else says where that is; kDisconnected if something
  // is missing.
  Result<void> feed_end(Part& part);

 private:
  class Impl;

  const size_t max_header_bytes_;
  const bool answers_head_;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ringside::http
