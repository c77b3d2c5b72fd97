// Reads the controllers of children, live.
#pragma once

#include <optional>
#include <string>

#include "event/task.h"
#include "kube/client.h"
#include "kube/discovery.h"
#include "kube/meta.h"
#include "sharding/controller_ring.h"

namespace ringside::central {

class OwnerReader {
 public:
  // Both must outlive it.
  OwnerReader(kube::Client& client, kube::Discovery& discovery) : client_(client), discovery_(discovery) {}

  // The metadata of the owner of an object in namespace `ns`. nullopt if it is gone, or no main resource of the ring
  // has its kind.
  event::Task<Result<std::optional<kube::ObjectMeta>>> read(const sharding::ControllerRing& ring,
                                                            kube::OwnerReference owner, std::string ns);

 private:
  kube::Client& client_;
  kube::Discovery& discovery_;
};

}  // namespace ringside::central
