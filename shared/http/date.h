// The Date header field (RFC 9110 section 5.6.7).
#pragma once

#include <optional>
#include <string_view>

#include "base/clock.h"

namespace ringside::http {

// "Sun, 22 Nov 2026 19:00:00 GMT", the one form that is still written; nullopt for all else.
std::optional<WallTime> parse_date(std::string_view text);

}  // namespace ringside::http
