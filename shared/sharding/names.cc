#include "sharding/names.h"

#include <algorithm>

#include "base/strings.h"

namespace ringside::sharding {
namespace {

constexpr size_t kMaxRingName = 63;

std::string concat(std::string_view a, std::string_view b) {
  std::string result(a);
  return result += b;
}

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool is_dns_label(std::string_view text) {
  return !text.empty() && is_letter_or_digit(text.front()) && is_letter_or_digit(text.back()) &&
         std::ranges::all_of(text, [](char c) { return is_letter_or_digit(c) || c == '-'; });
}

Result<void> validate_name(std::string_view name, const char* complaint) {
  static_assert(kMaxRingName == 63 && kMaxShardName == 63);
  if (name.size() <= kMaxRingName && std::ranges::all_of(split(name, '.'), is_dns_label)) return {};
  return failure(ErrorKind::kInvalid, complaint + std::string(name.substr(0, 2 * kMaxRingName)) +
                                          "': use 1 to 63 lower-case letters, digits, '-' and '.'; begin and end with "
                                          "a letter or digit, also on both sides of a '.'");
}

}  // namespace

std::string shard_label(std::string_view ring) {
  return concat(kShardLabelPrefix, ring);
}

std::string drain_label(std::string_view ring) {
  return concat(kDrainLabelPrefix, ring);
}

std::string webhook_configuration_name(std::string_view ring) {
  return concat("controllerring-", ring);
}

std::string fence_policy_name(std::string_view ring) {
  return concat("controllerring-", ring);
}

std::string label_policy_name(std::string_view ring) {
  return concat("controllerringlabels-", ring);
}

std::string webhook_path(std::string_view ring) {
  return concat(kWebhookPathPrefix, ring);
}

std::optional<std::string_view> ring_of_webhook_path(std::string_view path) {
  if (!path.starts_with(kWebhookPathPrefix)) return std::nullopt;
  path.remove_prefix(kWebhookPathPrefix.size());
  if (!validate_ring_name(path)) return std::nullopt;
  return path;
}

std::string election_identity(std::string_view ring) {
  return concat("controllerring/", ring);
}

Result<void> validate_ring_name(std::string_view name) {
  return validate_name(name, "not the name of a ring: '");
}

Result<void> validate_shard_name(std::string_view name) {
  return validate_name(name, "not the name of a shard: '");
}

}  // namespace ringside::sharding
