// The protection of labels: the ValidatingAdmissionPolicy by which users and other workloads leave a ring's shard and
// drain labels alone. Pure.
//
// It judges updates that change or remove the shard label, or add, change or remove the drain label, and creates with a
// drain label. That an object without a shard gets one is always allowed: the API server takes the assignment webhook's
// work for the caller's.
#pragma once

#include <string>

#include "base/json.h"
#include "central/fence_settings.h"
#include "sharding/controller_ring.h"

namespace ringside::central {

// Whole objects for server-side apply, owned by the ring. The ring's ServiceAccounts, the reference's sharder and the
// user `central` (empty: not known) are not judged.
json::Value make_label_policy(const sharding::ControllerRing& ring, const kube::LabelSelector& default_selector,
                              const ServiceAccounts& serviceaccounts, const std::string& central);
json::Value make_label_binding(const sharding::ControllerRing& ring, PolicyMode mode);

}  // namespace ringside::central
