#include "sharding/controller_ring.h"

#include <algorithm>

#include "base/rfc3339.h"
#include "sharding/names.h"

namespace ringside::sharding {
namespace {

std::unexpected<Error> invalid(const std::string& field, std::string_view why) {
  return failure(ErrorKind::kInvalid, field + ": " + std::string(why));
}

// The items of a list member; none if it is missing or null.
Result<const json::Array*> list_member(const json::Value& value, std::string_view name, const std::string& field) {
  static const json::Array kEmpty;
  const json::Value* member = value.find(name);
  if (!member || member->is_null()) return &kEmpty;
  if (const json::Array* items = member->as_array()) return items;
  return invalid(field, "must be a list");
}

Result<kube::GroupResource> parse_group_resource(const json::Value& item, const std::string& field) {
  if (!item.is_object()) return invalid(field, "must be an object with group and resource");
  const json::Value* group = item.find("group");
  if (group && !group->is_null() && !group->is_string()) return invalid(field + ".group", "must be a string");
  const json::Value* resource = item.find("resource");
  if (!resource || !resource->is_string() || resource->as_string()->empty()) {
    return invalid(field + ".resource", "must be a non-empty string");
  }
  if (resource->as_string()->find('/') != std::string::npos) {
    return invalid(field + ".resource", "subresources cannot be sharded: '" + *resource->as_string() + "'");
  }
  return kube::GroupResource{std::string(item.string_at({"group"})), *resource->as_string()};
}

Result<RingResource> parse_ring_resource(const json::Value& item, const std::string& field) {
  auto resource = parse_group_resource(item, field);
  if (!resource) return failure(std::move(resource.error()));
  RingResource result{.resource = std::move(*resource), .controlled = {}};

  auto controlled = list_member(item, "controlledResources", field + ".controlledResources");
  if (!controlled) return failure(std::move(controlled.error()));
  for (const json::Value& each : **controlled) {
    auto index = "[" + std::to_string(result.controlled.size()) + "]";
    auto parsed = parse_group_resource(each, field + ".controlledResources" + index);
    if (!parsed) return failure(std::move(parsed.error()));
    result.controlled.push_back(std::move(*parsed));
  }
  return result;
}

Result<ControllerRingSpec> parse_spec(const json::Value& spec) {
  ControllerRingSpec result;
  if (spec.is_null()) return result;
  if (!spec.is_object()) return invalid("spec", "must be an object");

  auto resources = list_member(spec, "resources", "spec.resources");
  if (!resources) return failure(std::move(resources.error()));
  for (const json::Value& item : **resources) {
    auto resource = parse_ring_resource(item, "spec.resources[" + std::to_string(result.resources.size()) + "]");
    if (!resource) return failure(std::move(resource.error()));
    result.resources.push_back(std::move(*resource));
  }

  const json::Value* selector = spec.find("namespaceSelector");
  if (!selector || selector->is_null()) return result;
  auto parsed = kube::parse_label_selector(*selector);
  if (!parsed) return failure(parsed.error().with_context("spec.namespaceSelector"));
  result.namespace_selector = std::move(*parsed);
  return result;
}

ControllerRingStatus parse_status(const json::Value& object) {
  ControllerRingStatus result;
  result.observed_generation = object.int_at({"status", "observedGeneration"});
  result.shards = object.int_at({"status", "shards"});
  result.available_shards = object.int_at({"status", "availableShards"});
  for (const json::Value& item : object.array_at({"status", "conditions"})) {
    auto time = parse_rfc3339(item.string_at({"lastTransitionTime"}));
    result.conditions.push_back({.type = std::string(item.string_at({"type"})),
                                 .status = std::string(item.string_at({"status"})),
                                 .reason = std::string(item.string_at({"reason"})),
                                 .message = std::string(item.string_at({"message"})),
                                 .observed_generation = item.int_at({"observedGeneration"}),
                                 .last_transition_time = time ? std::optional(*time) : std::nullopt});
  }
  return result;
}

json::Value to_json(const Condition& condition) {
  json::Value result = json::Value::object({{"type", condition.type},
                                            {"status", condition.status},
                                            {"observedGeneration", condition.observed_generation},
                                            {"reason", condition.reason},
                                            {"message", condition.message}});
  if (condition.last_transition_time) result["lastTransitionTime"] = to_rfc3339(*condition.last_transition_time);
  return result;
}

}  // namespace

ResourceRole ControllerRing::find(const kube::GroupResource& resource) const {
  ResourceRole role = ResourceRole::kNone;
  for (const RingResource& each : spec.resources) {
    if (each.resource == resource) return ResourceRole::kMain;
    if (std::ranges::find(each.controlled, resource) != each.controlled.end()) role = ResourceRole::kControlled;
  }
  return role;
}

std::vector<kube::GroupResource> ControllerRing::resources() const {
  std::vector<kube::GroupResource> result;
  auto add = [&](const kube::GroupResource& resource) {
    if (std::ranges::find(result, resource) == result.end()) result.push_back(resource);
  };
  for (const RingResource& each : spec.resources) {
    add(each.resource);
    for (const auto& controlled : each.controlled) add(controlled);
  }
  return result;
}

Result<ControllerRing> parse_controller_ring(const json::Value& object) {
  static const json::Value kNone;
  const json::Value* metadata = object.find("metadata");
  if (!metadata || !metadata->is_object()) return invalid("metadata", "must be an object");
  ControllerRing ring;
  ring.meta = kube::parse_object_meta(*metadata);
  if (auto valid = validate_ring_name(ring.meta.name); !valid) {
    return failure(valid.error().with_context("metadata.name"));
  }
  const json::Value* spec = object.find("spec");
  auto parsed = parse_spec(spec ? *spec : kNone);
  if (!parsed) return failure(std::move(parsed.error()));
  ring.spec = std::move(*parsed);
  ring.status = parse_status(object);
  return ring;
}

json::Value to_json(const ControllerRingStatus& status) {
  json::Value result = json::Value::object({{"observedGeneration", status.observed_generation},
                                            {"shards", status.shards},
                                            {"availableShards", status.available_shards},
                                            {"conditions", json::Array()}});
  for (const Condition& condition : status.conditions) result["conditions"].push_back(to_json(condition));
  return result;
}

void set_condition(ControllerRingStatus& status, Condition condition, WallTime now) {
  now = std::chrono::floor<std::chrono::seconds>(now);
  auto old = std::ranges::find(status.conditions, condition.type, &Condition::type);
  if (old == status.conditions.end()) {
    condition.last_transition_time = now;
    status.conditions.push_back(std::move(condition));
    return;
  }
  bool same = old->status == condition.status && old->last_transition_time;
  condition.last_transition_time = same ? old->last_transition_time : now;
  *old = std::move(condition);
}

std::vector<std::string> named_namespaces(const ControllerRingSpec& spec) {
  constexpr std::string_view kNameLabel = "kubernetes.io/metadata.name";
  if (!spec.namespace_selector) return {};
  auto label = spec.namespace_selector->match_labels.find(kNameLabel);
  if (label != spec.namespace_selector->match_labels.end()) return {label->second};
  for (const auto& requirement : spec.namespace_selector->match_expressions) {
    if (requirement.key != kNameLabel || requirement.op != kube::LabelSelector::Operator::kIn) continue;
    std::vector<std::string> names = requirement.values;
    std::ranges::sort(names);
    names.erase(std::ranges::unique(names).begin(), names.end());
    return names;
  }
  return {};
}

kube::LabelSelector default_namespace_selector() {
  kube::LabelSelector selector;
  selector.match_expressions.push_back({.key = "kubernetes.io/metadata.name",
                                        .op = kube::LabelSelector::Operator::kNotIn,
                                        .values = {"kube-system", std::string(kSystemNamespace)}});
  return selector;
}

}  // namespace ringside::sharding
