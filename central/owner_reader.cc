#include "central/owner_reader.h"

namespace ringside::central {

event::Task<Result<std::optional<kube::ObjectMeta>>> OwnerReader::read(const sharding::ControllerRing& ring,
                                                                       kube::OwnerReference owner, std::string ns) {
  std::string group = kube::group_of(owner.api_version);
  std::vector<kube::GroupResource> mains;
  for (const auto& each : ring.spec.resources) {
    if (each.resource.group == group) mains.push_back(each.resource);
  }
  for (const kube::GroupResource& main : mains) {
    auto found = co_await discovery_.find(main);
    if (!found) co_return failure(found.error());
    if (found->kind != owner.kind) continue;
    auto object = co_await client_.get(found->type, found->namespaced ? ns : "", owner.name, true);
    if (!object && object.error().kind == ErrorKind::kNotFound) co_return std::nullopt;
    if (!object) co_return failure(object.error());
    co_return kube::meta_of(*object);
  }
  co_return std::nullopt;
}

}  // namespace ringside::central
