// Which kinds of a ring's main resources are cluster-scoped, for replicas that only answer the webhook.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "event/task.h"
#include "kube/discovery.h"
#include "sharding/controller_ring.h"
#include "sharding/keys.h"

namespace ringside::central {

// Asks the API server once per ring, and again when the ring's resources change. What cannot be found out (a CRD that
// is not there yet) counts as namespaced and is asked again after ten seconds.
class MainScopes {
 public:
  // Both must outlive it.
  MainScopes(event::Loop& loop, Logger log, kube::Discovery& discovery)
      : loop_(loop), log_(std::move(log)), discovery_(discovery) {}

  event::Task<sharding::ClusterScopedKinds> cluster_scoped(const sharding::ControllerRing& ring);

 private:
  struct Known {
    std::vector<sharding::RingResource> resources;  // of the ring, when it was asked for
    sharding::ClusterScopedKinds kinds;
    TimePoint until;
  };

  event::Loop& loop_;
  Logger log_;
  kube::Discovery& discovery_;
  std::map<std::string, Known, std::less<>> known_;
};

}  // namespace ringside::central
