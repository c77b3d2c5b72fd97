#include "central/fence_policy.h"

#include "central/admission_policy.h"
#include "sharding/names.h"

namespace ringside::central {
namespace {

constexpr std::string_view kPod = "request.userInfo.?extra[?'authentication.kubernetes.io/pod-name'][?0].orValue('')";

json::Value make_rules(const sharding::ControllerRing& ring) {
  json::Value rules = json::Array();
  for (const kube::GroupResource& resource : ring.resources()) {
    json::Value changes = json::Value::array({"UPDATE", "DELETE"});
    rules.push_back(admission_rule(resource, changes));
    rules.push_back(admission_rule(resource, changes, "/*"));
    // A main object may be made by any shard for any other. Creates of subresources (eviction, token, binding) carry no
    // labels.
    if (ring.find(resource) != sharding::ResourceRole::kControlled) continue;
    rules.push_back(admission_rule(resource, json::Value::array({"CREATE"})));
  }
  return rules;
}

// Objects without the label are left out before any expression is evaluated; so are bodies that cannot have labels.
json::Value labelled_objects(std::string_view ring) {
  kube::LabelSelector selector;
  selector.match_expressions.push_back(
      {.key = sharding::shard_label(ring), .op = kube::LabelSelector::Operator::kExists, .values = {}});
  return to_json(selector);
}

std::string make_message(std::string_view ring) {
  std::string text =
      "variables.target + ' belongs to shard ' + variables.shard + ', and the caller ' + "
      "(variables.pod == '' ? 'has no pod: its token is bound to none' : 'is pod ' + variables.pod) + ";
  std::string advice = "; the API server lets an object of ControllerRing ";
  advice.append(ring).append(
      " be written by its shard alone. If this replica handed the object over, it need not do "
      "anything; a program that is no replica needs a ServiceAccount of its own; annotation ");
  advice.append(sharding::kFenceAnnotation).append(" of the ControllerRing (warn, off) lifts this");
  return text + cel_string(advice);
}

}  // namespace

json::Value make_fence_policy(const sharding::ControllerRing& ring, const kube::LabelSelector& default_selector,
                              const ServiceAccounts& serviceaccounts) {
  std::string label = cel_string(sharding::shard_label(ring.name()));
  json::Value constraints = match_constraints(ring, default_selector, make_rules(ring));
  constraints["objectSelector"] = labelled_objects(ring.name());
  json::Value by_ring =
      json::Value::object({{"name", "written-by-the-ring"},
                           {"expression", "request.userInfo.username in " + cel_usernames(serviceaccounts)}});
  // What an update says of the shard is not asked: it is the object as it was that has an owner.
  json::Value variables = policy_variables(
      {policy_variable("pod", std::string(kPod)),
       policy_variable("shard", "(request.operation == 'CREATE' ? object : oldObject).?metadata.?labels[?" + label +
                                    "].orValue('')")});
  json::Value validation =
      json::Value::object({{"expression", "variables.shard == '' || variables.shard == variables.pod"},
                           {"message", "the object belongs to another shard of ControllerRing " + ring.name()},
                           {"messageExpression", make_message(ring.name())},
                           {"reason", "Forbidden"}});
  return make_policy(ring, sharding::fence_policy_name(ring.name()),
                     json::Value::object({{"matchConstraints", std::move(constraints)},
                                          {"matchConditions", json::Value::array({std::move(by_ring)})},
                                          {"variables", std::move(variables)},
                                          {"validations", json::Value::array({std::move(validation)})}}));
}

json::Value make_fence_binding(const sharding::ControllerRing& ring, PolicyMode mode, const ServiceAccounts& in_force,
                               const ServiceAccounts& of_shards) {
  kube::Labels annotations;
  if (!in_force.empty()) annotations.emplace(sharding::kFenceInForceAnnotation, to_string(in_force));
  if (!of_shards.empty()) annotations.emplace(sharding::kFenceShardsAnnotation, to_string(of_shards));
  return make_binding(ring, sharding::fence_policy_name(ring.name()), mode, annotations);
}

}  // namespace ringside::central
