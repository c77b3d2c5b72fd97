// What this shard knows of its ring: which requests are about it, and how the handover is to be done.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/log.h"
#include "event/job.h"
#include "kube/client.h"
#include "kube/discovery.h"
#include "kube/informer.h"
#include "sharding/controller_ring.h"
#include "sidecar/request_filter.h"

namespace ringside::sidecar {

// "configmaps" or "deployments.apps", as `--view <resource>=all` names it.
Result<kube::GroupResource> parse_resource_name(std::string_view text);

// The resources of a ring as requests are judged by them. all_views: resources that the controller sees whole.
// cluster_scoped: those known to be so, beside Namespaces.
RingResources to_ring_resources(const sharding::ControllerRing& ring, const std::vector<kube::GroupResource>& all_views,
                                const std::set<kube::GroupResource>& cluster_scoped = {});

// Watches the ControllerRing. Fails closed: while the ring is not known, or does not exist, nothing that might concern
// it passes.
class RingView {
 public:
  // on_change runs, in phase 3, when resources() or ring() have changed. Which resources are cluster-scoped is learnt
  // by discovery, a little later than the ring.
  RingView(kube::Client& client, Logger log, std::string ring, std::vector<kube::GroupResource> all_views,
           std::function<void()> on_change);

  const RingResources& resources() const { return resources_; }
  // nullptr while it is not known.
  const sharding::ControllerRing* ring() const { return ring_ ? &*ring_ : nullptr; }
  // Why the ring is not known, in words for the controller's log; empty if it is.
  const std::string& problem() const { return problem_; }

 private:
  void set(std::optional<sharding::ControllerRing> ring, std::string problem);
  void on_object(const json::Value& object);
  event::Task<void> learn_scopes();

  event::Loop& loop_;
  Logger log_;
  std::string name_;
  std::vector<kube::GroupResource> all_views_;
  std::function<void()> on_change_;
  std::optional<sharding::ControllerRing> ring_;
  RingResources resources_;
  std::string problem_;
  kube::Discovery discovery_;
  std::set<kube::GroupResource> cluster_scoped_;
  event::Job learning_;
  std::unique_ptr<kube::Informer> informer_;
};

}  // namespace ringside::sidecar
