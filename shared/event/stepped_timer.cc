#include "event/stepped_timer.h"

#include <algorithm>
#include <utility>

namespace ringside::event {
namespace {

constexpr Duration kSlack = std::chrono::milliseconds(100);  // of a busy process, for very short delays

}  // namespace

SteppedTimer::SteppedTimer(Loop& loop, Loop::Callback callback)
    : loop_(loop),
      callback_(std::make_shared<Loop::Callback>(std::move(callback))),
      timer_(loop.timer([this] { on_step_over(); })) {}

void SteppedTimer::arm(Duration delay) {
  step_ = (delay + Duration(kSteps - 1)) / kSteps;  // rounded up: not too early
  steps_left_ = kSteps;
  begin_step();
}

void SteppedTimer::disarm() {
  timer_->disarm();
}

void SteppedTimer::begin_step() {
  step_end_ = loop_.now() + step_;
  timer_->arm(step_);
}

void SteppedTimer::on_step_over() {
  bool slept = loop_.now() - step_end_ > std::max(step_, kSlack);
  if (!slept && --steps_left_ == 0) {
    auto callback = callback_;  // kept: it may destroy this
    return (*callback)();
  }
  begin_step();
}

}  // namespace ringside::event
