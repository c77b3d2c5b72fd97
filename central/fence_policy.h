// The fence in the API server: the ValidatingAdmissionPolicy by which an object is written by its shard alone, however
// late or wrong a replica is. Pure.
//
// It judges writes by the ring's ServiceAccounts to objects that carry the ring's shard label: update (subresources
// included, where they carry the object's labels), delete (each object of a deletecollection) and create of controlled
// resources. A write passes if the label names the caller's pod, which the API server knows from the bound token.
#pragma once

#include "base/json.h"
#include "central/fence_settings.h"
#include "sharding/controller_ring.h"

namespace ringside::central {

// Whole objects for server-side apply, owned by the ring.
json::Value make_fence_policy(const sharding::ControllerRing& ring, const kube::LabelSelector& default_selector,
                              const ServiceAccounts& serviceaccounts);

// `in_force`: the ServiceAccounts whose shards may be assigned objects now. `of_shards`: those that shards have
// published, which stay fenced after their Leases are gone.
json::Value make_fence_binding(const sharding::ControllerRing& ring, PolicyMode mode, const ServiceAccounts& in_force,
                               const ServiceAccounts& of_shards);

}  // namespace ringside::central
