// The parts of a ring's ValidatingAdmissionPolicies and their bindings (admissionregistration.k8s.io/v1,
// Kubernetes 1.30 and newer), for server-side apply. Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"
#include "central/fence_settings.h"
#include "kube/client.h"
#include "sharding/controller_ring.h"

namespace ringside::central {

kube::ResourceType admission_policies();
kube::ResourceType admission_policy_bindings();

// A string as CEL writes it, quoted: nothing in it can end the string.
std::string cel_string(std::string_view text);

// The user names of these as a list of CEL.
std::string cel_usernames(const ServiceAccounts& serviceaccounts);

// spec.variables of every policy here: `target`, the object of the request as people name it ("secrets default/foo",
// without its name where that is still to be generated), and then `more`, made by policy_variable.
json::Value policy_variables(json::Array more);
json::Value policy_variable(std::string_view name, std::string expression);

// One entry of matchConstraints.resourceRules. `pattern` is what to add to the resource's name: "/*" for all
// subresources.
json::Value admission_rule(const kube::GroupResource& resource, json::Value operations, std::string_view pattern = "");

// Rules, and the namespaces of the ring: those for which the assignment webhook is asked, too.
json::Value match_constraints(const sharding::ControllerRing& ring, const kube::LabelSelector& default_selector,
                              json::Value rules);

// A policy, which refuses where it cannot judge. `spec` has everything but failurePolicy.
json::Value make_policy(const sharding::ControllerRing& ring, std::string name, json::Value spec);

// The binding that puts the policy of the same name into force. `mode` is not kOff.
json::Value make_binding(const sharding::ControllerRing& ring, std::string name, PolicyMode mode,
                         const kube::Labels& annotations);

}  // namespace ringside::central
