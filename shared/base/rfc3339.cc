#include "base/rfc3339.h"

#include <array>
#include <cstdio>
#include <optional>

namespace ringside {
namespace {

using std::chrono::days;
using std::chrono::microseconds;
using std::chrono::seconds;

struct Parts {
  int year, hour, minute, second, micro;
  unsigned month, day;
};

Parts split(WallTime time) {
  auto day = std::chrono::floor<days>(time);
  std::chrono::year_month_day date(day);
  auto rest = time - day;
  auto sec = std::chrono::floor<seconds>(rest).count();
  return Parts{
      int(date.year()),       int(sec / 3600),     int(sec / 60 % 60), int(sec % 60), int(rest.count() % 1'000'000),
      unsigned(date.month()), unsigned(date.day())};
}

// Reads exactly `digits` decimal digits from the front of text.
std::optional<int> take_number(std::string_view& text, size_t digits) {
  if (text.size() < digits) return std::nullopt;
  int value = 0;
  for (size_t i = 0; i < digits; ++i) {
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(digits);
  return value;
}

bool take(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

// The fraction after the dot, as microseconds.
std::optional<int> take_fraction(std::string_view& text) {
  int value = 0, digits = 0;
  for (; !text.empty() && text.front() >= '0' && text.front() <= '9'; text.remove_prefix(1), ++digits) {
    if (digits < 6) value = value * 10 + (text.front() - '0');
  }
  if (digits == 0) return std::nullopt;
  for (; digits < 6; ++digits) value *= 10;
  return value;
}

std::optional<seconds> take_offset(std::string_view& text) {
  if (take(text, 'Z') || take(text, 'z')) return seconds(0);
  int sign = take(text, '+') ? 1 : take(text, '-') ? -1 : 0;
  if (sign == 0) return std::nullopt;
  auto hours = take_number(text, 2);
  if (!hours || !take(text, ':')) return std::nullopt;
  auto minutes = take_number(text, 2);
  if (!minutes || *hours > 23 || *minutes > 59) return std::nullopt;
  return seconds(sign * (*hours * 3600 + *minutes * 60));
}

// An offset may lead out of the years of four digits.
bool is_writable(WallTime time) {
  int year = split(time).year;
  return year >= 0 && year <= 9999;
}

std::optional<WallTime> parse(std::string_view text) {
  auto year = take_number(text, 4);
  if (!year || !take(text, '-')) return std::nullopt;
  auto month = take_number(text, 2);
  if (!month || !take(text, '-')) return std::nullopt;
  auto day = take_number(text, 2);
  if (!day || !(take(text, 'T') || take(text, 't'))) return std::nullopt;
  auto hour = take_number(text, 2);
  if (!hour || !take(text, ':')) return std::nullopt;
  auto minute = take_number(text, 2);
  if (!minute || !take(text, ':')) return std::nullopt;
  auto second = take_number(text, 2);
  if (!second || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  int micro = 0;
  if (take(text, '.')) {
    auto fraction = take_fraction(text);
    if (!fraction) return std::nullopt;
    micro = *fraction;
  }
  auto offset = take_offset(text);
  if (!offset || !text.empty()) return std::nullopt;
  std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(unsigned(*month)),
                                   std::chrono::day(unsigned(*day))};
  if (!date.ok()) return std::nullopt;
  auto time = WallTime(std::chrono::sys_days(date)) + seconds(*hour * 3600 + *minute * 60 + *second) +
              microseconds(micro) - *offset;
  return is_writable(time) ? std::optional(time) : std::nullopt;
}

}  // namespace

std::string to_rfc3339(WallTime time) {
  Parts p = split(time);
  std::array<char, 64> buffer;
  int n = std::snprintf(buffer.data(), buffer.size(), "%04d-%02u-%02uT%02d:%02d:%02dZ", p.year, p.month, p.day, p.hour,
                        p.minute, p.second);
  return std::string(buffer.data(), size_t(n));
}

std::string to_rfc3339_micro(WallTime time) {
  std::string text = to_rfc3339(time);
  std::array<char, 16> fraction;
  std::snprintf(fraction.data(), fraction.size(), ".%06dZ", split(time).micro);
  text.pop_back();
  return text + fraction.data();
}

Result<WallTime> parse_rfc3339(std::string_view text) {
  if (auto time = parse(text)) return *time;
  return failure(ErrorKind::kInvalid, "not an RFC 3339 time: '" + std::string(text.substr(0, 64)) + "'");
}

}  // namespace ringside
