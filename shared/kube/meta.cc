#include "kube/meta.h"

#include <algorithm>
#include <array>

#include "base/rfc3339.h"

namespace ringside::kube {
namespace {

using Operator = LabelSelector::Operator;

constexpr std::array<std::pair<std::string_view, Operator>, 4> kOperators = {{
    {"In", Operator::kIn},
    {"NotIn", Operator::kNotIn},
    {"Exists", Operator::kExists},
    {"DoesNotExist", Operator::kDoesNotExist},
}};

std::string string_member(const json::Value& value, std::string_view name) {
  return std::string(value.string_at({name}));
}

Labels string_map(const json::Value& value, std::string_view name) {
  Labels result;
  const json::Value* member = value.find(name);
  const json::Object* object = member ? member->as_object() : nullptr;
  if (!object) return result;
  for (const auto& [key, item] : *object) {
    if (const std::string* text = item.as_string()) result.insert_or_assign(key, *text);
  }
  return result;
}

std::optional<WallTime> time_member(const json::Value& value, std::string_view name) {
  auto time = parse_rfc3339(value.string_at({name}));
  return time ? std::optional(*time) : std::nullopt;
}

OwnerReference parse_owner_reference(const json::Value& value) {
  return {.api_version = string_member(value, "apiVersion"),
          .kind = string_member(value, "kind"),
          .name = string_member(value, "name"),
          .uid = string_member(value, "uid"),
          .controller = value.bool_at({"controller"}),
          .block_owner_deletion = value.bool_at({"blockOwnerDeletion"})};
}

std::string_view value_of(const Labels& labels, std::string_view key) {
  auto entry = labels.find(key);
  return entry == labels.end() ? std::string_view() : std::string_view(entry->second);
}

bool holds(const LabelSelector::Requirement& requirement, const Labels& labels) {
  auto entry = labels.find(requirement.key);
  bool exists = entry != labels.end();
  bool listed = exists && std::ranges::find(requirement.values, entry->second) != requirement.values.end();
  switch (requirement.op) {
    case Operator::kIn: return listed;
    case Operator::kNotIn: return !listed;
    case Operator::kExists: return exists;
    case Operator::kDoesNotExist: return !exists;
  }
  return false;
}

std::unexpected<Error> invalid(const std::string& field, std::string_view why) {
  return failure(ErrorKind::kInvalid, field + ": " + std::string(why));
}

// The member as an object or array; nullptr if it is missing or null.
const json::Value* present(const json::Value& value, std::string_view name) {
  const json::Value* member = value.find(name);
  return member && !member->is_null() ? member : nullptr;
}

Result<std::vector<std::string>> parse_values(const json::Value& expression, const std::string& field) {
  std::vector<std::string> values;
  const json::Value* member = present(expression, "values");
  if (!member) return values;
  if (!member->is_array()) return invalid(field + ".values", "must be a list of strings");
  for (const json::Value& item : *member->as_array()) {
    if (!item.is_string()) return invalid(field + ".values", "must be a list of strings");
    values.push_back(*item.as_string());
  }
  return values;
}

Result<LabelSelector::Requirement> parse_requirement(const json::Value& expression, const std::string& field) {
  LabelSelector::Requirement result;
  result.key = string_member(expression, "key");
  if (result.key.empty()) return invalid(field + ".key", "must be a non-empty string");

  std::string_view name = expression.string_at({"operator"});
  auto op = std::ranges::find(kOperators, name, [](const auto& entry) { return entry.first; });
  if (op == kOperators.end()) {
    return invalid(field + ".operator",
                   "unknown operator '" + std::string(name) + "', use In, NotIn, Exists or DoesNotExist");
  }
  result.op = op->second;

  auto values = parse_values(expression, field);
  if (!values) return failure(std::move(values.error()));
  result.values = std::move(*values);
  bool wants_values = result.op == Operator::kIn || result.op == Operator::kNotIn;
  if (wants_values && result.values.empty()) return invalid(field + ".values", "must not be empty for In and NotIn");
  if (!wants_values && !result.values.empty()) {
    return invalid(field + ".values", "must be empty for Exists and DoesNotExist");
  }
  return result;
}

Result<Labels> parse_match_labels(const json::Value& selector) {
  Labels result;
  const json::Value* member = present(selector, "matchLabels");
  if (!member) return result;
  if (!member->is_object()) return invalid("matchLabels", "must map strings to strings");
  for (const auto& [key, item] : *member->as_object()) {
    if (!item.is_string()) return invalid("matchLabels." + key, "must be a string");
    result.insert_or_assign(key, *item.as_string());
  }
  return result;
}

}  // namespace

std::string_view ObjectMeta::label(std::string_view key) const {
  return value_of(labels, key);
}

std::string_view ObjectMeta::annotation(std::string_view key) const {
  return value_of(annotations, key);
}

std::string to_string(const GroupResource& resource) {
  return resource.group.empty() ? resource.resource : resource.resource + "." + resource.group;
}

std::string to_string(const NamespacedName& name) {
  return name.ns.empty() ? name.name : name.ns + "/" + name.name;
}

std::string group_of(std::string_view api_version) {
  size_t slash = api_version.find('/');
  return std::string(slash == std::string_view::npos ? std::string_view() : api_version.substr(0, slash));
}

TypeMeta parse_type_meta(const json::Value& object) {
  return {.api_version = string_member(object, "apiVersion"), .kind = string_member(object, "kind")};
}

ObjectMeta parse_object_meta(const json::Value& metadata) {
  ObjectMeta meta;
  meta.name = string_member(metadata, "name");
  meta.generate_name = string_member(metadata, "generateName");
  meta.ns = string_member(metadata, "namespace");
  meta.uid = string_member(metadata, "uid");
  meta.resource_version = string_member(metadata, "resourceVersion");
  meta.generation = metadata.int_at({"generation"});
  meta.labels = string_map(metadata, "labels");
  meta.annotations = string_map(metadata, "annotations");
  for (const json::Value& item : metadata.array_at({"ownerReferences"})) {
    meta.owner_references.push_back(parse_owner_reference(item));
  }
  for (const json::Value& item : metadata.array_at({"finalizers"})) {
    if (const std::string* text = item.as_string()) meta.finalizers.push_back(*text);
  }
  meta.creation_timestamp = time_member(metadata, "creationTimestamp");
  meta.deletion_timestamp = time_member(metadata, "deletionTimestamp");
  return meta;
}

ObjectMeta meta_of(const json::Value& object) {
  const json::Value* metadata = object.find("metadata");
  return metadata ? parse_object_meta(*metadata) : ObjectMeta();
}

const OwnerReference* controller_of(const ObjectMeta& meta) {
  auto found = std::ranges::find(meta.owner_references, true, &OwnerReference::controller);
  return found == meta.owner_references.end() ? nullptr : &*found;
}

json::Value to_json(const OwnerReference& reference) {
  return json::Value::object({{"apiVersion", reference.api_version},
                              {"kind", reference.kind},
                              {"name", reference.name},
                              {"uid", reference.uid},
                              {"controller", reference.controller},
                              {"blockOwnerDeletion", reference.block_owner_deletion}});
}

json::Value to_json(const Labels& labels) {
  json::Object object;
  for (const auto& [key, value] : labels) object.emplace_back(key, value);
  return object;
}

bool LabelSelector::matches(const Labels& labels) const {
  for (const auto& [key, value] : match_labels) {
    auto entry = labels.find(key);
    if (entry == labels.end() || entry->second != value) return false;
  }
  return std::ranges::all_of(match_expressions, [&](const Requirement& each) { return holds(each, labels); });
}

Result<LabelSelector> parse_label_selector(const json::Value& selector) {
  LabelSelector result;
  if (selector.is_null()) return result;
  if (!selector.is_object()) return failure(ErrorKind::kInvalid, "a label selector must be an object");

  auto match_labels = parse_match_labels(selector);
  if (!match_labels) return failure(std::move(match_labels.error()));
  result.match_labels = std::move(*match_labels);

  const json::Value* expressions = present(selector, "matchExpressions");
  if (!expressions) return result;
  if (!expressions->is_array()) return invalid("matchExpressions", "must be a list");
  for (const json::Value& item : *expressions->as_array()) {
    auto field = "matchExpressions[" + std::to_string(result.match_expressions.size()) + "]";
    auto requirement = parse_requirement(item, field);
    if (!requirement) return failure(std::move(requirement.error()));
    result.match_expressions.push_back(std::move(*requirement));
  }
  return result;
}

json::Value to_json(const LabelSelector& selector) {
  json::Value result = json::Object();
  if (!selector.match_labels.empty()) result["matchLabels"] = to_json(selector.match_labels);
  for (const auto& requirement : selector.match_expressions) {
    auto op = std::ranges::find(kOperators, requirement.op, [](const auto& entry) { return entry.second; });
    json::Value item = json::Value::object({{"key", requirement.key}, {"operator", op->first}});
    for (const std::string& value : requirement.values) item["values"].push_back(value);
    result["matchExpressions"].push_back(std::move(item));
  }
  return result;
}

}  // namespace ringside::kube
