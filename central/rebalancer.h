// Decides when rings are synced: at once when their shards or their resources change, soon after that for what the
// change left behind, and every syncPeriod. Runs in the leader alone.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "base/backoff.h"
#include "central/ring_store.h"
#include "central/ring_sync.h"
#include "event/async.h"
#include "event/job.h"

namespace ringside::central {

// One ring. Destroying it ends the sync that is under way.
class RingRebalancer {
 public:
  // Called after every sync, with nullopt if it did all it had to. Must not destroy the rebalancer.
  using Report = std::function<void(const std::string& ring, std::optional<Error> problem)>;

  RingRebalancer(SyncContext& context, const RingStore& store, std::string ring, Duration sync_period, Report report);

  // The shards or the resources are others now: what is under way is ended, a full sync begins at once.
  void restart();
  // Something else may have changed: a full sync, after the one that may be under way.
  void sync_again() { again_.notify(); }

 private:
  event::Task<void> run();
  event::Task<bool> full_sync();
  event::Task<bool> quick_sync();
  bool report(const Result<void>& result);
  Duration until_quick_sync() const;

  SyncContext& context_;
  const RingStore& store_;
  std::string ring_;
  Duration sync_period_;
  Report report_;
  event::Signal again_;
  std::set<std::string> known_shards_;  // that objects may have been assigned to since we lead
  bool left_behind_ = false;            // the last sync left children to follow, or objects unassigned
  int quick_syncs_ = 0;                 // since the last restart
  event::Job job_;
};

class Rebalancer {
 public:
  // All must outlive it.
  Rebalancer(SyncContext& context, RingStore& store, Duration sync_period, RingRebalancer::Report report);

  // Namespaces were labelled anew.
  void sync_all();

 private:
  void on_change(const std::string& ring, RingChange change);

  SyncContext& context_;
  RingStore& store_;
  Duration sync_period_;
  RingRebalancer::Report report_;
  std::map<std::string, sharding::ControllerRingSpec> specs_;
  std::map<std::string, std::unique_ptr<RingRebalancer>> rings_;
  RingStore::Subscription subscription_;
};

}  // namespace ringside::central
