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
// refused, and so is a target that is no path (CONNECT, OPTIONS *, absolute URLs).
class Http1RequestParser {
 public:
  struct Events {
    // The head is complete. has_body: on_body or on_end will follow with what the framing says.
    std::function<void(RequestHead head, bool has_body)> on_head;
    std::function<void(std::string_view bytes)> on_body;  // chunking removed; the view ends with the call
    std::function<void()> on_end;
  };

  Http1RequestParser(size_t max_header_bytes, Events events);
  ~Http1RequestParser();

  // Consumes from the front of bytes; returns how many. Less than all: the request is complete, or more bytes are
  // needed (keep the rest and append). kInvalid if it is no HTTP/1.1 request or the head is too large.
  Result<size_t> feed(std::string_view bytes);

  bool complete() const;
  bool head_complete() const;
  bool keep_alive() const;                                 // valid when the head is complete
  bool expects_continue() const;                           // "Expect: 100-continue"
  bool takes_chunks() const;                               // the client understands a chunked response: not HTTP/1.0
  bool head_too_large() const { return head_too_large_; }  // the reason why feed() failed

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
  bool head_too_large_ = false;
};

}  // namespace ringside::http
