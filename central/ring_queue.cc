#include "central/ring_queue.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace ringside::central {

RingQueue::RingQueue(event::Loop& loop, Options options, Work work)
    : loop_(loop), options_(options), work_(std::move(work)), changed_(loop), jobs_(loop), job_(loop, run()) {}

void RingQueue::add_at(const std::string& ring, TimePoint when) {
  Entry& entry = entries_.try_emplace(ring, options_.backoff).first->second;
  entry.forgotten = false;
  entry.due = std::min(entry.due, when);
  changed_.notify();
}

void RingQueue::forget(const std::string& ring) {
  auto entry = entries_.find(ring);
  if (entry == entries_.end()) return;
  if (!entry->second.running) {
    entries_.erase(entry);
    return;
  }
  entry->second.forgotten = true;
  entry->second.due = TimePoint::max();
}

event::Task<void> RingQueue::run() {
  for (;;) {
    start_due();
    co_await event::wait_for(loop_, changed_, until_next());
  }
}

// Those that have waited longest first.
void RingQueue::start_due() {
  std::vector<std::pair<TimePoint, std::string>> due;
  for (const auto& [ring, entry] : entries_) {
    if (!entry.running && entry.due <= loop_.now()) due.emplace_back(entry.due, ring);
  }
  std::ranges::sort(due);
  for (auto& [_, ring] : due) {
    if (running_ >= options_.at_once) return;
    ++running_;
    Entry& entry = entries_.at(ring);
    entry.running = true;
    entry.due = loop_.now() + options_.resync;
    jobs_.add(work_on(std::move(ring)));
  }
}

// A ring that is due by now waits for another one to end, which notifies.
Duration RingQueue::until_next() const {
  Duration wait = options_.resync;
  for (const auto& [_, entry] : entries_) {
    if (!entry.running && entry.due > loop_.now()) wait = std::min(wait, entry.due - loop_.now());
  }
  return wait;
}

event::Task<void> RingQueue::work_on(std::string ring) {
  bool done = co_await work_(ring);
  --running_;
  changed_.notify();
  auto entry = entries_.find(ring);  // there: an entry that runs is never removed
  entry->second.running = false;
  if (entry->second.forgotten) {
    entries_.erase(entry);
    co_return;
  }
  if (done) {
    entry->second.backoff.reset();
  } else {
    entry->second.due = std::min(entry->second.due, loop_.now() + entry->second.backoff.next(loop_.random()));
  }
}

}  // namespace ringside::central
