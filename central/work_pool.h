// Requests under way, some at a time, that outlive the sync that began them.
#pragma once

#include <cstddef>

#include "event/async.h"
#include "event/job.h"
#include "event/task.h"

namespace ringside::central {

// Used by one task at a time:
//
//   co_await pool.room();
//   pool.add(work());
//   ...
//   co_await pool.idle();
//
// That task may be destroyed while it waits; what was added goes on. Destroying the pool cancels it.
class WorkPool {
 public:
  // At most `limit` tasks at a time, at least 1.
  WorkPool(event::Loop& loop, size_t limit) : limit_(limit < 1 ? 1 : limit), ended_(loop), jobs_(loop) {}

  // Waits until another task may be added.
  event::Task<void> room() {
    while (running_ >= limit_) co_await ended_.wait();
  }
  // Waits until all have ended.
  event::Task<void> idle() {
    while (running_ > 0) co_await ended_.wait();
  }
  void add(event::Task<void> task) {
    ++running_;
    jobs_.add(run(*this, std::move(task)));
  }

 private:
  static event::Task<void> run(WorkPool& pool, event::Task<void> task) {
    co_await task;
    --pool.running_;
    pool.ended_.notify();
  }

  size_t limit_;
  size_t running_ = 0;
  event::Signal ended_;
  event::JobSet jobs_;
};

}  // namespace ringside::central
