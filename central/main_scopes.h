// Which kinds of the rings' main resources are cluster-scoped, for the webhook, in every replica.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "central/ring_store.h"
#include "event/job.h"
#include "event/task.h"
#include "kube/discovery.h"
#include "sharding/controller_ring.h"
#include "sharding/keys.h"

namespace ringside::central {

// Asks the API server as soon as a ring is known and when its resources change, never while a review waits: the API
// server lets a client have so many requests under way, and those that wait for a review would keep out what the review
// waits for. What cannot be found out (a CRD that is not there yet) counts as namespaced and is asked again every ten
// seconds.
class MainScopes {
 public:
  // All must outlive it.
  MainScopes(event::Loop& loop, Logger log, kube::Discovery& discovery, RingStore& store);

  // Whether the API server was asked about every ring, with an answer or without. Once it was, rings that come later do
  // not change that.
  bool asked();

  // From memory. Where a ring's resources have just changed, what was known before. The reference lives until the
  // loop's next turn.
  const sharding::ClusterScopedKinds& cluster_scoped(std::string_view ring) const;

 private:
  struct Ring {
    std::vector<sharding::RingResource> resources;
    sharding::ClusterScopedKinds kinds;
    bool asked = false;
    event::Job asking;
  };

  void on_change(const std::string& ring, RingChange change);
  event::Task<void> ask(std::string name);
  // Whether every main resource was found.
  event::Task<bool> ask_once(std::string name);

  event::Loop& loop_;
  Logger log_;
  kube::Discovery& discovery_;
  const RingStore& store_;
  bool asked_ = false;
  std::map<std::string, Ring, std::less<>> rings_;
  RingStore::Subscription subscription_;
};

}  // namespace ringside::central
