#include "base/go_duration.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "base/strings.h"

namespace ringside {
namespace {

// The number and the unit at the front of text, in nanoseconds; nullopt if it is malformed or does not fit.
std::optional<int64_t> take_part(std::string_view& text) {
  static constexpr std::pair<std::string_view, int64_t> kUnits[] = {
      {"ns", 1},         {"us", 1'000},        {"\u00b5s", 1'000},    {"\u03bcs", 1'000},
      {"ms", 1'000'000}, {"s", 1'000'000'000}, {"m", 60'000'000'000}, {"h", 3'600'000'000'000}};
  size_t end = std::min(text.find_first_not_of("0123456789."), text.size());
  std::string_view number = text.substr(0, end), rest = text.substr(end);
  std::string_view unit_name = rest.substr(0, rest.find_first_of("0123456789."));
  auto unit = std::ranges::find(kUnits, unit_name, [](const auto& each) { return each.first; });
  size_t dot = std::min(number.find('.'), number.size());
  std::string_view whole = number.substr(0, dot), fraction = dot < number.size() ? number.substr(dot + 1) : "";
  if (unit == std::end(kUnits) || (whole.empty() && fraction.empty()) || fraction.contains('.')) return std::nullopt;

  auto value = whole.empty() ? std::optional<int64_t>(0) : parse_int(whole);
  int64_t total = 0;
  if (!value || __builtin_mul_overflow(*value, unit->second, &total)) return std::nullopt;
  auto scale = double(unit->second);
  double extra = 0;
  for (char digit : fraction) extra += (digit - '0') * (scale /= 10);
  // Half a nanosecond more: the sum of tenths may lie just below the whole number that it stands for.
  if (__builtin_add_overflow(total, int64_t(extra + 0.5), &total)) return std::nullopt;
  text.remove_prefix(number.size() + unit_name.size());
  return total;
}

std::optional<Duration> go_duration(std::string_view text) {
  bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (text == "0") return Duration::zero();
  if (text.empty()) return std::nullopt;
  int64_t total = 0;
  while (!text.empty()) {
    auto part = take_part(text);
    if (!part || __builtin_add_overflow(total, *part, &total)) return std::nullopt;
  }
  return Duration(negative ? -total : total);
}

// "300ms" or "5s", for messages.
std::string to_text(Duration duration) {
  auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
  return ms % 1000 == 0 ? std::to_string(ms / 1000) + "s" : std::to_string(ms) + "ms";
}

}  // namespace

Result<Duration> parse_go_duration(std::string_view text) {
  if (auto duration = go_duration(text)) return *duration;
  return failure(ErrorKind::kInvalid,
                 "'" + std::string(text.substr(0, 64)) + "' is no duration, use one such as 15s, 5m or 1m30s");
}

Result<Duration> parse_go_duration(std::string_view text, Duration min, Duration max) {
  auto duration = parse_go_duration(text);
  if (!duration || (*duration >= min && *duration <= max)) return duration;
  return failure(ErrorKind::kInvalid,
                 "'" + std::string(text) + "' is not between " + to_text(min) + " and " + to_text(max));
}

}  // namespace ringside
