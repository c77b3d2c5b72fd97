// The shards that a ring had until recently. Pure.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"

namespace ringside::central {

// An object may still come to a shard that has just departed: its handover was decided before, or by a replica of the
// webhook that saw the departure later. By then it is too late for the sync that the departure led to.
class DepartedShards {
 public:
  // Longer than any handover or request that began before the departure.
  static constexpr Duration kRemembered = std::chrono::minutes(5);

  // The ring's shards are these now.
  void update(const std::vector<std::string>& present, TimePoint now);

  // Those that were present and are not any more, for kRemembered; sorted.
  std::vector<std::string> names() const;

 private:
  std::set<std::string> present_;
  std::map<std::string, TimePoint> departed_;  // when that was seen
};

}  // namespace ringside::central
