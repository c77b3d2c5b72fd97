#include "injector/go_duration.h"

#include <array>
#include <cstdint>
#include <utility>

namespace ringside::injector {
namespace {

constexpr double kMaxNanoseconds = 24 * 3600 * 1e9;

// Longest spelling first where one is the beginning of another.
constexpr auto kUnits = std::to_array<std::pair<std::string_view, double>>(
    {{"ns", 1}, {"us", 1e3}, {"\u00b5s", 1e3}, {"\u03bcs", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}});

// Takes digits with at most one point from the front of the text; nullopt if there is no digit.
std::optional<double> take_number(std::string_view& text) {
  double value = 0, fraction = 0;
  bool digits = false;
  while (!text.empty()) {
    char c = text.front();
    if (c == '.' && fraction == 0) {
      fraction = 1;
    } else if (c >= '0' && c <= '9') {
      digits = true;
      fraction /= 10;
      value = fraction == 0 ? value * 10 + (c - '0') : value + (c - '0') * fraction;
    } else {
      break;
    }
    text.remove_prefix(1);
  }
  if (!digits) return std::nullopt;
  return value;
}

std::optional<double> take_unit(std::string_view& text) {
  for (const auto& [name, nanoseconds] : kUnits) {
    if (!text.starts_with(name)) continue;
    text.remove_prefix(name.size());
    return nanoseconds;
  }
  return std::nullopt;
}

}  // namespace

std::optional<Duration> parse_go_duration(std::string_view text) {
  constexpr size_t kMaxLength = 32;
  if (text == "0") return Duration::zero();
  if (text.empty() || text.size() > kMaxLength) return std::nullopt;
  double total = 0;
  while (!text.empty()) {
    std::optional<double> number = take_number(text);
    if (!number) return std::nullopt;
    std::optional<double> unit = take_unit(text);
    if (!unit) return std::nullopt;
    total += *number * *unit;
    if (total > kMaxNanoseconds) return std::nullopt;
  }
  return Duration(int64_t(total + 0.5));
}

}  // namespace ringside::injector
