// Keeps every ring's MutatingWebhookConfiguration and status. Runs in the leader alone.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "base/log.h"
#include "central/applied_objects.h"
#include "central/config.h"
#include "central/event_recorder.h"
#include "central/rebalancer.h"
#include "central/ring_objects.h"
#include "central/ring_queue.h"
#include "central/ring_store.h"
#include "kube/client.h"
#include "sharding/controller_ring.h"

namespace ringside::central {

// Reason of the condition where a permission is missing; the message names verb and resource.
inline constexpr std::string_view kReasonPermissionMissing = "PermissionMissing";
// ... where objects were found that nobody had assigned.
inline constexpr std::string_view kReasonObjectsUnassigned = "ObjectsUnassigned";

// Why a ring is not ready, as its condition says it.
struct RingTrouble {
  std::string reason;
  std::string message;
  bool operator==(const RingTrouble&) const = default;
};

RingTrouble trouble_of(const Error& error);
// What keeps the ring from being ready after such a sync.
std::optional<RingTrouble> trouble_of(const SyncOutcome& outcome);

// The status of a ring, made from the present one so that an unchanged condition keeps its transition time.
sharding::ControllerRingStatus make_ring_status(sharding::ControllerRingStatus present, int64_t generation,
                                                int64_t shards, int64_t available,
                                                const std::optional<RingTrouble>& trouble, WallTime now);

class RingReconciler {
 public:
  // All references must outlive it. `ca_bundle` gives the PEM text to put into webhook configurations.
  RingReconciler(kube::Client& client, Logger log, RingStore& store, EventRecorder& events,
                 const WebhookSettings& settings, std::function<std::string()> ca_bundle);

  // The CA bundle is another one now.
  void reconcile_all();
  // What the last sync of the ring came to; shown in its condition.
  void set_sync_outcome(const std::string& ring, const SyncOutcome& outcome);
  // What keeps its fence from being as the ring says; shown in its condition, too.
  void set_fence_problem(const std::string& ring, const std::optional<Error>& problem);

 private:
  // What we remember of a ring between two looks at it.
  struct State {
    State();
    AppliedObjects applied;  // the webhook configuration
    std::optional<RingTrouble> sync_trouble;
    std::optional<RingTrouble> fence_trouble;
    std::optional<sharding::ControllerRingStatus> written;  // for a ring whose own status cannot be read
  };

  void on_change(const std::string& ring, RingChange change);
  void on_webhook_seen(const std::string& ring, const std::string& name, const std::string& version);
  std::optional<RingTrouble> trouble_of_ring(const std::string& ring) const;
  event::Task<bool> look_at(std::string ring);
  event::Task<Result<void>> reconcile(std::string ring);
  event::Task<Result<void>> apply_webhook(const sharding::ControllerRing& ring);
  event::Task<Result<void>> write_status(const RingSnapshot& snapshot, std::optional<RingTrouble> trouble);

  kube::Client& client_;
  Logger log_;
  RingStore& store_;
  EventRecorder& events_;
  const WebhookSettings& settings_;
  std::function<std::string()> ca_bundle_;
  std::map<std::string, State> rings_;
  RingQueue queue_;
  RingStore::Subscription subscription_;
  RingObjects webhooks_;
};

}  // namespace ringside::central
