// Keeps every ring's ValidatingAdmissionPolicies, the fence and the protection of labels, up while a shard of the ring
// is available. Runs in the leader alone.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "base/log.h"
#include "central/applied_objects.h"
#include "central/fence_settings.h"
#include "central/ring_objects.h"
#include "central/ring_queue.h"
#include "central/ring_store.h"
#include "kube/client.h"
#include "kube/meta.h"

namespace ringside::central {

// An API server takes a policy into force within about a second (PolicyRefreshInterval in k8s.io/apiserver), and
// nothing tells when. So the fence of new ServiceAccounts is applied first, and two seconds later the binding is
// annotated with them: from then on every replica of central assigns objects to their shards (RingStore). It is taken
// away as soon as the ring has no available shard and none may be back, so that it does not stand in the way of a
// controller without sidecars; but an outage in which all controllers lose their elections does not take it away.
class FenceReconciler {
 public:
  // Called whenever it has looked at a ring; nullopt if all is as the ring's annotations say. Must not destroy the
  // reconciler.
  using Report = std::function<void(const std::string& ring, std::optional<Error> problem)>;

  // All references must outlive it; `default_selector` is for rings without a namespaceSelector of their own.
  FenceReconciler(kube::Client& client, Logger log, RingStore& store, const kube::LabelSelector& default_selector,
                  Report report);

 private:
  // What we remember of a ring between two looks at it.
  struct State {
    State();
    AppliedObjects applied;
    // Of the fence, while it is up; nullopt: we have not raised it since we lead.
    std::optional<ServiceAccounts> in_force;
    ServiceAccounts pending;  // applied at pending_since, not in force yet
    TimePoint pending_since;
    bool labels_up = false;
    // What its Leases said when last looked at.
    ServiceAccounts of_leases;
    bool available = false;
    std::optional<TimePoint> may_return_until;
  };
  // What the ring is to have now; kOff: nothing.
  struct Wanted {
    PolicyMode fence = PolicyMode::kOff;
    PolicyMode labels = PolicyMode::kOff;
    ServiceAccounts serviceaccounts;
    ServiceAccounts of_shards;
    std::optional<TimePoint> until;  // it may be another one then, though nothing else changes
  };

  void on_change(const std::string& ring, RingChange change);
  void on_seen(const std::string& ring, const kube::ResourceType& type, const std::string& name,
               const std::string& version);
  event::Task<bool> look_at(std::string ring);
  event::Task<Result<void>> reconcile(const std::string& ring, const RingSnapshot* snapshot, Wanted wanted);
  event::Task<Result<void>> reconcile_labels(const std::string& ring, const RingSnapshot* snapshot, Wanted wanted);
  event::Task<Result<void>> raise_fence(const sharding::ControllerRing& ring, Wanted wanted);
  event::Task<Result<void>> raise_labels(const sharding::ControllerRing& ring, Wanted wanted);
  event::Task<Result<void>> lower(std::string ring, std::string name);
  event::Task<Result<void>> apply(std::string ring, kube::ResourceType type, json::Value object);
  event::Task<void> find_own_name();
  bool is_up(const std::string& ring) const;
  Wanted find_wanted(const RingSnapshot& snapshot) const;

  kube::Client& client_;
  Logger log_;
  RingStore& store_;
  const kube::LabelSelector& default_selector_;
  Report report_;
  std::string own_name_;                // as the API server knows us; empty: not known
  std::map<std::string, State> rings_;  // an entry lives until its ring and all that we made for it are gone
  RingQueue queue_;
  RingStore::Subscription subscription_;
  RingObjects policies_;
};

}  // namespace ringside::central
