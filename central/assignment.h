// What the assignment webhook answers (protocol.md, "Assignment"). Pure: the review's values in, a decision out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "kube/meta.h"
#include "ring/ring.h"
#include "sharding/controller_ring.h"
#include "sharding/keys.h"

namespace ringside::central {

// What an AdmissionReview says about the write. Names and namespaces are read from the object alone: request.namespace
// of a Namespace, for one, is its own name.
struct AdmissionInput {
  kube::GroupResource resource;
  std::string kind;           // of the object
  std::string operation;      // "CREATE", "UPDATE"
  std::string field_manager;  // request.options.fieldManager
  std::string pod;            // of the caller, from its bound token; empty for others
  // A sidecar stands before the caller: what the pod itself writes is its controller's, and what is handed over has the
  // sidecar's field manager. The reference's shards hand over by themselves, as whom they like.
  bool pod_has_sidecar = false;
  kube::ObjectMeta object;
  std::optional<kube::ObjectMeta> old_object;  // of an UPDATE
};

// allowed=true without a patch.
struct AllowUnchanged {
  std::string reason;
};

// allowed=true with a patch.
struct Assign {
  std::string shard;
  std::string name;   // chosen for an object with generateName; else empty
  std::string patch;  // RFC 6902, as JSON text
};

// A shard creates a child of an object that the ring wants on another shard. As long as the owner has not been handed
// over, its shard must be able to work: read the owner, and let place_with_owner() decide.
struct AskOwner {
  kube::OwnerReference owner;
  std::string otherwise;  // the shard that the ring wants
};

// The review cannot be answered. `code` is that of the HTTP response, which makes the API server apply the webhook's
// failurePolicy (Ignore): the write passes and a sync assigns the object later. It must not become allowed=false, which
// denies the write.
struct ReviewError {
  int code;
  std::string message;
};

using AssignmentDecision = std::variant<AllowUnchanged, Assign, AskOwner, ReviewError>;

// `cluster_scoped` are the ring's main kinds that are, `shards` its available shards. `random` is any uniformly
// distributed number; the name that is chosen for generateName is made of it.
//
// - An object that has a shard stays as it is.
// - An update that drops the shard label gets it back, as long as that shard is available: labels belong to the ring.
//   Not if the old object was draining or the sidecar or central removed it (by field manager): then it moves. A
//   controller behind a sidecar hands nothing over, though: where it drops the labels of a draining object of its own
//   (PUT of an object made from scratch), both come back, and the handover goes on.
// - A main object is hashed by its own name, which is chosen here if only generateName is given (and there is a shard);
//   a controlled object by its controller's. Without a controller, and without an available shard, it stays unassigned.
AssignmentDecision decide_assignment(const AdmissionInput& input, const sharding::ControllerRing& ring,
                                     const sharding::ClusterScopedKinds& cluster_scoped, const ring::Ring& shards,
                                     uint64_t random);

// On the shard that has the owner at present; on `otherwise` where that is not known: `owner` is nullopt, another
// object of that name, or has no available shard.
Assign place_with_owner(const AdmissionInput& input, std::string_view ring, const ring::Ring& shards,
                        const AskOwner& question, const std::optional<kube::ObjectMeta>& owner);

// The patch that puts the object on the shard and, if `name` is not empty, names it. For callers that know better than
// the hash whose the object is.
std::string assignment_patch(const kube::ObjectMeta& object, std::string_view ring, std::string_view shard,
                             std::string_view name = {});

// A name as the API server generates it: the prefix, cut to 58 bytes, and 5 characters of
// "bcdfghjklmnpqrstvwxz2456789".
std::string generated_name(std::string_view prefix, uint64_t random);

}  // namespace ringside::central
