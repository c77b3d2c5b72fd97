// Which watches must not be resumed, since they were ended by a change of the ring.
#pragma once

#include <cstdint>
#include <map>
#include <string_view>

#include "base/clock.h"

namespace ringside::sidecar {

// One mark for every watch that was ended, by its path; resuming takes it. A mark is forgotten after `keep`: clients
// resume within seconds, and what an API server would resume after minutes is a matter of luck anyway. Beyond max_marks
// the oldest ones go. Paths are kept as hashes, some 100 bytes for each mark; two that collide cost a list too many.
class RelistMarks {
 public:
  struct Options {
    Duration keep = std::chrono::minutes(10);
    size_t max_marks = 20'000;
  };

  RelistMarks() : RelistMarks(Options()) {}
  explicit RelistMarks(Options options) : options_(options) {}

  void add(std::string_view path, TimePoint now);
  // Whether there was a mark for the path; it is gone then.
  bool take(std::string_view path, TimePoint now);
  size_t size() const { return by_path_.size(); }

 private:
  void drop_oldest();
  void expire(TimePoint now);

  Options options_;
  std::multimap<uint64_t, uint64_t> by_path_;  // hash of the path -> order
  struct Mark {
    uint64_t path = 0;
    TimePoint until;
  };
  std::map<uint64_t, Mark> by_order_;
  uint64_t next_order_ = 0;
};

}  // namespace ringside::sidecar
