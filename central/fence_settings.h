// What a ring's annotations say about the fence in the API server and the protection of labels. Pure.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/error.h"
#include "kube/meta.h"

namespace ringside::central {

using ServiceAccounts = std::set<kube::NamespacedName>;

// What the API server does about a write that a policy does not allow.
enum class PolicyMode {
  kEnforce,  // refuses it
  kWarn,     // lets it pass, with a warning to the caller and an audit annotation
  kOff,      // there is no policy
};

struct FenceSettings {
  PolicyMode fence = PolicyMode::kEnforce;
  PolicyMode label_protection = PolicyMode::kWarn;
  ServiceAccounts serviceaccounts;  // of shards that do not publish theirs
  // What is not understood; the default, or the rest, holds instead.
  std::optional<Error> problem;
};

FenceSettings parse_fence_settings(const kube::Labels& annotations);

// "<namespace>/<name>,<namespace>/<name>"; the empty set is the empty text. Parsing leaves out what is none; `invalid`,
// if given, gets the first of these.
std::string to_string(const ServiceAccounts& serviceaccounts);
ServiceAccounts parse_serviceaccounts(std::string_view text, std::optional<Error>* invalid = nullptr);

}  // namespace ringside::central
