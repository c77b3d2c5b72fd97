// Many tasks, some at a time.
#pragma once

#include <functional>
#include <optional>

#include "event/async.h"
#include "event/job.h"
#include "event/task.h"

namespace ringside::central {

// Runs what `next` returns, at most `limit` (at least 1) at a time, until it returns nullopt. Destroying the task
// cancels those under way.
inline event::Task<void> concurrently(event::Loop& loop, size_t limit,
                                      std::function<std::optional<event::Task<void>>()> next) {
  struct Shared {
    std::function<std::optional<event::Task<void>>()> next;
    size_t running;
    event::Signal ended;
  };
  Shared shared{.next = std::move(next), .running = limit, .ended = event::Signal(loop)};
  auto work = [](Shared& s) -> event::Task<void> {
    while (auto task = s.next()) co_await *task;
    if (--s.running == 0) s.ended.notify();
  };
  event::JobSet workers(loop);
  for (size_t i = 0; i < limit; ++i) workers.add(work(shared));
  co_await shared.ended.wait();
}

}  // namespace ringside::central
