#include "sidecar/delete_guard.h"

#include <map>
#include <utility>
#include <vector>

#include "sharding/names.h"

namespace ringside::sidecar {
namespace {

constexpr int kPage = 500;
// Deletes do more harm than creates: they pass no earlier than this after the arrival, by the API server's clock and to
// the second. The time in which the controller's watches are broken does not count.
constexpr Duration kArrival = std::chrono::seconds(3);

std::string describe(const kube::GroupResource& resource, const kube::NamespacedName& name) {
  return to_string(resource) + " " + to_string(name);
}

}  // namespace

DeleteGuard::DeleteGuard(kube::Client& client, const RingView& ring, const WatchContinuity& watches, ShardIdentity self)
    : client_(client),
      watches_(watches),
      catch_up_(client, watches, sharding::shard_label(self.ring)),
      self_(std::move(self)),
      shard_label_(sharding::shard_label(self_.ring)),
      owners_(client, ring),
      discovery_(client) {}

event::Task<std::optional<kube::Status>> DeleteGuard::check(ObjectRef child) {
  auto object = co_await owners_.read(child.resource, {child.ns, child.name});
  if (!object && object.error().kind == ErrorKind::kNotFound) co_return std::nullopt;
  if (!object) co_return unknown(object.error());
  kube::ObjectMeta meta = kube::meta_of(*object);
  std::string_view shard = meta.label(shard_label_);
  if (!shard.empty() && shard != self_.shard) co_return refused(child, "it is not");
  auto owner = co_await owners_.owner_of(meta);
  if (!owner) co_return unknown(owner.error());
  if (!*owner) co_return std::nullopt;
  co_return co_await check_owner(**owner, child, !shard.empty());
}

event::Task<std::expected<std::string, kube::Status>> DeleteGuard::check_all(kube::GroupResource resource,
                                                                             kube::ListOptions list) {
  auto type = co_await discovery_.find(resource);
  if (!type && type.error().kind == ErrorKind::kNotFound) co_return std::string();
  if (!type) co_return std::unexpected(unknown(type.error()));
  list.limit = kPage;
  std::map<std::string, kube::ObjectMeta> families;  // one child of each controller, by its UID
  auto version = co_await client_.for_each_metadata(type->type, list, [&families](kube::ObjectMeta child) {
    const kube::OwnerReference* controller = kube::controller_of(child);
    if (controller) families.try_emplace(controller->uid, std::move(child));
  });
  if (!version) {
    discovery_.forget(resource);
    co_return std::unexpected(unknown(version.error()));
  }
  const ObjectRef one_of_them{.resource = resource, .ns = list.ns, .name = {}};
  std::optional<kube::Status> refusal;  // the first; of all others it counts from now on, too, that they were refused
  for (const auto& [_, child] : families) {
    auto owner = co_await owners_.owner_of(child);
    if (!owner) co_return std::unexpected(unknown(owner.error()));
    if (!*owner) continue;
    auto refused = co_await check_owner(**owner, one_of_them, true);
    if (!refusal) refusal = std::move(refused);
  }
  if (refusal) co_return std::unexpected(std::move(*refusal));
  co_return std::move(*version);
}

event::Task<std::optional<kube::Status>> DeleteGuard::check_owner(const OwnerLookup::Owner& owner,
                                                                  const ObjectRef& child, bool child_is_ours) {
  auto object = co_await owners_.read(owner.resource, owner.name);
  // The children of an owner that is gone may be cleaned up by whoever has them.
  if (!object && object.error().kind == ErrorKind::kNotFound) co_return std::nullopt;
  if (!object) co_return unknown(object.error());
  kube::ObjectMeta meta = kube::meta_of(*object);
  if (meta.uid != owner.uid) co_return std::nullopt;
  std::string_view shard = meta.label(shard_label_);
  if (shard.empty() && !child_is_ours) co_return std::nullopt;
  bool ours = shard == self_.shard;
  if (ours && !has_just_come(owner, *object)) co_return std::nullopt;
  std::string which = "the owner " + describe(owner.resource, owner.name);
  co_return refused(child, ours ? which + " has only just become" : which + " is not");
}

bool DeleteGuard::has_just_come(const OwnerLookup::Owner& owner, const json::Value& object) {
  if (catch_up_.gap(owner.uid, object, owner.resource)) return true;
  auto ago = catch_up_.arrived_ago(object);
  return ago && *ago - watches_.broken_for(owner.resource) < kArrival;
}

kube::Status DeleteGuard::refused(const ObjectRef& child, const std::string& why) {
  return kube::conflict(child.resource.group, child.resource.resource, child.name,
                        "sidecar: not deleted, since " + why + " this replica's; try again");
}

kube::Status DeleteGuard::unknown(const Error& error) {
  return kube::service_unavailable(
      "sidecar: not deleted, since it cannot be found out whether this replica may: " + error.message, 1);
}

}  // namespace ringside::sidecar
