#include "sidecar/delete_guard.h"

#include <vector>

#include "sharding/names.h"

namespace ringside::sidecar {
namespace {

constexpr int kPage = 500;
// So many owners are read one by one; more are first looked for in a list of this shard's objects.
constexpr size_t kFewOwners = 8;

kube::ObjectMeta meta_of(const json::Value& object) {
  const json::Value* metadata = object.find("metadata");
  return metadata ? kube::parse_object_meta(*metadata) : kube::ObjectMeta();
}

std::string describe(const kube::GroupResource& resource, const kube::NamespacedName& name) {
  return to_string(resource) + " " + to_string(name);
}

}  // namespace

DeleteGuard::DeleteGuard(kube::Client& client, const RingView& ring, ShardIdentity self)
    : client_(client),
      ring_(ring),
      self_(std::move(self)),
      shard_label_(sharding::shard_label(self_.ring)),
      discovery_(client) {}

event::Task<std::optional<kube::Status>> DeleteGuard::check(ObjectRef child) {
  auto type = co_await discovery_.find(child.resource);
  if (!type) co_return unknown(type.error());
  auto object = co_await client_.get(type->type, type->namespaced ? child.ns : "", child.name, true);
  if (!object && object.error().kind == ErrorKind::kNotFound) co_return std::nullopt;
  if (!object) co_return unknown(object.error());
  kube::ObjectMeta meta = meta_of(*object);
  std::string_view shard = meta.label(shard_label_);
  if (!shard.empty() && shard != self_.shard) co_return refused(child.resource, child.name, "it is");
  auto owner = co_await owner_of(meta);
  if (!owner) co_return unknown(owner.error());
  if (!*owner) co_return std::nullopt;
  auto ours = co_await is_ours(**owner);
  if (!ours) co_return unknown(ours.error());
  if (*ours) co_return std::nullopt;
  co_return refused(child.resource, child.name, "its owner " + describe((*owner)->resource, (*owner)->name) + " is");
}

event::Task<std::optional<kube::Status>> DeleteGuard::check_all(kube::GroupResource resource, kube::ListOptions list) {
  auto type = co_await discovery_.find(resource);
  if (!type) co_return unknown(type.error());
  list.limit = kPage;
  Owners owners;
  std::string token;
  do {
    auto page = co_await client_.next_metadata_page(type->type, list, token);
    if (!page) co_return unknown(page.error());
    for (const kube::ObjectMeta& child : *page) {
      const kube::OwnerReference* controller = kube::controller_of(child);
      if (!controller || owners.contains(controller->uid)) continue;
      auto owner = co_await owner_of(child);
      if (!owner) co_return unknown(owner.error());
      if (*owner) owners.emplace((*owner)->uid, std::move(**owner));
    }
  } while (!token.empty());
  if (owners.size() > kFewOwners) {
    auto done = co_await drop_ours(owners, list.ns);
    if (!done) co_return unknown(done.error());
  }
  for (const auto& [_, owner] : owners) {
    auto ours = co_await is_ours(owner);
    if (!ours) co_return unknown(ours.error());
    if (!*ours) {
      co_return refused(resource, "", "the owner of one of them, " + describe(owner.resource, owner.name) + ", is");
    }
  }
  co_return std::nullopt;
}

// nullopt if it has none, or no main resource of the ring has its kind.
event::Task<Result<std::optional<DeleteGuard::Owner>>> DeleteGuard::owner_of(const kube::ObjectMeta& child) {
  const kube::OwnerReference* controller = kube::controller_of(child);
  if (!controller || !ring_.ring()) co_return std::nullopt;
  std::string group = kube::group_of(controller->api_version);
  std::vector<kube::GroupResource> mains;
  for (const auto& each : ring_.ring()->spec.resources) {
    if (each.resource.group == group) mains.push_back(each.resource);
  }
  for (const kube::GroupResource& main : mains) {
    auto found = co_await discovery_.find(main);
    if (!found) co_return failure(found.error());
    if (found->kind != controller->kind) continue;
    co_return Owner{.resource = main,
                    .type = found->type,
                    .name = {found->namespaced ? child.ns : "", controller->name},
                    .uid = controller->uid};
  }
  co_return std::nullopt;
}

// So is one that is gone: its children may be cleaned up by whoever has them.
event::Task<Result<bool>> DeleteGuard::is_ours(const Owner& owner) {
  auto object = co_await client_.get(owner.type, owner.name.ns, owner.name.name, true);
  if (!object && object.error().kind == ErrorKind::kNotFound) co_return true;
  if (!object) co_return failure(object.error());
  kube::ObjectMeta meta = meta_of(*object);
  co_return meta.uid != owner.uid || meta.label(shard_label_) == self_.shard;
}

event::Task<Result<void>> DeleteGuard::drop_ours(Owners& owners, std::string ns) {
  std::map<kube::GroupResource, Owner> kinds;
  for (const auto& [_, owner] : owners) kinds.emplace(owner.resource, owner);
  for (const auto& [resource, owner] : kinds) {
    kube::ListOptions list;
    list.ns = owner.name.ns.empty() ? "" : ns;
    list.label_selector = shard_requirement(self_);
    auto listed = co_await client_.for_each_metadata(
        owner.type, std::move(list), [&owners](const kube::ObjectMeta& meta) { owners.erase(meta.uid); });
    if (!listed) co_return failure(listed.error());
  }
  co_return Result<void>();
}

kube::Status DeleteGuard::refused(const kube::GroupResource& resource, const std::string& name,
                                  const std::string& why) const {
  return kube::conflict(resource.group, resource.resource, name,
                        "sidecar: not deleted, since " + why + " not this replica's at present; try again later");
}

kube::Status DeleteGuard::unknown(const Error& error) const {
  return kube::service_unavailable(
      "sidecar: not deleted, since it cannot be found out whether this replica may: " + error.message, 1);
}

}  // namespace ringside::sidecar
