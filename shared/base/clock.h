// The types of time. Only the event loop reads a clock; everything else is handed a TimePoint or a WallTime.
#pragma once

#include <chrono>

namespace ringside {

using Duration = std::chrono::nanoseconds;

// Monotonic: for time-outs, leases and backoff. Never compared with another process's.
using TimePoint = std::chrono::time_point<std::chrono::steady_clock, Duration>;

// Wall clock in UTC: for timestamps that are shown or written to the API, never for deciding whether time has passed.
using WallTime = std::chrono::time_point<std::chrono::system_clock, std::chrono::microseconds>;

}  // namespace ringside
