// HTTP/1.1 messages (RFC 9112) fed by hand: Boost.Beast's grammar, our events and values.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "http/message.h"

namespace ringside::http {

// Both parsers: feed() consumes from the front of bytes and returns how many. Less than all: the message is complete,
// or more bytes are needed (keep the rest and append). kInvalid if it is no HTTP/1.1 or the head is larger than
// max_header_bytes, as it is on the wire or as HTTP/2 counts (field_list_size). Of a head no byte is looked at more
// than a few times, however it comes.

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

  Http1RequestParser(size_t max_header_bytes, Events events);
  ~Http1RequestParser();

  Result<size_t> feed(std::string_view bytes);

  bool complete() const;
  bool head_complete() const;
  size_t head_bytes() const;      // that have come; until the head is complete
  bool keep_alive() const;        // valid when the head is complete
  bool expects_continue() const;  // "Expect: 100-continue"
  bool takes_chunks() const;      // the client understands a chunked response: not HTTP/1.0
  bool head_too_large() const;    // the reason why feed() failed

 private:
  class Impl;

  std::unique_ptr<Impl> impl_;
};

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

  // What is to be kept is never more than max_header_bytes.
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
