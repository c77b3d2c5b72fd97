// Tasks in tests: started on a loop, asked for their result later.
#pragma once

#include <optional>
#include <utility>

#include "event/job.h"
#include "event/simulated_loop.h"
#include "event/task.h"

namespace ringside::testing {

// A task that runs on its own. Destroying it cancels the task.
template <typename T>
class Started {
 public:
  Started(event::Loop& loop, event::Task<T> task) : job_(loop, store(std::move(task), result_)) {}
  Started(const Started&) = delete;
  Started& operator=(const Started&) = delete;

  bool done() const { return result_.has_value(); }
  // Only when done.
  T& result() { return result_.value(); }

 private:
  static event::Task<void> store(event::Task<T> task, std::optional<T>& result) {
    event::Task<T> owned = std::move(task);  // ends with this block, and what it holds with it
    result.emplace(co_await owned);
  }

  std::optional<T> result_;
  event::Job job_;
};

// Runs the task as far as it comes without time passing; its result must be there by then.
template <typename T>
T run(event::SimulatedLoop& loop, event::Task<T> task) {
  Started<T> started(loop, std::move(task));
  loop.run_ready();
  return std::move(started.result());
}

}  // namespace ringside::testing
