// Which rings are to be reconciled, and when: client-go's rate-limiting work queue, keyed by ring.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "base/backoff.h"
#include "event/async.h"
#include "event/job.h"
#include "event/loop.h"
#include "event/task.h"

namespace ringside::central {

// A ring is worked on by one task at a time, several rings are side by side: one whose requests take long keeps no
// other one waiting. What is added while a ring is worked on comes after it. Destroying the queue cancels what is under
// way.
class RingQueue {
 public:
  // Whether it is done; else it is tried again, at growing intervals. Must not destroy the queue.
  using Work = std::function<event::Task<bool>(std::string ring)>;

  struct Options {
    Duration resync = std::chrono::minutes(5);  // a ring comes again that long after its last turn began
    Backoff::Options backoff = {};
    size_t at_once = 8;
  };

  RingQueue(event::Loop& loop, Options options, Work work);

  void add(const std::string& ring) { add_at(ring, loop_.now()); }
  // At that time or earlier.
  void add_at(const std::string& ring, TimePoint when);
  // It does not come again until it is added. What is under way for it goes on.
  void forget(const std::string& ring);

 private:
  struct Entry {
    explicit Entry(const Backoff::Options& options) : backoff(options) {}
    TimePoint due = TimePoint::max();
    Backoff backoff;
    bool running = false;
    bool forgotten = false;  // to be removed when it has run
  };

  event::Task<void> run();
  void start_due();
  Duration until_next() const;
  event::Task<void> work_on(std::string ring);

  event::Loop& loop_;
  Options options_;
  Work work_;
  std::map<std::string, Entry> entries_;
  size_t running_ = 0;
  event::Signal changed_;
  event::JobSet jobs_;
  event::Job job_;
};

}  // namespace ringside::central
