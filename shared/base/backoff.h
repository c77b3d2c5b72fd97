// Exponential backoff with jitter.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/clock.h"

namespace ringside {

// How long to wait before the next try. A value: randomness is handed in, so tests decide it.
class Backoff {
 public:
  struct Options {
    Duration initial = std::chrono::milliseconds(200);
    Duration max = std::chrono::seconds(10);
    double factor = 2.0;
  };

  Backoff() = default;
  explicit Backoff(Options options) : options_(options) {}

  // The wait before the next try: between half and all of initial * factor^n, n the number of failures so far, at most
  // max. `random` is any uniformly distributed number.
  Duration next(uint64_t random) {
    if (current_ == Duration::zero()) current_ = options_.initial;
    Duration base = std::min(current_, options_.max);
    current_ = std::min(std::chrono::duration_cast<Duration>(current_ * options_.factor), options_.max);
    double jitter = 0.5 + double(random % 1024) / 2048.0;
    return std::chrono::duration_cast<Duration>(base * jitter);
  }

  // After a success.
  void reset() { current_ = Duration::zero(); }

 private:
  Options options_ = {};
  Duration current_ = Duration::zero();
};

}  // namespace ringside
