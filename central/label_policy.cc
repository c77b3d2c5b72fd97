#include "central/label_policy.h"

#include "central/admission_policy.h"
#include "sharding/names.h"

namespace ringside::central {
namespace {

json::Value make_rules(const sharding::ControllerRing& ring) {
  json::Value rules = json::Array();
  for (const kube::GroupResource& resource : ring.resources()) {
    rules.push_back(admission_rule(resource, json::Value::array({"CREATE", "UPDATE"})));
    // Some let their labels be changed together with their status.
    rules.push_back(admission_rule(resource, json::Value::array({"UPDATE"}), "/*"));
  }
  return rules;
}

json::Value validation(std::string expression, const std::string& label, std::string_view ring) {
  std::string advice = " is written by ControllerRing ";
  advice.append(ring).append(" alone: leave it as it is, or set annotation ");
  advice.append(sharding::kLabelProtectionAnnotation).append(" of the ControllerRing to off while you change it");
  std::string was = " + ' (it was \"' + variables.before[?" + cel_string(label) +
                    "].orValue('') + '\", it would be \"' + variables.after[?" + cel_string(label) +
                    "].orValue('') + '\")'";
  return json::Value::object({{"expression", std::move(expression)},
                              {"message", "the label " + label + advice},
                              {"messageExpression", "'the label ' + " + cel_string(label) +
                                                        " + ' of ' + variables.target + " + cel_string(advice) + was},
                              {"reason", "Forbidden"}});
}

}  // namespace

json::Value make_label_policy(const sharding::ControllerRing& ring, const kube::LabelSelector& default_selector,
                              const ServiceAccounts& serviceaccounts, const std::string& central) {
  ServiceAccounts exempt = serviceaccounts;
  exempt.insert({std::string(sharding::kSystemNamespace), std::string(sharding::kSharderName)});
  std::string condition = "!(request.userInfo.username in " + cel_usernames(exempt) + ")";
  if (!central.empty()) condition += " && request.userInfo.username != " + cel_string(central);

  std::string shard = sharding::shard_label(ring.name());
  std::string drain = sharding::drain_label(ring.name());
  std::string shard_key = "[?" + cel_string(shard) + "]";
  std::string drain_key = "[?" + cel_string(drain) + "]";
  json::Value variables = policy_variables(
      {policy_variable("before", "request.operation == 'CREATE' ? {} : oldObject.?metadata.?labels.orValue({})"),
       policy_variable("after", "object.?metadata.?labels.orValue({})")});
  json::Value validations = json::Value::array(
      {validation("variables.before" + shard_key + ".orValue('') == '' || variables.after" + shard_key +
                      " == variables.before" + shard_key,
                  shard, ring.name()),
       validation("variables.after" + drain_key + " == variables.before" + drain_key, drain, ring.name())});
  json::Value by_others = json::Value::object({{"name", "not-written-by-the-ring"}, {"expression", condition}});
  return make_policy(
      ring, sharding::label_policy_name(ring.name()),
      json::Value::object({{"matchConstraints", match_constraints(ring, default_selector, make_rules(ring))},
                           {"matchConditions", json::Value::array({std::move(by_others)})},
                           {"variables", std::move(variables)},
                           {"validations", std::move(validations)}}));
}

json::Value make_label_binding(const sharding::ControllerRing& ring, PolicyMode mode) {
  return make_binding(ring, sharding::label_policy_name(ring.name()), mode, {});
}

}  // namespace ringside::central
