#include "sidecar/relist_marks.h"

#include <algorithm>
#include <functional>

namespace ringside::sidecar {
namespace {

uint64_t hash(std::string_view path) {
  return std::hash<std::string_view>()(path);
}

}  // namespace

void RelistMarks::add(std::string_view path, TimePoint now) {
  expire(now);
  if (by_order_.size() >= options_.max_marks) drop_oldest();
  by_path_.emplace(hash(path), next_order_);
  by_order_.emplace(next_order_++, Mark{.path = hash(path), .until = now + options_.keep});
}

bool RelistMarks::take(std::string_view path, TimePoint now) {
  expire(now);
  auto mark = by_path_.find(hash(path));
  if (mark == by_path_.end()) return false;
  by_order_.erase(mark->second);
  by_path_.erase(mark);
  return true;
}

void RelistMarks::expire(TimePoint now) {
  while (!by_order_.empty() && by_order_.begin()->second.until <= now) drop_oldest();
}

void RelistMarks::drop_oldest() {
  auto [order, mark] = *by_order_.begin();
  auto [first, last] = by_path_.equal_range(mark.path);
  by_path_.erase(std::find_if(first, last, [&](const auto& each) { return each.second == order; }));
  by_order_.erase(by_order_.begin());
}

}  // namespace ringside::sidecar
