#include "sidecar/owner_lookup.h"

#include <vector>

namespace ringside::sidecar {

OwnerLookup::OwnerLookup(kube::Client& client, const RingView& ring)
    : client_(client), ring_(ring), discovery_(client) {}

event::Task<Result<std::optional<OwnerLookup::Owner>>> OwnerLookup::owner_of(const kube::ObjectMeta& child) {
  const kube::OwnerReference* controller = kube::controller_of(child);
  if (!controller || !ring_.ring()) co_return std::nullopt;
  std::string group = kube::group_of(controller->api_version);
  std::vector<kube::GroupResource> mains;
  for (const auto& each : ring_.ring()->spec.resources) {
    if (each.resource.group == group) mains.push_back(each.resource);
  }
  for (const kube::GroupResource& main : mains) {
    auto found = co_await discovery_.find(main);
    // Without its CRD there is no object of that resource, so no owner either.
    if (!found && found.error().kind == ErrorKind::kNotFound) continue;
    if (!found) co_return failure(found.error());
    if (found->kind != controller->kind) continue;
    co_return Owner{
        .resource = main, .name = {found->namespaced ? child.ns : "", controller->name}, .uid = controller->uid};
  }
  co_return std::nullopt;
}

event::Task<Result<json::Value>> OwnerLookup::read(kube::GroupResource resource, kube::NamespacedName name) {
  auto found = co_await discovery_.find(resource);
  if (!found) co_return failure(found.error());
  auto object = co_await client_.get(found->type, found->namespaced ? name.ns : "", name.name, true);
  if (object || object.error().kind != ErrorKind::kNotFound) co_return object;
  // Or it is the version that is gone, and the object lives on in another.
  discovery_.forget(resource);
  auto again = co_await discovery_.find(resource);
  if (!again) co_return failure(again.error());
  if (again->type == found->type) co_return object;
  co_return co_await client_.get(again->type, again->namespaced ? name.ns : "", name.name, true);
}

}  // namespace ringside::sidecar
