// What runs Tasks: Job (one), JobSet (many, each removed when done).
#pragma once

#include <list>
#include <memory>
#include <optional>

#include "event/loop.h"
#include "event/task.h"

namespace ringside::event {

// A Task<void> that nobody awaits. Starts in phase 3 of the present turn; destroying the Job cancels it. A job must not
// be destroyed by its own task, except through on_done, which runs in a later phase 3, when the task has ended.
class Job {
 public:
  Job() = default;
  Job(Loop& loop, Task<void> task, Loop::Callback on_done = [] {});
  Job(Job&&) noexcept = default;
  Job& operator=(Job&&) noexcept = default;

  // False before it was given a task and after that task has ended.
  bool running() const { return state_ && !state_->done; }

 private:
  struct State {
    State(Loop& l, Task<void> t, Loop::Callback callback) : loop(l), task(std::move(t)), on_done(std::move(callback)) {}
    Loop& loop;
    Task<void> task;
    std::optional<Task<void>> root;
    Loop::Callback on_done;
    bool done = false;
    std::unique_ptr<Posted> posted;  // start, later on_done
  };
  static Task<void> run(State& state);

  std::unique_ptr<State> state_;
};

// Jobs that are forgotten when they end. Destroying the set cancels all.
class JobSet {
 public:
  explicit JobSet(Loop& loop) : loop_(loop) {}
  JobSet(const JobSet&) = delete;
  JobSet& operator=(const JobSet&) = delete;

  void add(Task<void> task);
  size_t size() const { return jobs_.size(); }

 private:
  Loop& loop_;
  std::list<Job> jobs_;
};

}  // namespace ringside::event
