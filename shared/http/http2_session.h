// HTTP/2 (RFC 9113) without I/O, for both roles: bytes in, bytes out, streams in between (nghttp2 inside).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "http/head_budget.h"
#include "http/message.h"
#include "http/stream.h"

namespace ringside::http {

class Http2Session {
 public:
  enum class Role { kClient, kServer };

  struct Options {
    Role role = Role::kServer;
    uint32_t max_concurrent_streams = 250;  // that the peer may open (server)
    // Of one head, as RFC 9113 section 6.5.2 counts; it is announced. A server answers 431 to a larger one, a client
    // ends the stream. A peer's heads come one after the other, so so much is held of those that are not complete.
    // nghttp2 takes fields of at most 64 KiB, as they are on the wire; with a larger one the connection ends.
    size_t max_header_bytes = 64 << 10;
    HeadBudget* head_budget = nullptr;  // server: must outlive the session; 503 to a head that finds no room in it
    // Bytes of one stream that may be on their way to its user: what a reader that has stopped holds in memory. The
    // connection's own window is credited at once, so that one stopped stream does not stop the others.
    uint32_t stream_window = 128 << 10;
  };

  struct Events {
    StreamAcceptor accept;                    // server: a request has come
    std::function<void()> on_output = [] {};  // there is output to take; called at any time, do not take it from within
    std::function<void()> on_change = [] {};  // streams were closed, or limits or draining() changed
  };

  Http2Session(Options options, Events events);
  ~Http2Session();
  Http2Session(const Http2Session&) = delete;
  Http2Session& operator=(const Http2Session&) = delete;

  // Bytes from the peer. An error means that the connection must be closed after what take_output still gives.
  Result<void> receive(std::string_view bytes);

  // Appends output to `out` until it holds at least `limit` bytes or there is none.
  void take_output(std::string& out, size_t limit);

  // Tells handlers what has been sent since the last call. Call it after take_output.
  void report_sent();

  // Client: starts a request. nullptr if can_start() is false. `end`: there is no body. The handler must outlive the
  // Stream.
  std::unique_ptr<Stream> start(const RequestHead& head, bool end, StreamHandler& handler);
  // Client: whether the peer takes another stream now.
  bool can_start() const;

  size_t open_streams() const { return streams_.size(); }
  // No new streams: the peer said GOAWAY, or drain() was called.
  bool draining() const { return draining_; }
  // Tells the peer to go: GOAWAY for what follows; open streams go on.
  void drain();
  void ping();
  // Nothing to read or write any more.
  bool finished() const;

  // The connection is lost: closes every stream with the error. Nothing else may be called afterwards but destruction.
  void fail(const Error& error);

 private:
  struct Native;       // nghttp2's session and callbacks
  struct StreamState;  // one stream
  class Handle;        // the user's Stream

  StreamState* find(int32_t id);
  void close(int32_t id, uint32_t code);
  int refuse_head(StreamState& stream, int status);
  void on_head_complete(StreamState& stream, bool end);
  void on_peer_end(StreamState& stream);

  Options options_;
  Events events_;
  std::map<int32_t, std::unique_ptr<StreamState>> streams_;
  std::vector<int32_t> sent_;  // streams with bytes to report
  HeadBudget::Share head_share_;
  bool draining_ = false;
  bool goaway_due_ = false;
  std::unique_ptr<Native> native_;
};

}  // namespace ringside::http
