// One request and its response, on a connection of either side and either HTTP version, with credit-based flow control.
//
// Two roles use the same interface. On a server, the peer's message is the request and ours the response; on a client,
// the other way round.
//
// Bytes that arrive are handed to the handler at once and count against the stream's window until credit() gives them
// back: whoever passes them on credits them when the other side took them, so that a reader that stops is felt at the
// source. Bytes that are sent are queued in the stream, and on_sent() says when they have been handed to the
// connection; who sends more than it has credit for is bounded by nobody else, so senders must watch unsent().
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string_view>

#include "base/error.h"
#include "http/message.h"

namespace ringside::http {

// What a stream tells its user. Calls come from within the connection's reading or writing: a handler may call any
// method of any Stream and may destroy its own Stream, but not the connection. on_closed is the last call; none follows
// the destruction of the Stream.
class StreamHandler {
 public:
  virtual ~StreamHandler() = default;

  // Client role only: the final response head (1xx are dropped, but 101 which is final here).
  virtual void on_response(ResponseHead head) = 0;
  // A piece of the body. The view ends with the call.
  virtual void on_body(std::string_view bytes) = 0;
  // The peer's message is complete.
  virtual void on_end(Headers trailers) = 0;
  // `bytes` of what was given to send_body have been taken by the connection. Not called for the whole of a message's
  // bytes if the stream is closed before.
  virtual void on_sent(size_t bytes) = 0;
  // The stream ended before both messages were complete: reset by the peer or by the connection's end. kRefused: the
  // peer has certainly not processed the request. kCancelled: RST_STREAM(CANCEL) or a closed client.
  virtual void on_closed(Error error) = 0;
};

// The user's handle on a stream. Destroying it resets the stream, unless both messages are complete or, on a server,
// the response is: what is left of it is sent then, and the rest of the request is dropped.
class Stream {
 public:
  virtual ~Stream() = default;

  // Server role: sends the response head. `end`: there is no body.
  virtual void send_response(ResponseHead head, bool end) = 0;
  // Queues a piece of our body (copied). After the head and before send_end.
  virtual void send_body(std::string_view bytes) = 0;
  // Our message is complete.
  virtual void send_end(Headers trailers = {}) = 0;
  // Bytes queued by send_body that the connection has not taken.
  virtual size_t unsent() const = 0;
  // Gives back `bytes` of those that on_body brought.
  virtual void credit(size_t bytes) = 0;
  // Ends the stream with an error: RST_STREAM, or the connection's end where there is none. on_closed is not called.
  virtual void reset() = 0;
};

// A request has begun: `stream` and `head` are the acceptor's; the handler it returns is called from now on, and is
// owned by the server until the stream is closed (after on_closed, or when both messages are complete; then it is
// destroyed). has_body: whether on_body or on_end will follow; false: the request is complete.
using StreamAcceptor =
    std::function<std::unique_ptr<StreamHandler>(std::unique_ptr<Stream> stream, RequestHead head, bool has_body)>;

}  // namespace ringside::http
