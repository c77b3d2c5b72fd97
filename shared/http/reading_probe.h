// Finds out whether a client of HTTP/1.1 still reads: such a client cannot be asked, but where it is on the same host
// the kernel tells what its process has read.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "event/loop.h"
#include "event/stepped_timer.h"
#include "net/byte_stream.h"

namespace ringside::http {

// Signs of life of a client's process, which its connections have in common: it lives if it lives on one of them.
struct ClientLife {
  TimePoint heard;  // when something came from it last, or it was seen to read
  TimePoint asked;  // when the first of them was asked last
};

// For one connection. When the client was silent for the interval, it is sent bytes that mean nothing
// (ByteStream::nudge), on one connection first, and a moment later on all. A live process reads them at once. One
// that reads nothing of what waits for it within the time-out, nor gives any other sign of life, hangs. Where its
// reading cannot be known, or nothing waits to be read, nothing is said.
class ReadingProbe {
 public:
  struct Options {
    Duration interval = Duration::zero();  // zero: never asks
    Duration timeout = Duration::zero();
    ClientLife* life = nullptr;  // must outlive the probe; may be null if it never asks
  };

  // `on_hangs` is called from the loop, once at most.
  ReadingProbe(event::Loop& loop, Options options, std::function<void()> on_hangs);

  // A response is being sent on `stream`, which must live until stop().
  void response_begins(net::ByteStream& stream);
  // The client may leave the connection alone from now on. Only what waits to be read counts.
  void response_ends() { awaited_ = false; }
  void stop();

 private:
  void on_time();
  Duration until_next_look();
  void ask();
  void on_timeout();
  void end_question();
  // Since it was asked.
  bool lives() const;
  bool has_read() const;

  event::Loop& loop_;
  Options options_;
  std::function<void()> on_hangs_;
  net::ByteStream* stream_ = nullptr;
  bool awaited_ = false;  // a response is under way
  TimePoint asked_at_;
  std::optional<net::PeerReading> asked_;  // what had been read then
  std::unique_ptr<event::Timer> timer_;    // armed once and left alone: a response costs no timer
  event::SteppedTimer timeout_;
};

}  // namespace ringside::http
