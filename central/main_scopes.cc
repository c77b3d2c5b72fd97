#include "central/main_scopes.h"

#include "event/loop.h"

namespace ringside::central {
namespace {

constexpr Duration kAskAgain = std::chrono::seconds(10);

}  // namespace

event::Task<sharding::ClusterScopedKinds> MainScopes::cluster_scoped(const sharding::ControllerRing& ring) {
  auto known = known_.find(ring.name());
  if (known != known_.end() && known->second.resources == ring.spec.resources && loop_.now() < known->second.until) {
    co_return known->second.kinds;
  }
  Known found{.resources = ring.spec.resources, .kinds = {}, .until = TimePoint::max()};
  std::string name = ring.name();
  for (const auto& main : found.resources) {
    auto resource = co_await discovery_.find(main.resource);
    if (!resource) {
      log_.warn("it is not known whether a main resource is cluster-scoped",
                {{"controllerring", name}, {"error", resource.error().message}});
      found.until = loop_.now() + kAskAgain;
    } else if (!resource->namespaced) {
      found.kinds.insert({main.resource.group, resource->kind});
    }
  }
  sharding::ClusterScopedKinds kinds = found.kinds;
  known_[name] = std::move(found);
  co_return kinds;
}

}  // namespace ringside::central
