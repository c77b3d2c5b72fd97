#include "central/fence_settings.h"

#include "base/strings.h"
#include "kube/serviceaccount.h"
#include "sharding/names.h"

namespace ringside::central {
namespace {

PolicyMode parse_mode(const kube::Labels& annotations, std::string_view name, PolicyMode fallback,
                      std::optional<Error>& problem) {
  auto annotation = annotations.find(name);
  if (annotation == annotations.end()) return fallback;
  std::string_view value = annotation->second;
  if (value == "enforce") return PolicyMode::kEnforce;
  if (value == "warn") return PolicyMode::kWarn;
  if (value == "off") return PolicyMode::kOff;
  std::string_view instead = fallback == PolicyMode::kEnforce ? "enforce" : "warn";
  problem = Error{ErrorKind::kInvalid, "annotation " + std::string(name) + ": '" + std::string(value.substr(0, 63)) +
                                           "' is none of enforce, warn and off; until that is corrected it counts as " +
                                           std::string(instead)};
  return fallback;
}

}  // namespace

FenceSettings parse_fence_settings(const kube::Labels& annotations) {
  FenceSettings settings;
  settings.label_protection =
      parse_mode(annotations, sharding::kLabelProtectionAnnotation, settings.label_protection, settings.problem);
  settings.fence = parse_mode(annotations, sharding::kFenceAnnotation, settings.fence, settings.problem);
  auto listed = annotations.find(sharding::kFenceServiceAccountsAnnotation);
  if (listed == annotations.end()) return settings;
  std::optional<Error> invalid;
  settings.serviceaccounts = parse_serviceaccounts(listed->second, &invalid);
  if (invalid) settings.problem = invalid->with_context("annotation " + listed->first);
  return settings;
}

std::string to_string(const ServiceAccounts& serviceaccounts) {
  std::string text;
  for (const kube::NamespacedName& each : serviceaccounts) {
    if (!text.empty()) text += ',';
    text += to_string(each);
  }
  return text;
}

ServiceAccounts parse_serviceaccounts(std::string_view text, std::optional<Error>* invalid) {
  ServiceAccounts result;
  for (std::string_view part : split(text, ',')) {
    part = trim(part);
    if (part.empty()) continue;
    auto serviceaccount = kube::parse_serviceaccount(part);
    if (serviceaccount) {
      result.insert(std::move(*serviceaccount));
    } else if (invalid && !*invalid) {
      *invalid = serviceaccount.error();
    }
  }
  return result;
}

}  // namespace ringside::central
