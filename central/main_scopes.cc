#include "central/main_scopes.h"

#include <algorithm>

#include "event/async.h"

namespace ringside::central {
namespace {

constexpr Duration kAskAgain = std::chrono::seconds(10);

}  // namespace

MainScopes::MainScopes(event::Loop& loop, Logger log, kube::Discovery& discovery, RingStore& store)
    : loop_(loop),
      log_(std::move(log)),
      discovery_(discovery),
      store_(store),
      subscription_(store, [this](const std::string& ring, RingChange change) { on_change(ring, change); }) {}

bool MainScopes::asked() {
  asked_ = asked_ || std::ranges::all_of(rings_, [](const auto& each) { return each.second.asked; });
  return asked_;
}

const sharding::ClusterScopedKinds& MainScopes::cluster_scoped(std::string_view ring) const {
  static const sharding::ClusterScopedKinds kNone;
  auto known = rings_.find(ring);
  return known == rings_.end() ? kNone : known->second.kinds;
}

void MainScopes::on_change(const std::string& ring, RingChange change) {
  if (change == RingChange::kDeleted) rings_.erase(ring);
  if (change != RingChange::kObject) return;
  auto snapshot = store_.find(ring);
  if (!snapshot || !snapshot->object) return;
  auto [known, is_new] = rings_.try_emplace(ring);
  if (!is_new && known->second.resources == snapshot->object->spec.resources) return;
  known->second.resources = snapshot->object->spec.resources;
  known->second.asking = event::Job(loop_, ask(ring));
}

event::Task<void> MainScopes::ask(std::string name) {
  while (!co_await ask_once(name)) co_await event::sleep(loop_, kAskAgain);
}

// A change of the ring's resources, and its end, cancel it: the entry stays where it is meanwhile.
event::Task<bool> MainScopes::ask_once(std::string name) {
  Ring& ring = rings_.find(name)->second;
  sharding::ClusterScopedKinds kinds;
  bool complete = true;
  for (const auto& main : ring.resources) {
    auto resource = co_await discovery_.find(main.resource);
    if (!resource) {
      log_.warn("it is not known whether a main resource is cluster-scoped",
                {{"controllerring", name}, {"error", resource.error().message}});
      complete = false;
    } else if (!resource->namespaced) {
      kinds.insert({main.resource.group, resource->kind});
    }
  }
  ring.kinds = std::move(kinds);
  ring.asked = true;
  co_return complete;
}

}  // namespace ringside::central
