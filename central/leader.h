// What only the leader does: made when it becomes leader, destroyed when it stops being one.
#pragma once

#include <functional>
#include <string>

#include "central/config.h"
#include "central/event_recorder.h"
#include "central/fence_reconciler.h"
#include "central/namespace_store.h"
#include "central/rebalancer.h"
#include "central/ring_reconciler.h"
#include "central/ring_store.h"
#include "central/ring_sync.h"
#include "central/shard_lease_reconciler.h"
#include "kube/discovery.h"

namespace ringside::central {

class Leader {
 public:
  // All references must outlive it; the store must be synced.
  Leader(kube::Client& client, Logger log, const SharderConfig& config, RingStore& rings,
         const NamespaceStore& namespaces, Metrics& metrics, std::function<std::string()> ca_bundle);

  // The CA bundle of the webhook has changed.
  void on_certificate_changed() { ring_reconciler_.reconcile_all(); }
  // A namespace's labels have changed.
  void on_namespaces_changed() { rebalancer_.sync_all(); }

 private:
  kube::Discovery discovery_;
  EventRecorder events_;
  SyncContext sync_context_;
  RingReconciler ring_reconciler_;
  FenceReconciler fence_reconciler_;
  ShardLeaseReconciler shard_lease_reconciler_;
  Rebalancer rebalancer_;
};

}  // namespace ringside::central
