// A time-out by which others are judged: it does not count time in which this process did not run.
#pragma once

#include <memory>

#include "event/loop.h"

namespace ringside::event {

// The delay passes in steps. A step that ends late by more than its own length was slept through (a pod that is frozen
// whole, a machine that stands still): it begins again, so that whoever slept as well has at least one whole step to
// answer in after waking, and all that were left before.
class SteppedTimer {
 public:
  static constexpr int kSteps = 6;

  SteppedTimer(Loop& loop, Loop::Callback callback);

  // (Re)starts it. The callback runs once, at the earliest after the delay.
  void arm(Duration delay);
  void disarm();
  bool armed() const { return timer_->armed(); }

 private:
  void begin_step();
  void on_step_over();

  Loop& loop_;
  std::shared_ptr<Loop::Callback> callback_;
  std::unique_ptr<Timer> timer_;
  Duration step_ = Duration::zero();
  TimePoint step_end_;
  int steps_left_ = 0;
};

}  // namespace ringside::event
