// Timestamps as Kubernetes writes them: metav1.Time (seconds) and metav1.MicroTime (microseconds), both RFC 3339 in
// UTC.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"

namespace ringside {

// "2026-11-22T14:36:00Z" (metav1.Time; the fraction is dropped).
std::string to_rfc3339(WallTime time);

// "2026-11-22T14:36:00.123456Z" (metav1.MicroTime).
std::string to_rfc3339_micro(WallTime time);

// Either form, with "Z" or a numeric offset; digits past microseconds are dropped. kInvalid otherwise, also for what in
// UTC is not within the years 0 to 9999: it could not be written again.
Result<WallTime> parse_rfc3339(std::string_view text);

}  // namespace ringside
