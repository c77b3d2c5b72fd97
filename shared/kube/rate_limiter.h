// A token bucket in front of requests, with the meaning of client-go's flowcontrol: `burst` requests at once, and on
// average `qps` a second.
#pragma once

#include <cstdint>
#include <optional>

#include "base/clock.h"
#include "event/loop.h"
#include "event/task.h"

namespace ringside::kube {

struct RateLimit {
  double qps = 0;     // above zero
  int64_t burst = 1;  // at least 1
};

// Requests pass in the order in which they have come. Who comes is given a token of the future, so waiting costs one
// timer each, and one that is given up meanwhile has spent its token.
class RateLimiter {
 public:
  // nullopt: no limit. The loop must outlive it.
  RateLimiter(event::Loop& loop, std::optional<RateLimit> limit);

  // Returns when the request may go. The limiter must outlive the task.
  event::Task<void> pass();

 private:
  // How long the next request has to wait; it is expected to wait then.
  Duration reserve(TimePoint now);

  event::Loop& loop_;
  std::optional<RateLimit> limit_;
  double tokens_ = 0;  // below zero: promised
  TimePoint filled_at_;
};

}  // namespace ringside::kube
