#include "http/date.h"

#include <string>

#include "base/rfc3339.h"

namespace ringside::http {

std::optional<WallTime> parse_date(std::string_view text) {
  constexpr std::string_view kForm = "Sun, 06 Nov 1994 08:49:37 GMT";
  constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  if (text.size() != kForm.size() || !text.ends_with(" GMT") || text.substr(3, 2) != ", ") return std::nullopt;
  size_t month = kMonths.find(text.substr(8, 3));
  if (month == kMonths.npos || month % 3 != 0) return std::nullopt;
  std::string number = std::to_string(month / 3 + 1);
  std::string stamp(text.substr(12, 4));
  stamp += "-" + std::string(2 - number.size(), '0') + number + "-" + std::string(text.substr(5, 2));
  stamp += "T" + std::string(text.substr(17, 8)) + "Z";
  auto time = parse_rfc3339(stamp);
  return time ? std::optional(*time) : std::nullopt;
}

}  // namespace ringside::http
