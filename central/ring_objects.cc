#include "central/ring_objects.h"

#include <utility>

#include "sharding/names.h"

namespace ringside::central {
namespace {

kube::ListOptions labelled_metadata() {
  kube::ListOptions options;
  options.label_selector = sharding::kRingLabel;
  options.metadata_only = true;
  return options;
}

}  // namespace

RingObjects::RingObjects(kube::Client& client, Logger log, kube::ResourceType type, Changed changed)
    : changed_(std::move(changed)),
      informer_(client, std::move(log), std::move(type), labelled_metadata(),
                {.on_upsert = [this](const json::Value& object) { on_upsert(kube::meta_of(object)); },
                 .on_delete =
                     [this](const kube::NamespacedName& name, const json::Value& last) {
                       generations_.erase(name.name);
                       changed_(std::string(kube::meta_of(last).label(sharding::kRingLabel)), name.name, "");
                     }}) {}

void RingObjects::on_upsert(const kube::ObjectMeta& meta) {
  auto [known, added] = generations_.try_emplace(meta.name, meta.generation);
  if (!added && std::exchange(known->second, meta.generation) == meta.generation) return;
  changed_(std::string(meta.label(sharding::kRingLabel)), meta.name, meta.resource_version);
}

}  // namespace ringside::central
