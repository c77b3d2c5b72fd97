// Who a pod is to the API server.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "kube/meta.h"

namespace ringside::kube {

// "system:serviceaccount:<namespace>:<name>", the user name of a ServiceAccount
// (k8s.io/apiserver/pkg/authentication/serviceaccount).
std::string serviceaccount_username(const NamespacedName& serviceaccount);

// The ServiceAccount of a bearer token, by the "sub" claim of the JSON Web Token (RFC 7519). The signature is not
// looked at: for one's own token alone. nullopt for any other token.
std::optional<NamespacedName> serviceaccount_of_token(std::string_view token);

// "<namespace>/<name>", both as Kubernetes allows them; kInvalid says what is wrong.
Result<NamespacedName> parse_serviceaccount(std::string_view text);

}  // namespace ringside::kube
