#include "central/assignment.h"

#include "base/json.h"
#include "sharding/names.h"

namespace ringside::central {
namespace {

// k8s.io/apiserver/pkg/storage/names and k8s.io/apimachinery/pkg/util/rand: no vowels, no bad words.
constexpr std::string_view kNameAlphabet = "bcdfghjklmnpqrstvwxz2456789";
constexpr size_t kRandomLength = 5;
constexpr size_t kMaxPrefix = 63 - kRandomLength;

// One step of a JSON pointer (RFC 6901 section 3).
std::string escape(std::string_view name) {
  std::string result;
  for (char c : name) {
    if (c == '~') {
      result += "~0";
    } else if (c == '/') {
      result += "~1";
    } else {
      result += c;
    }
  }
  return result;
}

// `value` is JSON text.
std::string add_operation(std::string_view path, std::string_view value) {
  std::string operation = R"({"op":"add","path":)";
  operation.append(json::to_string(path)).append(R"(,"value":)").append(value).append("}");
  return operation;
}

bool was_draining(const AdmissionInput& input, std::string_view ring) {
  return input.old_object->labels.contains(sharding::drain_label(ring));
}

bool removed_on_purpose(const AdmissionInput& input, std::string_view ring) {
  if (input.field_manager == sharding::kSidecarFieldManager) return true;
  if (input.field_manager == sharding::kCentralFieldManager) return true;
  bool by_its_controller = input.pod_has_sidecar && input.pod == input.old_object->label(sharding::shard_label(ring));
  return was_draining(input, ring) && !by_its_controller;
}

// The shard whose label this update drops though nobody asked for it; empty if there is none.
std::string_view dropped_shard(const AdmissionInput& input, std::string_view ring, const ring::Ring& shards) {
  if (!input.old_object || removed_on_purpose(input, ring)) return {};
  std::string_view shard = input.old_object->label(sharding::shard_label(ring));
  return shards.contains(shard) ? shard : std::string_view();
}

// Operations, each followed by a comma.
std::string add_labels(const kube::ObjectMeta& object, const kube::Labels& labels) {
  std::string operations, fields;
  for (const auto& [key, value] : labels) {
    std::string text = json::to_string(value);
    if (object.labels.empty()) {
      fields += (fields.empty() ? "" : ",") + json::to_string(key) + ":" + text;
    } else {
      operations += add_operation("/metadata/labels/" + escape(key), text) + ",";
    }
  }
  if (!fields.empty()) operations = add_operation("/metadata/labels", "{" + fields + "}") + ",";
  return operations;
}

std::string make_patch(const kube::ObjectMeta& object, const kube::Labels& labels, std::string_view name) {
  std::string patch = "[";
  if (!name.empty()) patch += add_operation("/metadata/name", json::to_string(name)) + ",";
  patch += add_labels(object, labels);
  patch.back() = ']';
  return patch;
}

Assign assign(const AdmissionInput& input, std::string_view ring, std::string_view shard, std::string name = {}) {
  std::string patch = assignment_patch(input.object, ring, shard, name);
  return {.shard = std::string(shard), .name = std::move(name), .patch = std::move(patch)};
}

// As it was: on its shard, and draining if it was.
Assign repair(const AdmissionInput& input, std::string_view ring, std::string_view shard) {
  kube::Labels labels = {{sharding::shard_label(ring), std::string(shard)}};
  std::string drain = sharding::drain_label(ring);
  if (was_draining(input, ring)) labels.emplace(drain, input.old_object->label(drain));
  return {.shard = std::string(shard), .name = {}, .patch = make_patch(input.object, labels, {})};
}

AssignmentDecision assign_main(const AdmissionInput& input, std::string_view ring, const ring::Ring& shards,
                               uint64_t random) {
  const kube::ObjectMeta* object = &input.object;
  kube::ObjectMeta named;
  if (object->name.empty() && !object->generate_name.empty() && input.operation == "CREATE") {
    named = *object;
    named.name = generated_name(object->generate_name, random);
    object = &named;
  }
  auto key = sharding::key_of_main(input.resource.group, input.kind, *object);
  if (!key) return ReviewError{400, key.error().message};
  if (shards.empty()) return AllowUnchanged{"there is no available shard"};
  return assign(input, ring, shards.owner(*key), std::move(named.name));
}

AssignmentDecision assign_controlled(const AdmissionInput& input, std::string_view ring,
                                     const sharding::ClusterScopedKinds& cluster_scoped, const ring::Ring& shards) {
  auto key = sharding::key_of_controlled(input.object, cluster_scoped);
  if (!key) return ReviewError{400, key.error().message};
  if (!*key) return AllowUnchanged{"object should not be assigned"};
  if (shards.empty()) return AllowUnchanged{"there is no available shard"};
  std::string_view shard = shards.owner(**key);
  bool by_another_shard = input.operation == "CREATE" && input.pod != shard && shards.contains(input.pod);
  if (!by_another_shard) return assign(input, ring, shard);
  return AskOwner{.owner = *kube::controller_of(input.object), .otherwise = std::string(shard)};
}

}  // namespace

AssignmentDecision decide_assignment(const AdmissionInput& input, const sharding::ControllerRing& ring,
                                     const sharding::ClusterScopedKinds& cluster_scoped, const ring::Ring& shards,
                                     uint64_t random) {
  if (input.operation != "CREATE" && input.operation != "UPDATE") {
    return AllowUnchanged{"operation is neither CREATE nor UPDATE"};
  }
  if (!input.object.label(sharding::shard_label(ring.name())).empty()) {
    return AllowUnchanged{"object is already assigned"};
  }
  sharding::ResourceRole role = ring.find(input.resource);
  if (role == sharding::ResourceRole::kNone) {
    return ReviewError{400, "resource " + to_string(input.resource) + " is not in ControllerRing " + ring.name()};
  }
  if (auto shard = dropped_shard(input, ring.name(), shards); !shard.empty()) {
    return repair(input, ring.name(), shard);
  }
  if (role == sharding::ResourceRole::kMain) return assign_main(input, ring.name(), shards, random);
  return assign_controlled(input, ring.name(), cluster_scoped, shards);
}

Assign place_with_owner(const AdmissionInput& input, std::string_view ring, const ring::Ring& shards,
                        const AskOwner& question, const std::optional<kube::ObjectMeta>& owner) {
  std::string_view present;
  if (owner && owner->uid == question.owner.uid) present = owner->label(sharding::shard_label(ring));
  return assign(input, ring, shards.contains(present) ? present : std::string_view(question.otherwise));
}

std::string assignment_patch(const kube::ObjectMeta& object, std::string_view ring, std::string_view shard,
                             std::string_view name) {
  return make_patch(object, {{sharding::shard_label(ring), std::string(shard)}}, name);
}

std::string generated_name(std::string_view prefix, uint64_t random) {
  std::string name(prefix.substr(0, kMaxPrefix));
  for (size_t i = 0; i < kRandomLength; ++i) {
    name += kNameAlphabet[random % kNameAlphabet.size()];
    random /= kNameAlphabet.size();
  }
  return name;
}

}  // namespace ringside::central
