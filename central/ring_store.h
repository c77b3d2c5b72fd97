// What central knows of the rings: their ControllerRings and their shards' Leases, kept up by two informers in every
// replica. The webhook and the leader's reconcilers read the same snapshots.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "central/metrics.h"
#include "kube/client.h"
#include "kube/informer.h"
#include "ring/ring.h"
#include "sharding/controller_ring.h"
#include "sharding/lease_state.h"

namespace ringside::central {

// One ring at one moment. Immutable; a change makes a new one.
struct RingSnapshot {
  kube::ObjectMeta meta;
  // kInvalid if the ControllerRing says what it must not; the message is for its condition.
  Result<sharding::ControllerRing> object;
  // The shards that objects are assigned to. Built anew only when that set changes.
  std::shared_ptr<const ring::Ring> shards;
};

// One shard Lease as last seen, and what we know of its age.
struct ShardLease {
  kube::NamespacedName name;
  std::string uid;
  std::string resource_version;
  std::string ring;
  std::string state_label;
  int64_t transitions = 0;
  sharding::LeaseObserver observer;
};

enum class RingChange {
  kObject,      // the ControllerRing was added or changed
  kDeleted,     // the ControllerRing is gone
  kMembership,  // the set of available shards changed
  kLeases,      // any Lease of the ring changed, renewals included
};

class RingStore {
 public:
  // Called in phase 3 of a turn, when the store is consistent again. Must neither subscribe nor unsubscribe.
  using Listener = std::function<void(const std::string& ring, RingChange change)>;

  // Destroying it ends the subscription. Must not outlive the store.
  class Subscription {
   public:
    explicit Subscription(RingStore& store, Listener listener);
    ~Subscription();
    Subscription(const Subscription&) = delete;
    Subscription& operator=(const Subscription&) = delete;

   private:
    RingStore& store_;
    std::list<Listener>::iterator position_;
  };

  // The client and the metrics must outlive the store. on_synced runs once, in phase 3.
  RingStore(kube::Client& client, Logger log, Metrics& metrics, std::function<void()> on_synced);

  // Whether all ControllerRings and Leases have been seen. Before that there are no snapshots.
  bool synced() const { return rings_informer_.synced() && leases_informer_.synced(); }

  // nullptr if there is no such ring.
  std::shared_ptr<const RingSnapshot> find(std::string_view ring) const;
  std::vector<std::string> ring_names() const;

  // Every shard Lease, of rings that do not exist, too. The reference lives until the loop's next turn.
  const std::map<kube::NamespacedName, ShardLease>& leases() const { return leases_; }
  // All Leases of the ring, dead ones too.
  int64_t lease_count(std::string_view ring) const;

  // Whether shards may have been unable to renew their Leases, or we to see it (the watch is down, requests fail). Ends
  // with the next event of any Lease, or by end_gap() of somebody who has just read one.
  bool has_gap() const { return gap_; }
  void begin_gap() { gap_ = true; }
  void end_gap();

 private:
  void on_ring(const json::Value& object);
  void on_ring_deleted(const std::string& ring);
  void on_lease(const json::Value& object);
  void on_lease_deleted(const kube::NamespacedName& name);
  void on_informer_synced();
  bool update_shards(const std::string& ring);
  std::vector<std::string> available_shards(std::string_view ring) const;
  void tell(const std::string& ring, RingChange change);

  kube::Client& client_;
  Logger log_;
  Metrics& metrics_;
  std::function<void()> on_synced_;
  std::map<std::string, std::shared_ptr<const RingSnapshot>, std::less<>> rings_;
  std::map<kube::NamespacedName, ShardLease> leases_;
  std::list<Listener> listeners_;
  bool gap_ = false;
  kube::Informer rings_informer_;
  kube::Informer leases_informer_;
};

}  // namespace ringside::central
