// Durations as Go writes them (time.ParseDuration): what Kubernetes' flags and configuration files use.
#pragma once

#include <string_view>

#include "base/clock.h"
#include "base/error.h"

namespace ringside {

// "5m", "1m30s", "1.5h", "-1s", "0". kInvalid otherwise, and past 292 years; the message quotes the text.
Result<Duration> parse_go_duration(std::string_view text);

// The same, but kInvalid if it is not within the bounds; the message names them.
Result<Duration> parse_go_duration(std::string_view text, Duration min, Duration max);

}  // namespace ringside
