// Durations as Go writes them (time.ParseDuration).
#pragma once

#include <optional>
#include <string_view>

#include "base/clock.h"

namespace ringside::injector {

// "300ms", "1.5s", "1m30s", "0". nullopt if malformed, negative or beyond 24 hours. Digits below a nanosecond are
// dropped.
std::optional<Duration> parse_go_duration(std::string_view text);

}  // namespace ringside::injector
