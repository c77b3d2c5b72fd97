// The parts of Kubernetes objects that all kinds share (k8s.io/apimachinery/pkg/apis/meta/v1), as values.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"

namespace ringside::kube {

using Labels = std::map<std::string, std::string, std::less<>>;

struct TypeMeta {
  std::string api_version;
  std::string kind;

  bool operator==(const TypeMeta&) const = default;
};

struct OwnerReference {
  std::string api_version;
  std::string kind;
  std::string name;
  std::string uid;
  bool controller = false;
  bool block_owner_deletion = false;

  bool operator==(const OwnerReference&) const = default;
};

struct ObjectMeta {
  std::string name;
  std::string generate_name;
  std::string ns;  // empty for cluster-scoped objects
  std::string uid;
  std::string resource_version;
  int64_t generation = 0;
  Labels labels;
  Labels annotations;
  std::vector<OwnerReference> owner_references;
  std::vector<std::string> finalizers;
  std::optional<WallTime> creation_timestamp;
  std::optional<WallTime> deletion_timestamp;

  bool operator==(const ObjectMeta&) const = default;

  // The value of the label or annotation; empty if there is none. The view lives as long as the map is not changed.
  std::string_view label(std::string_view key) const;
  std::string_view annotation(std::string_view key) const;
};

// A resource as rules and rings name it: {"apps", "deployments"}. The core group is empty.
struct GroupResource {
  std::string group;
  std::string resource;

  auto operator<=>(const GroupResource&) const = default;
};

// "deployments.apps"; "secrets" for the core group.
std::string to_string(const GroupResource& resource);

struct NamespacedName {
  std::string ns;
  std::string name;

  auto operator<=>(const NamespacedName&) const = default;
};

// "default/foo"; "foo" without a namespace.
std::string to_string(const NamespacedName& name);

// The group of an apiVersion: "apps/v1" -> "apps", "v1" -> "".
std::string group_of(std::string_view api_version);

// Lenient: what is missing or of another type stays empty, since the API server has already judged the object.
TypeMeta parse_type_meta(const json::Value& object);
ObjectMeta parse_object_meta(const json::Value& metadata);
// Of a whole object.
ObjectMeta meta_of(const json::Value& object);

// The first owner reference with controller=true, as metav1.GetControllerOf; nullptr if there is none. The pointer
// lives as long as the references are not changed.
const OwnerReference* controller_of(const ObjectMeta& meta);

json::Value to_json(const OwnerReference& reference);
json::Value to_json(const Labels& labels);

// metav1.LabelSelector. Empty: matches everything. (A selector that is absent is the owner's std::nullopt.)
struct LabelSelector {
  enum class Operator { kIn, kNotIn, kExists, kDoesNotExist };

  struct Requirement {
    std::string key;
    Operator op = Operator::kExists;
    std::vector<std::string> values;  // of kIn and kNotIn alone

    bool operator==(const Requirement&) const = default;
  };

  Labels match_labels;
  std::vector<Requirement> match_expressions;

  // Whether all match_labels and all match_expressions hold. kNotIn holds for a key that is absent.
  bool matches(const Labels& labels) const;

  bool operator==(const LabelSelector&) const = default;
};

// kInvalid names the field, from the selector on: "matchExpressions[0].operator: ...". Members that a selector does not
// have are ignored, null is the empty selector.
Result<LabelSelector> parse_label_selector(const json::Value& selector);

json::Value to_json(const LabelSelector& selector);

}  // namespace ringside::kube
