#include "base/prometheus_text.h"

#include <charconv>
#include <optional>

namespace ringside {
namespace {

constexpr std::string_view kBlanks = " \t";

void skip_blanks(std::string_view& rest) {
  rest.remove_prefix(std::min(rest.find_first_not_of(kBlanks), rest.size()));
}

bool skip(std::string_view& rest, char c) {
  if (!rest.starts_with(c)) return false;
  rest.remove_prefix(1);
  return true;
}

// Up to one of the characters, which stay.
std::string_view take_until(std::string_view& rest, std::string_view characters) {
  std::string_view taken = rest.substr(0, rest.find_first_of(characters));
  rest.remove_prefix(taken.size());
  return taken;
}

// What stands between double quotes; the first one has been taken.
std::optional<std::string> take_quoted(std::string_view& rest) {
  std::string text;
  while (!rest.empty()) {
    char c = rest.front();
    rest.remove_prefix(1);
    if (c == '"') return text;
    if (c == '\\') {
      if (rest.empty()) return std::nullopt;
      c = rest.front() == 'n' ? '\n' : rest.front();
      rest.remove_prefix(1);
    }
    text += c;
  }
  return std::nullopt;
}

// After '{', the closing brace included.
bool take_labels(std::string_view& rest, PrometheusSample& sample) {
  for (;;) {
    skip_blanks(rest);
    if (skip(rest, '}')) return true;
    std::string_view name = take_until(rest, " \t=,}\"");
    skip_blanks(rest);
    if (name.empty() || !skip(rest, '=')) return false;
    skip_blanks(rest);
    if (!skip(rest, '"')) return false;
    std::optional<std::string> value = take_quoted(rest);
    if (!value) return false;
    sample.labels.emplace_back(name, std::move(*value));
    skip_blanks(rest);
    if (!skip(rest, ',') && !rest.starts_with('}')) return false;
  }
}

bool parse_number(std::string_view text, double& value) {
  if (text.starts_with('+')) text.remove_prefix(1);
  const char* end = text.data() + text.size();
  auto [stop, error] = std::from_chars(text.data(), end, value);
  return error == std::errc() && stop == end;
}

// After the name. A time stamp may follow the value.
bool take_rest(std::string_view rest, PrometheusSample& sample) {
  skip_blanks(rest);
  if (skip(rest, '{') && !take_labels(rest, sample)) return false;
  skip_blanks(rest);
  return parse_number(take_until(rest, kBlanks), sample.value);
}

}  // namespace

std::string_view PrometheusSample::label(std::string_view wanted) const {
  for (const auto& each : labels) {
    if (each.first == wanted) return each.second;
  }
  return {};
}

Result<void> for_each_sample(std::string_view text, const std::function<bool(std::string_view name)>& wanted,
                             const std::function<void(const PrometheusSample&)>& callback) {
  for (int number = 1; !text.empty(); ++number) {
    std::string_view line = take_until(text, "\n");
    skip(text, '\n');
    if (line.ends_with('\r')) line.remove_suffix(1);
    skip_blanks(line);
    PrometheusSample sample{.name = take_until(line, " \t{"), .labels = {}};
    if (sample.name.empty() || sample.name.starts_with('#') || !wanted(sample.name)) continue;
    if (!take_rest(line, sample)) {
      return failure(ErrorKind::kInvalid, "line " + std::to_string(number) + " is no sample of the Prometheus text " +
                                              "format: " + std::string(sample.name) + std::string(line.substr(0, 100)));
    }
    callback(sample);
  }
  return {};
}

}  // namespace ringside
