// What was applied to the API server, and what others have made of it since. Pure: versions and a time in.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/backoff.h"
#include "base/clock.h"

namespace ringside::central {

// By path. An object that somebody changed or deleted is due at once; if that happens again and again, at growing
// intervals, so that two who fight over an object do not keep the API server busy. What comes from our own writes, or
// is put right without a change (somebody added what is not ours, or wrote the status), is no fight.
class AppliedObjects {
 public:
  // `lasting`: how long an object that was applied is left alone if nothing is heard of it.
  explicit AppliedObjects(Duration lasting) : lasting_(lasting) {}

  bool is_due(const std::string& path, std::string_view text, TimePoint now) const;
  // The API server has taken the text, asked at `asked`; `version` is the resource version that it answered. What was
  // seen of later changes meanwhile stays to be put back.
  void applied(const std::string& path, std::string text, std::string version, TimePoint asked);
  void forget(const std::string& path) { objects_.erase(path); }

  // A watch shows the object at that version; empty: it is gone. When it is to be applied again; nullopt if it is as we
  // left it, or not ours. `random` spreads the retries.
  std::optional<TimePoint> seen(const std::string& path, std::string_view version, TimePoint now, uint64_t random);
  // The earliest of those times that is later than now; nullopt: none.
  std::optional<TimePoint> next_due(TimePoint now) const;

 private:
  struct Object {
    std::string text;
    std::string version;
    TimePoint at;
    std::optional<std::string> changed_to = {};  // by somebody else; empty: deleted
    TimePoint changed_at;                        // when that was seen first, and last
    TimePoint seen_at;
    TimePoint put_back_at;
    uint64_t random = 0;  // of the latest change
    TimePoint last_change = TimePoint::min();
    TimePoint change_before = TimePoint::min();
    Backoff backoff = {};
  };

  Duration lasting_;
  std::map<std::string, Object> objects_;
};

}  // namespace ringside::central
