// The controller's own election Lease, as it really is in the API: co-held by all sidecars of the ring.
#pragma once

#include <optional>
#include <string>

#include "base/log.h"
#include "event/mutex.h"
#include "event/task.h"
#include "kube/client.h"
#include "kube/lease.h"

namespace ringside::sidecar {

// All sidecars of a ring hold the Lease under one identity (sharding::election_identity), so that an unsharded replica
// stays on standby, and sharded ones do not start while an unsharded leader holds it. It is never released: the last
// sidecar cannot know that it is the last, and expiry costs an unsharded successor one Lease duration.
class CoHeldLease {
 public:
  CoHeldLease(kube::Client& client, Logger log, std::string ring, kube::NamespacedName name);

  // Holds it for the ring: takes it if nobody does, renews it if no sidecar did in the last third of its duration.
  // kConflict if an unsharded replica leads. `wanted` is the Lease as the controller would write it: its duration
  // counts.
  event::Task<Result<void>> co_hold(const kube::Lease& wanted);

  // Reads it. nullopt: it does not exist.
  event::Task<Result<std::optional<kube::Lease>>> read();

  // Whether the Lease as last read is held by somebody else who has renewed it within its duration, as far as was seen.
  bool held_by_other() const;
  // Whether it is the ring's.
  bool held_by_ring() const;

 private:
  event::Task<Result<void>> write(const kube::Lease& wanted);
  void observe(std::optional<kube::Lease> lease);

  kube::Client& client_;
  Logger log_;
  std::string identity_;
  kube::NamespacedName name_;
  event::Mutex mutex_;
  std::optional<kube::Lease> lease_;
  TimePoint changed_at_ = TimePoint::min();  // when the resource version was first seen
};

}  // namespace ringside::sidecar
