// An HTTP/1.1 request parser (RFC 9112) fed by hand: Boost.Beast's grammar, our events.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "http/message.h"

namespace ringside::http {

// Parses one request; make a new one for the next. Strict: what is ambiguous (two lengths, obs-fold, bare CR) is
// refused. Of a URL as the target its authority counts, and any Host field is ignored.
class Http1RequestParser {
 public:
  struct Events {
    // The head is complete. has_body: on_body or on_end will follow with what the framing says.
    std::function<void(RequestHead head, bool has_body)> on_head;
    std::function<void(std::string_view bytes)> on_body;  // chunking removed; the view ends with the call
    std::function<void()> on_end;
  };

  // max_header_bytes: of the head, as it is on the wire and also as HTTP/2 counts it (header_list_size).
  Http1RequestParser(size_t max_header_bytes, Events events);
  ~Http1RequestParser();

  // Consumes from the front of bytes; returns how many. Less than all: the request is complete, or more bytes are
  // needed (keep the rest and append). kInvalid if it is no HTTP/1.1 request or the head is too large. Of a head no
  // byte is looked at more than a few times, however it comes.
  Result<size_t> feed(std::string_view bytes);

  bool complete() const;
  bool head_complete() const;
  size_t head_bytes() const { return head_used_ + looked_at_; }  // that have come; until the head is complete
  bool keep_alive() const;                                       // valid when the head is complete
  bool expects_continue() const;                                 // "Expect: 100-continue"
  bool takes_chunks() const;                               // the client understands a chunked response: not HTTP/1.0
  bool head_too_large() const { return head_too_large_; }  // the reason why feed() failed

 private:
  class Impl;

  Result<void> check_head(std::string_view bytes);
  Error error_of_head_size();

  const size_t max_header_bytes_;
  std::unique_ptr<Impl> impl_;
  size_t head_used_ = 0;  // bytes of the head that were consumed
  size_t looked_at_ = 0;  // bytes of the head that were not, and are known not to be its end
  bool head_too_large_ = false;
};

}  // namespace ringside::http
