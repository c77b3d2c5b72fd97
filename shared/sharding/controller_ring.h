// The ControllerRing (sharding.timebertt.dev/v1alpha1): which resources are sharded, and what central says about it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "kube/meta.h"

namespace ringside::sharding {

// What a resource is to a ring.
enum class ResourceRole {
  kNone,        // not in the ring
  kMain,        // sharded by its own key
  kControlled,  // follows its controller
};

struct RingResource {
  kube::GroupResource resource;
  std::vector<kube::GroupResource> controlled;

  bool operator==(const RingResource&) const = default;
};

struct ControllerRingSpec {
  std::vector<RingResource> resources;
  // Which namespaces' objects are assigned. Absent: the configured default (default_namespace_selector()).
  std::optional<kube::LabelSelector> namespace_selector;

  bool operator==(const ControllerRingSpec&) const = default;
};

// metav1.Condition. status is "True", "False" or "Unknown".
struct Condition {
  std::string type;
  std::string status;
  std::string reason;
  std::string message;
  int64_t observed_generation = 0;
  std::optional<WallTime> last_transition_time = std::nullopt;

  bool operator==(const Condition&) const = default;
};

inline constexpr std::string_view kReadyCondition = "Ready";
inline constexpr std::string_view kReasonSucceeded = "ReconciliationSucceeded";
inline constexpr std::string_view kReasonFailed = "ReconciliationFailed";

struct ControllerRingStatus {
  int64_t observed_generation = 0;
  int64_t shards = 0;            // Leases of the ring, dead ones too
  int64_t available_shards = 0;  // those that objects are assigned to
  std::vector<Condition> conditions;

  bool operator==(const ControllerRingStatus&) const = default;
};

struct ControllerRing {
  kube::ObjectMeta meta;
  ControllerRingSpec spec;
  ControllerRingStatus status;

  const std::string& name() const { return meta.name; }

  // A resource that is listed as both is a main one, as in the reference.
  ResourceRole find(const kube::GroupResource& resource) const;

  // Every main and controlled resource once, in the order of the spec.
  std::vector<kube::GroupResource> resources() const;
};

// A ControllerRing object as the API server sends it. kInvalid names the field ("spec.resources[1].resource: ...") if
// the ring's name, spec or a selector is not what the API allows; a missing spec is an empty one. The status is read
// leniently, since only central writes it.
Result<ControllerRing> parse_controller_ring(const json::Value& object);

// All members that central owns, also those that are zero (shards and availableShards are required).
json::Value to_json(const ControllerRingStatus& status);

// Sets the condition of that type as meta.SetStatusCondition: last_transition_time becomes `now` (in whole
// seconds, as the API stores it) only if there was none of that type or its status changes.
void set_condition(ControllerRingStatus& status, Condition condition, WallTime now);

// The namespaces of the ring, where its selector names them (by the label kubernetes.io/metadata.name that every
// namespace carries), so that they can be listed one by one, with permissions for just them; sorted. Empty: the
// selector goes by something else, so the objects of all namespaces must be listed.
std::vector<std::string> named_namespaces(const ControllerRingSpec& spec);

// Every namespace but kube-system and sharding-system.
kube::LabelSelector default_namespace_selector();

}  // namespace ringside::sharding
