#include "kube/rate_limiter.h"

#include <algorithm>

#include "event/async.h"

namespace ringside::kube {

RateLimiter::RateLimiter(event::Loop& loop, std::optional<RateLimit> limit) : loop_(loop), limit_(limit) {
  if (limit_) tokens_ = double(limit_->burst);
  filled_at_ = loop.now();
}

event::Task<void> RateLimiter::pass() {
  if (!limit_) co_return;
  Duration wait = reserve(loop_.now());
  if (wait > Duration::zero()) co_await event::sleep(loop_, wait);
}

Duration RateLimiter::reserve(TimePoint now) {
  double seconds = std::chrono::duration<double>(now - filled_at_).count();
  tokens_ = std::min(tokens_ + seconds * limit_->qps, double(limit_->burst)) - 1;
  filled_at_ = now;
  if (tokens_ >= 0) return Duration::zero();
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(-tokens_ / limit_->qps));
}

}  // namespace ringside::kube
