// An HTTP/2 session on a byte stream: reads, writes once per turn, keeps the connection honest with pings.
#pragma once

#include <memory>
#include <string>

#include "event/loop.h"
#include "event/stepped_timer.h"
#include "http/connection.h"
#include "http/http2_session.h"
#include "net/byte_stream.h"

namespace ringside::http {

class Http2Connection : public Connection {
 public:
  struct Options {
    Http2Session::Options session;
    // After this long without a byte from the peer a PING is sent, and after the time-out, if nothing has come then
    // either, the connection is given up. Zero: never.
    Duration ping_interval = Duration::zero();
    Duration ping_timeout = std::chrono::seconds(15);
    TimePoint* heard = nullptr;  // set to now with all that comes from the peer; must outlive the connection
  };

  // on_change: see Http2Session::Events. Both callbacks must not destroy the connection from within on_change.
  Http2Connection(event::Loop& loop, std::unique_ptr<net::ByteStream> stream, Options options, StreamAcceptor accept,
                  std::function<void()> on_change, ConnectionClosed on_closed);
  ~Http2Connection() override;

  Http2Session& session() { return session_; }
  bool closed() const { return closed_; }
  void drain() override;
  std::string_view hangs() const override { return unanswered_ ? "does not answer a PING" : ""; }

 private:
  static constexpr size_t kOutputPerWrite = 64 << 10;
  static constexpr size_t kReadsPerTurn = 16;

  void on_ready(bool readable, bool writable);
  void read();
  void flush_soon();
  void flush();
  void write_all();
  void on_bytes_read();
  void on_silence();
  void on_no_answer();
  void close(Error error);

  event::Loop& loop_;
  Options options_;
  std::function<void()> on_change_;
  ConnectionClosed on_closed_;
  Http2Session session_;
  std::unique_ptr<net::ByteStream> stream_;
  std::unique_ptr<event::TurnEnd> flush_;
  std::unique_ptr<event::Timer> silence_;
  std::unique_ptr<event::SteppedTimer> ping_timeout_;  // armed: a PING has not been answered
  std::unique_ptr<event::Posted> closing_;
  std::string output_;  // taken from the session, not yet written
  size_t written_ = 0;  // of output_
  TimePoint last_read_;
  bool flushing_ = false;
  bool blocked_ = false;  // the last write could not be completed
  bool closed_ = false;
  bool unanswered_ = false;
};

}  // namespace ringside::http
