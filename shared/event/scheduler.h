// Timers, posts and turn-end callbacks, without a clock: what the real and the simulated loop have in common.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "event/loop.h"

namespace ringside::event {

// Phases 2 to 4 of a turn. The loop that owns it decides what the time is. Handles may outlive the scheduler.
class Scheduler {
 public:
  Scheduler();
  ~Scheduler();

  std::unique_ptr<Timer> timer(Loop::Callback callback);
  std::unique_ptr<TurnEnd> turn_end(Loop::Callback callback);
  std::unique_ptr<Posted> post(Loop::Callback callback);

  TimePoint now() const;
  void set_now(TimePoint now);

  // Runs phases 2, 3 and 4 once.
  void run_phases();

  // Whether there is work for the next turn already.
  bool has_ready_work() const;
  // The deadline of the first timer, if any is armed.
  std::optional<TimePoint> next_deadline() const;

 private:
  struct State;
  class TimerImpl;
  class TurnEndImpl;
  class PostedImpl;
  std::shared_ptr<State> state_;
};

}  // namespace ringside::event
