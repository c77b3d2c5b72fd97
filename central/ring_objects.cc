#include "central/ring_objects.h"

#include <utility>

#include "kube/meta.h"
#include "sharding/names.h"

namespace ringside::central {
namespace {

kube::ListOptions labelled_metadata() {
  kube::ListOptions options;
  options.label_selector = sharding::kRingLabel;
  options.metadata_only = true;
  return options;
}

kube::Informer::Handler make_handler(const RingObjects::Changed& changed) {
  auto tell = [changed](const json::Value& object, bool gone) {
    kube::ObjectMeta meta = kube::meta_of(object);
    changed(std::string(meta.label(sharding::kRingLabel)), meta.name, gone ? std::string() : meta.resource_version);
  };
  return {.on_upsert = [tell](const json::Value& object) { tell(object, false); },
          .on_delete = [tell](const kube::NamespacedName&, const json::Value& last) { tell(last, true); }};
}

}  // namespace

RingObjects::RingObjects(kube::Client& client, Logger log, kube::ResourceType type, Changed changed)
    : informer_(client, std::move(log), std::move(type), labelled_metadata(), make_handler(changed)) {}

}  // namespace ringside::central
