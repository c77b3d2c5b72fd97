// Finds out whether a client of HTTP/1.1 still reads its response: such a client cannot be asked, but where it is on
// the same host the kernel tells what its process has read.
#pragma once

#include <functional>
#include <optional>

#include "event/loop.h"
#include "event/stepped_timer.h"
#include "net/byte_stream.h"

namespace ringside::http {

// A client that was silent for the interval is sent bytes that mean nothing (ByteStream::nudge). A live process reads
// them at once; one that reads nothing of what waits for it within the time-out, and says nothing on any of its
// connections, hangs. Of clients whose reading cannot be known, and where nothing waits to be read, nothing is said.
class ReadingProbe {
 public:
  struct Options {
    Duration interval = Duration::zero();  // zero: never asks
    Duration timeout = Duration::zero();
    // When the client said something last, on whatever connection. Must outlive the probe; nullptr: it says nothing.
    const TimePoint* last_heard = nullptr;
  };

  // `on_hung` is called from the loop, once for each client that was found to hang.
  ReadingProbe(event::Loop& loop, Options options, std::function<void()> on_hung);

  // A response is being sent on `stream`, which must live until stop().
  void start(net::ByteStream& stream);
  void stop();

 private:
  void on_time();
  void ask();
  void on_timeout();
  // Since it was asked.
  bool has_read() const;

  event::Loop& loop_;
  Options options_;
  std::function<void()> on_hung_;
  net::ByteStream* stream_ = nullptr;
  TimePoint asked_at_;
  std::optional<net::PeerReading> asked_;  // what had been read then
  std::unique_ptr<event::Timer> timer_;    // armed once and left alone: a response costs no timer
  event::SteppedTimer timeout_;
};

}  // namespace ringside::http
