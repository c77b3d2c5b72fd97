#include "kube/serviceaccount.h"

#include <algorithm>

#include "base/base64.h"
#include "base/json.h"
#include "base/strings.h"

namespace ringside::kube {
namespace {

constexpr std::string_view kUsernamePrefix = "system:serviceaccount:";
constexpr size_t kMaxName = 253;

// The characters of a DNS-1123 subdomain. What exactly is a name, the API server has judged when it was made.
bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= kMaxName && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
  });
}

// base64url without padding (RFC 7515 section 2).
Result<std::string> parse_base64url(std::string_view text) {
  std::string base64(text);
  std::ranges::replace(base64, '-', '+');
  std::ranges::replace(base64, '_', '/');
  base64.append((4 - base64.size() % 4) % 4, '=');
  return parse_base64(base64);
}

}  // namespace

std::string serviceaccount_username(const NamespacedName& serviceaccount) {
  std::string result(kUsernamePrefix);
  return result.append(serviceaccount.ns).append(":").append(serviceaccount.name);
}

std::optional<NamespacedName> serviceaccount_of_token(std::string_view token) {
  auto parts = split(token, '.');
  if (parts.size() != 3) return std::nullopt;
  auto payload = parse_base64url(parts[1]);
  if (!payload) return std::nullopt;
  auto claims = json::parse(*payload);
  if (!claims) return std::nullopt;
  std::string_view subject = claims->string_at({"sub"});
  if (!subject.starts_with(kUsernamePrefix)) return std::nullopt;
  auto names = split(subject.substr(kUsernamePrefix.size()), ':');
  if (names.size() != 2 || !is_name(names[0]) || !is_name(names[1])) return std::nullopt;
  return NamespacedName{std::string(names[0]), std::string(names[1])};
}

Result<NamespacedName> parse_serviceaccount(std::string_view text) {
  auto parts = split(text, '/');
  if (parts.size() != 2 || !is_name(parts[0]) || !is_name(parts[1])) {
    return failure(ErrorKind::kInvalid,
                   "'" + std::string(text.substr(0, kMaxName)) + "' is no <namespace>/<name> of a ServiceAccount");
  }
  return NamespacedName{std::string(parts[0]), std::string(parts[1])};
}

}  // namespace ringside::kube
