// The event loop: one thread, one loop per process. Everything that waits, waits here.
//
// One turn of the loop runs, in this order:
//   1. I/O callbacks of the descriptors that are ready (FdWatch),
//   2. timers that are due, in the order of their deadlines,
//   3. posted callbacks, in the order of posting, those included that are posted meanwhile (at most kMaxPostsPerTurn,
//      the rest in the next turn); coroutines are resumed here,
//   4. turn-end callbacks (TurnEnd), each at most once: connections write what the turn has queued, in one system call.
//
// Handles (timers, watches, posts) cancel on destruction: after it, their callback does not run. A callback may destroy
// any handle, its own included.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "base/clock.h"

namespace ringside::event {

// A callback that runs once after a delay. Made disarmed.
class Timer {
 public:
  virtual ~Timer() = default;
  // (Re)starts the timer: the callback runs once, `delay` from the loop's now. Negative counts as zero.
  virtual void arm(Duration delay) = 0;
  virtual void disarm() = 0;
  virtual bool armed() const = 0;
};

// A callback that runs in phase 4 of the turn in which schedule() was called (of the next one, if phase 4 runs
// already).
class TurnEnd {
 public:
  virtual ~TurnEnd() = default;
  virtual void schedule() = 0;  // idempotent until the callback runs
};

// Readiness of a descriptor, level-triggered. Does not own the descriptor; must be destroyed before it is closed.
class FdWatch {
 public:
  virtual ~FdWatch() = default;
  virtual void want(bool read, bool write) = 0;
};

// A posted callback that has not run yet; destroying it cancels the callback.
class Posted {
 public:
  virtual ~Posted() = default;
};

class Loop {
 public:
  using Callback = std::move_only_function<void()>;
  using ReadyCallback = std::move_only_function<void(bool readable, bool writable)>;

  static constexpr int kMaxPostsPerTurn = 4096;

  virtual ~Loop() = default;

  // The time at which this turn began: the same for all its callbacks.
  virtual TimePoint now() const = 0;
  virtual WallTime wall_now() const = 0;

  // Uniformly distributed; for jitter and names, not for keys (those come from the TLS library).
  virtual uint64_t random() = 0;

  [[nodiscard]] virtual std::unique_ptr<Timer> timer(Callback callback) = 0;
  [[nodiscard]] virtual std::unique_ptr<TurnEnd> turn_end(Callback callback) = 0;
  [[nodiscard]] virtual std::unique_ptr<Posted> post(Callback callback) = 0;
  // Begins disabled; call want().
  [[nodiscard]] virtual std::unique_ptr<FdWatch> watch(int fd, ReadyCallback callback) = 0;
  // Runs the callback whenever the process receives the signal.
  [[nodiscard]] virtual std::unique_ptr<Posted> on_signal(int signal, std::function<void()> callback) = 0;
};

}  // namespace ringside::event
