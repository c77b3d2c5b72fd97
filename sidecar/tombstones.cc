#include "sidecar/tombstones.h"

#include <utility>

namespace ringside::sidecar {

void Tombstones::add(const ObjectRef& object, size_t children, TimePoint now) {
  erase(object);
  Entry entry = {.order = next_order_++, .since = now, .weight = 1 + children};
  weight_ += entry.weight;
  by_age_.emplace(entry.order, object);
  entries_.emplace(object, entry);
}

void Tombstones::erase(const ObjectRef& object) {
  auto entry = entries_.find(object);
  if (entry == entries_.end()) return;
  weight_ -= entry->second.weight;
  by_age_.erase(entry->second.order);
  entries_.erase(entry);
}

std::vector<ObjectRef> Tombstones::expire(TimePoint now) {
  std::vector<ObjectRef> expired;
  while (!by_age_.empty()) {
    ObjectRef oldest = by_age_.begin()->second;
    if (weight_ <= options_.max_objects && now < entries_.at(oldest).since + options_.keep) break;
    erase(oldest);
    expired.push_back(std::move(oldest));
  }
  return expired;
}

void Tombstones::want_read(const ObjectRef& object, bool newer) {
  Read& read = reads_[object];
  read.wanted = true;
  read.newer |= newer;
}

std::vector<ObjectRef> Tombstones::take_reads(TimePoint now, size_t limit) {
  std::vector<ObjectRef> due;
  for (auto entry = reads_.begin(); entry != reads_.end();) {
    Read& read = entry->second;
    bool rested = !read.asked && now >= read.not_before;
    if (rested && !read.wanted) {
      entry = reads_.erase(entry);
      continue;
    }
    if (rested && due.size() < limit) {
      read = {.wanted = false, .asked = true, .newer = false, .not_before = now};
      due.push_back(entry->first);
    }
    ++entry;
  }
  return due;
}

bool Tombstones::read_done(const ObjectRef& object, TimePoint now) {
  auto read = reads_.find(object);
  if (read == reads_.end()) return true;
  read->second.asked = false;
  read->second.not_before = now + options_.read_interval;
  return !read->second.newer;
}

void Tombstones::add_wakes(Wake& wake) const {
  if (!by_age_.empty()) wake.add(entries_.at(by_age_.begin()->second).since + options_.keep);
  for (const auto& [object, read] : reads_) {
    if (read.wanted && !read.asked) wake.add(read.not_before);
  }
}

}  // namespace ringside::sidecar
