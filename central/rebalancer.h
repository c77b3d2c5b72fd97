// Decides when rings are synced: at once when their shards or their resources change, soon after that for what the
// change left behind, and every syncPeriod; and every few seconds for objects that have no shard. Runs in the leader
// alone.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "base/backoff.h"
#include "central/departed_shards.h"
#include "central/ring_store.h"
#include "central/ring_sync.h"
#include "event/async.h"
#include "event/job.h"

namespace ringside::central {

// What a sync came to.
struct SyncOutcome {
  std::optional<Error> problem = std::nullopt;  // why it could not do all it had to
  // Objects of a settled ring that nobody had assigned (and the sync has, if there is no problem), and one of them by
  // name: the webhook was not there when they were created.
  size_t orphans = 0;
  std::string orphan = {};
};

// Who is told of what happens. Must not destroy the rebalancer.
struct SyncObserver {
  // After every sync.
  std::function<void(const std::string& ring, const SyncOutcome& outcome)> report;
  // The shards changed: objects of departed ones may have to be moved; and none has to any more.
  std::function<void(const std::string& ring, bool moving)> set_moving;
};

// One ring. Destroying it ends the sync that is under way.
class RingRebalancer {
 public:
  RingRebalancer(SyncContext& context, const RingStore& store, std::string ring, Duration sync_period,
                 const SyncObserver& observer);
  ~RingRebalancer() { observer_.set_moving(ring_, false); }

  // The shards are others now: what is under way is given up but for requests that were sent, and a sync begins at
  // once.
  void restart();
  // So are the resources or the namespaces of the ring.
  void restart_anew() {
    synced_shards_.reset();
    restart();
  }
  // The ring and its shards have been for long what they are now: what is unassigned at the first sync was missed.
  void set_settled();
  // Something else may have changed: a full sync, after the one that may be under way.
  void sync_again() { again_.notify(); }

 private:
  event::Task<void> run();
  event::Task<bool> full_sync();
  event::Task<bool> assign_unassigned();
  event::Task<bool> move_stragglers();
  std::shared_ptr<RingSync> begin(const RingSnapshot& snapshot);
  bool report(std::string_view kind, TimePoint began, const Result<void>& result, const RingSync& sync);
  bool settled() const;

  SyncContext& context_;
  const RingStore& store_;
  std::string ring_;
  Duration sync_period_;
  const SyncObserver& observer_;
  event::Signal again_;
  // The shards at the last full sync that did all it had to; nullopt: none has since the resources changed.
  std::optional<std::set<std::string>> synced_shards_;
  size_t left_behind_ = 0;  // children to follow their owners, and owners that are draining
  TimePoint changed_at_;    // the last restart, or before: see set_settled
  TimePoint next_stragglers_;
  DepartedShards departed_;
  std::weak_ptr<RingSync> sync_;  // the latest
  WorkPools pools_;
  event::Job job_;
};

class Rebalancer {
 public:
  // All must outlive it.
  Rebalancer(SyncContext& context, RingStore& store, Duration sync_period, SyncObserver observer);

  // Namespaces were labelled anew.
  void sync_all();

 private:
  void on_change(const std::string& ring, RingChange change);

  SyncContext& context_;
  RingStore& store_;
  Duration sync_period_;
  SyncObserver observer_;
  std::map<std::string, sharding::ControllerRingSpec> specs_;
  std::map<std::string, std::unique_ptr<RingRebalancer>> rings_;
  RingStore::Subscription subscription_;
};

}  // namespace ringside::central
