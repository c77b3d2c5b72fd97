// The earliest of several moments.
#pragma once

#include <optional>

#include "base/clock.h"

namespace ringside::sidecar {

// Moments up to now are left out: what could be done at them has been done, and the rest waits for something else.
class Wake {
 public:
  explicit Wake(TimePoint now) : now_(now) {}

  void add(TimePoint moment) {
    if (moment > now_ && (!at_ || moment < *at_)) at_ = moment;
  }
  std::optional<TimePoint> at() const { return at_; }

 private:
  TimePoint now_;
  std::optional<TimePoint> at_;
};

}  // namespace ringside::sidecar
