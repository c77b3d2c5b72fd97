#include "event/scheduler.h"

#include <algorithm>
#include <utility>

namespace ringside::event {

// Shared with the handles, so that a handle that outlives its loop is harmless.
struct Scheduler::State {
  TimePoint now{};
  uint64_t sequence = 0;
  std::map<std::pair<TimePoint, uint64_t>, TimerImpl*> timers;
  std::deque<PostedImpl*> posts;        // nullptr: cancelled
  std::vector<TurnEndImpl*> turn_ends;  // scheduled; nullptr: cancelled
  std::vector<TurnEndImpl*> running;    // those of the phase 4 that runs now
};

class Scheduler::TimerImpl : public Timer {
 public:
  TimerImpl(std::shared_ptr<State> state, Loop::Callback callback)
      : state_(std::move(state)), callback_(std::make_shared<Loop::Callback>(std::move(callback))) {}
  ~TimerImpl() override { disarm(); }

  void arm(Duration delay) override {
    disarm();
    key_ = {state_->now + std::max(delay, Duration::zero()), state_->sequence++};
    state_->timers.emplace(key_, this);
    armed_ = true;
  }
  void disarm() override {
    if (armed_) state_->timers.erase(key_);
    armed_ = false;
  }
  bool armed() const override { return armed_; }

  void fire() {
    disarm();
    auto callback = callback_;  // kept: the callback may destroy this timer
    (*callback)();
  }

 private:
  std::shared_ptr<State> state_;
  std::shared_ptr<Loop::Callback> callback_;
  std::pair<TimePoint, uint64_t> key_;
  bool armed_ = false;
};

class Scheduler::TurnEndImpl : public TurnEnd {
 public:
  TurnEndImpl(std::shared_ptr<State> state, Loop::Callback callback)
      : state_(std::move(state)), callback_(std::make_shared<Loop::Callback>(std::move(callback))) {}
  ~TurnEndImpl() override {
    if (!scheduled_) return;
    for (auto* list : {&state_->turn_ends, &state_->running}) {
      std::replace(list->begin(), list->end(), this, static_cast<TurnEndImpl*>(nullptr));
    }
  }
  void schedule() override {
    if (std::exchange(scheduled_, true)) return;
    state_->turn_ends.push_back(this);
  }
  void run() {
    scheduled_ = false;
    auto callback = callback_;  // kept: the callback may destroy this handle
    (*callback)();
  }

 private:
  std::shared_ptr<State> state_;
  std::shared_ptr<Loop::Callback> callback_;
  bool scheduled_ = false;
};

class Scheduler::PostedImpl : public Posted {
 public:
  PostedImpl(std::shared_ptr<State> state, Loop::Callback callback)
      : state_(std::move(state)), callback_(std::move(callback)) {
    state_->posts.push_back(this);
  }
  ~PostedImpl() override {
    if (!pending_) return;
    std::replace(state_->posts.begin(), state_->posts.end(), this, static_cast<PostedImpl*>(nullptr));
  }
  void run() {
    pending_ = false;
    // Moved to the stack: the callback may destroy this handle.
    auto callback = std::move(callback_);
    callback();
  }

 private:
  std::shared_ptr<State> state_;
  Loop::Callback callback_;
  bool pending_ = true;
};

Scheduler::Scheduler() : state_(std::make_shared<State>()) {}
Scheduler::~Scheduler() = default;

std::unique_ptr<Timer> Scheduler::timer(Loop::Callback callback) {
  return std::make_unique<TimerImpl>(state_, std::move(callback));
}

std::unique_ptr<TurnEnd> Scheduler::turn_end(Loop::Callback callback) {
  return std::make_unique<TurnEndImpl>(state_, std::move(callback));
}

std::unique_ptr<Posted> Scheduler::post(Loop::Callback callback) {
  return std::make_unique<PostedImpl>(state_, std::move(callback));
}

TimePoint Scheduler::now() const {
  return state_->now;
}
void Scheduler::set_now(TimePoint now) {
  state_->now = now;
}

void Scheduler::run_phases() {
  auto state = state_;
  // A timer that is armed for zero in a timer's callback runs in the next turn.
  uint64_t limit = state->sequence;
  for (auto first = state->timers.begin();
       first != state->timers.end() && first->first.first <= state->now && first->first.second < limit;
       first = state->timers.begin()) {
    first->second->fire();
  }
  for (int i = 0; i < Loop::kMaxPostsPerTurn && !state->posts.empty(); ++i) {
    PostedImpl* posted = state->posts.front();
    state->posts.pop_front();
    if (posted) posted->run();
  }
  state->running.swap(state->turn_ends);
  for (size_t i = 0; i < state->running.size(); ++i) {
    if (TurnEndImpl* ending = std::exchange(state->running[i], nullptr)) ending->run();
  }
  state->running.clear();
}

bool Scheduler::has_ready_work() const {
  return !state_->posts.empty() || !state_->turn_ends.empty();
}

std::optional<TimePoint> Scheduler::next_deadline() const {
  if (state_->timers.empty()) return std::nullopt;
  return state_->timers.begin()->first.first;
}

}  // namespace ringside::event
