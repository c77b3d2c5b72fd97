#include "central/ring_object.h"

#include "sharding/names.h"

namespace ringside::central {

json::Value make_ring_object_metadata(const sharding::ControllerRing& ring, std::string name) {
  kube::Labels labels = {{std::string(sharding::kAppLabel), std::string(sharding::kAppLabelValue)},
                         {std::string(sharding::kRingLabel), ring.name()}};
  kube::OwnerReference owner = {.api_version = std::string(sharding::kApiVersion),
                                .kind = std::string(sharding::kControllerRingKind),
                                .name = ring.name(),
                                .uid = ring.meta.uid,
                                .controller = true,
                                .block_owner_deletion = true};
  return json::Value::object({{"name", std::move(name)},
                              {"labels", kube::to_json(labels)},
                              {"ownerReferences", json::Value::array({to_json(owner)})}});
}

}  // namespace ringside::central
