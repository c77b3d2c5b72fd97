#include "central/admission_policy.h"

#include "central/ring_object.h"
#include "kube/serviceaccount.h"

namespace ringside::central {
namespace {

constexpr std::string_view kGroup = "admissionregistration.k8s.io";
constexpr std::string_view kApiVersion = "admissionregistration.k8s.io/v1";

}  // namespace

kube::ResourceType admission_policies() {
  return {std::string(kGroup), "v1", "validatingadmissionpolicies"};
}

kube::ResourceType admission_policy_bindings() {
  return {std::string(kGroup), "v1", "validatingadmissionpolicybindings"};
}

std::string cel_string(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string result = "'";
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (c == '\'' || c == '\\') {
      result += '\\';
      result += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      result.append("\\u00").append(1, kHex[byte >> 4]).append(1, kHex[byte & 15]);
    } else {
      result += c;
    }
  }
  return result += '\'';
}

std::string cel_usernames(const ServiceAccounts& serviceaccounts) {
  std::string list;
  for (const kube::NamespacedName& each : serviceaccounts) {
    if (!list.empty()) list += ", ";
    list += cel_string(kube::serviceaccount_username(each));
  }
  return "[" + list + "]";
}

json::Value policy_variables(json::Array more) {
  // Namespace and name are absent where there is none.
  more.insert(more.begin(), policy_variable("target",
                                            "request.resource.resource + ' ' + "
                                            "request.?namespace.optMap(ns, ns + '/').orValue('') + "
                                            "request.?name.orValue('')"));
  return more;
}

json::Value admission_rule(const kube::GroupResource& resource, json::Value operations, std::string_view pattern) {
  return json::Value::object({{"operations", std::move(operations)},
                              {"apiGroups", json::Value::array({resource.group})},
                              {"apiVersions", json::Value::array({"*"})},
                              {"resources", json::Value::array({resource.resource + std::string(pattern)})},
                              {"scope", "*"}});
}

json::Value match_constraints(const sharding::ControllerRing& ring, const kube::LabelSelector& default_selector,
                              json::Value rules) {
  return json::Value::object({{"namespaceSelector", to_json(ring.spec.namespace_selector.value_or(default_selector))},
                              {"resourceRules", std::move(rules)}});
}

json::Value policy_variable(std::string_view name, std::string expression) {
  return json::Value::object({{"name", name}, {"expression", std::move(expression)}});
}

json::Value make_policy(const sharding::ControllerRing& ring, std::string name, json::Value spec) {
  spec["failurePolicy"] = "Fail";
  return json::Value::object({{"apiVersion", kApiVersion},
                              {"kind", "ValidatingAdmissionPolicy"},
                              {"metadata", make_ring_object_metadata(ring, std::move(name))},
                              {"spec", std::move(spec)}});
}

json::Value make_binding(const sharding::ControllerRing& ring, std::string name, PolicyMode mode,
                         const kube::Labels& annotations) {
  json::Value metadata = make_ring_object_metadata(ring, name);
  if (!annotations.empty()) metadata["annotations"] = kube::to_json(annotations);
  std::string_view action = mode == PolicyMode::kEnforce ? "Deny" : "Warn";
  return json::Value::object(
      {{"apiVersion", kApiVersion},
       {"kind", "ValidatingAdmissionPolicyBinding"},
       {"metadata", std::move(metadata)},
       {"spec", json::Value::object(
                    {{"policyName", std::move(name)}, {"validationActions", json::Value::array({action, "Audit"})}})}});
}

}  // namespace ringside::central
