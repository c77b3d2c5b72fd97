// Keeps the shard Leases in order (protocol.md, "Shard Lease states"): labels them with their state, takes those of
// lost shards, deletes those that are left behind. Runs in the leader alone.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>

#include "base/log.h"
#include "central/ring_store.h"
#include "event/async.h"
#include "event/job.h"
#include "kube/client.h"
#include "sharding/lease_state.h"

namespace ringside::central {

class ShardLeaseReconciler {
 public:
  // Both must outlive it. Works from construction to destruction.
  ShardLeaseReconciler(kube::Client& client, Logger log, RingStore& store);

  // Whether objects of departed shards are being moved in that ring. A shard that comes back meanwhile stays labelled
  // dead: it would see some objects of its own without their children, and make them again.
  void set_moving(const std::string& ring, bool moving);

 private:
  event::Task<void> run();
  event::Task<Duration> reconcile(ShardLease lease);
  bool must_wait(const ShardLease& lease, sharding::ShardState state) const;
  // The Lease's resourceVersion becomes that of the answer.
  event::Task<Result<void>> label_state(ShardLease& lease, sharding::ShardState state);
  event::Task<Result<void>> take(const ShardLease& lease);
  event::Task<Result<void>> remove(const ShardLease& lease);

  kube::Client& client_;
  Logger log_;
  RingStore& store_;
  event::Signal changed_;
  std::set<std::string> moving_;  // rings
  RingStore::Subscription subscription_;
  event::Job job_;
};

// The Lease as central takes it from its shard, labelled dead in the same write. The resourceVersion is that of
// `lease`: if the shard renews meanwhile, the update fails.
json::Value taken_lease(json::Value lease, WallTime now);

}  // namespace ringside::central
