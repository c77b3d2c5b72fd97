// What central knows of the rings: their ControllerRings, their shards' Leases and their fences, kept up by informers
// in every replica. The webhook and the leader's reconcilers read the same snapshots.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "central/fence_settings.h"
#include "central/metrics.h"
#include "event/loop.h"
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
  // The shards that objects are assigned to: those that hold their Leases, are not labelled dead any more and, where
  // the ring's fence is enforced, are fenced. Built anew only when that set changes.
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
  std::optional<kube::NamespacedName> serviceaccount;  // as which the shard writes, if it says so
  sharding::LeaseObserver observer;
  std::optional<TimePoint> held_since;  // by its shard, before our eyes
  // Objects are assigned to it. That stays so for as long as the Lease is held: whatever becomes of the fence, a shard
  // that works must not lose its objects without a handover.
  bool assigned_to = false;
};

// What the binding of a ring's fence says.
struct FenceBinding {
  ServiceAccounts in_force;   // the API server enforces the fence for these
  ServiceAccounts of_shards;  // fenced, as published by shards that may be gone by now
};

// Of a ValidatingAdmissionPolicyBinding.
struct BindingChange {
  std::string name;
  std::string version;  // its resource version; empty: it is gone
};

enum class RingChange {
  kObject,      // the ControllerRing was added or changed
  kDeleted,     // the ControllerRing is gone
  kMembership,  // the set of available shards changed
  kLeases,      // any Lease of the ring changed, renewals included
  kFence,       // one of the ring's ValidatingAdmissionPolicyBindings was added, changed or deleted
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

  // How long a shard that holds its Lease waits at most until objects are assigned to it: for its fence, and if it was
  // dead, until the leader has moved what it left and labels its Lease ready. Longer than another replica needs to
  // become leader.
  static constexpr Duration kPatience = std::chrono::seconds(30);

  // Whether all ControllerRings, Leases and bindings have been seen, or bindings cannot be seen. Before that there are
  // no snapshots.
  bool synced() const {
    return rings_informer_.synced() && leases_informer_.synced() && (bindings_informer_.synced() || fence_problem_);
  }

  // nullptr if there is no such ring.
  std::shared_ptr<const RingSnapshot> find(std::string_view ring) const;
  std::vector<std::string> ring_names() const;

  // Every shard Lease, of rings that do not exist, too. Those whose name no label can hold are none. The reference
  // lives until the loop's next turn.
  const std::map<kube::NamespacedName, ShardLease>& leases() const { return leases_; }
  // All Leases of the ring, dead ones too.
  int64_t lease_count(std::string_view ring) const;
  // The shards that hold their Leases, assigned to or not.
  int64_t available_count(std::string_view ring) const;

  // Until when a shard of the ring that has released its Lease may be back: the longest that one of these Leases runs.
  // nullopt if all have expired, as those of pods that have ended have after a second. One whose Lease was taken has
  // had its time already.
  std::optional<TimePoint> may_return_until(std::string_view ring) const;

  // Whether the shard's Lease is kept by a sidecar, which publishes its pod's ServiceAccount in it.
  bool has_sidecar(std::string_view ring, std::string_view shard) const;

  // The ServiceAccounts that the shards of the ring publish in their Leases, those of dead ones too.
  ServiceAccounts serviceaccounts(std::string_view ring) const;
  // nullopt if the fence is not up.
  std::optional<FenceBinding> fence(std::string_view ring) const;
  bool has_label_policy(std::string_view ring) const;
  // What the RingChange::kFence is about that listeners are told of at present.
  const BindingChange& binding_change() const { return binding_change_; }
  // Why ValidatingAdmissionPolicyBindings cannot be read: no permission, or an API server that has none. No ring has a
  // fence then, and shards do not wait for one.
  const std::optional<Error>& fence_problem() const { return fence_problem_; }

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
  void on_binding(const json::Value& object, bool gone);
  void on_bindings_synced();
  void on_bindings_failed(const Error& error);
  void on_informer_synced();
  void update_all_shards();
  bool update_shards(const std::string& ring);
  std::vector<std::string> assigned_shards(const RingSnapshot& ring);
  void decide_assigned(const RingSnapshot& ring, ShardLease& lease);
  bool is_fenced(const RingSnapshot& ring, const ShardLease& lease) const;
  Duration patience_left(const ShardLease& lease) const;
  void tell(const std::string& ring, RingChange change);

  kube::Client& client_;
  Logger log_;
  Metrics& metrics_;
  std::function<void()> on_synced_;
  std::map<std::string, std::shared_ptr<const RingSnapshot>, std::less<>> rings_;
  std::map<kube::NamespacedName, ShardLease> leases_;
  std::list<Listener> listeners_;
  bool gap_ = false;
  std::optional<Error> fence_problem_;
  BindingChange binding_change_;
  std::unique_ptr<event::Timer> patience_;  // until a shard has waited long enough
  kube::Informer rings_informer_;
  kube::Informer leases_informer_;
  kube::Informer bindings_informer_;
};

}  // namespace ringside::central
