#include "event/job.h"

namespace ringside::event {
namespace {

// Starts a task that nothing awaits.
void start(Task<void>& task) {
  task.await_suspend(std::noop_coroutine()).resume();
}

}  // namespace

Job::Job(Loop& loop, Task<void> task, Loop::Callback on_done)
    : state_(std::make_unique<State>(loop, std::move(task), std::move(on_done))) {
  State& state = *state_;
  state.root.emplace(run(state));
  state.posted = loop.post([&state] { start(*state.root); });
}

Task<void> Job::run(State& state) {
  co_await state.task;
  state.done = true;
  state.posted = state.loop.post([&state] {
    auto on_done = std::move(state.on_done);  // may destroy the job, and the state with it
    on_done();
  });
}

void JobSet::add(Task<void> task) {
  auto position = jobs_.emplace(jobs_.end());
  *position = Job(loop_, std::move(task), [this, position] { jobs_.erase(position); });
}

}  // namespace ringside::event
