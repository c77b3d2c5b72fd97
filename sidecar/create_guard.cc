#include "sidecar/create_guard.h"

#include <algorithm>
#include <utility>

#include "base/rfc3339.h"
#include "sharding/names.h"

namespace ringside::sidecar {
namespace {

// A controller that is stopped for longer loses its shard, and what comes to it later finds all its caches new.
constexpr std::chrono::seconds kLately(20);
constexpr Duration kCatchUp = std::chrono::milliseconds(500);
constexpr Duration kSettled = std::chrono::seconds(5);
constexpr size_t kMaxRemembered = 10'000;

template <typename Map, typename IsOld>
void forget(Map& map, IsOld is_old) {
  if (map.size() < kMaxRemembered) return;
  std::erase_if(map, is_old);
  if (map.size() >= kMaxRemembered) map.clear();
}

}  // namespace

CreateGuard::CreateGuard(kube::Client& client, const RingView& ring, ShardIdentity self)
    : client_(client), self_(std::move(self)), shard_label_(sharding::shard_label(self_.ring)), owners_(client, ring) {}

event::Task<std::optional<kube::Status>> CreateGuard::check(kube::GroupResource resource, std::string ns,
                                                            kube::ObjectMeta child) {
  // What exists by its name cannot be made again.
  const kube::OwnerReference* controller = kube::controller_of(child);
  if (!child.name.empty() || !controller) co_return std::nullopt;
  std::string uid = controller->uid;
  TimePoint began = client_.loop().now();
  if (auto settled = settled_until_.find(uid); settled != settled_until_.end() && began < settled->second) {
    co_return std::nullopt;
  }
  auto just_refused = refused_.find(uid);
  if (just_refused != refused_.end() && began - just_refused->second.first < kCatchUp) {
    co_return refused(resource, child, "has only just become");
  }

  child.ns = std::move(ns);
  auto owner = co_await owners_.owner_of(child);
  auto object = owner && *owner ? co_await owners_.read((*owner)->resource, (*owner)->name)
                                : Result<json::Value>(failure(ErrorKind::kNotFound, "no owner in the ring"));
  if (!owner) object = failure(owner.error());
  // Without its owner it goes with the garbage collection.
  if (!object && object.error().kind == ErrorKind::kNotFound) co_return std::nullopt;
  if (!object) {
    co_return kube::service_unavailable(
        "sidecar: not created, since it cannot be found out whether its owner is this "
        "replica's: " +
            object.error().message,
        1);
  }
  kube::ObjectMeta meta = kube::meta_of(*object);
  std::string_view shard = meta.label(shard_label_);
  if (meta.uid != uid || shard.empty()) co_return std::nullopt;
  if (shard != self_.shard) co_return refused(resource, child, "is not");

  TimePoint now = client_.loop().now();
  std::optional<WallTime> arrival = arrival_of(*object);
  auto server_now = client_.server_now();
  if (arrival && server_now && *server_now - *arrival < kLately) {
    auto known = refused_.find(uid);
    if (known == refused_.end() || known->second.arrival != *arrival) {
      forget(refused_, [&](const auto& entry) { return now - entry.second.first > kLately; });
      refused_.insert_or_assign(uid, Refusal{.arrival = *arrival, .first = now});
      co_return refused(resource, child, "has only just become");
    }
    if (now - known->second.first < kCatchUp) co_return refused(resource, child, "has only just become");
  }
  forget(settled_until_, [&](const auto& entry) { return entry.second <= now; });
  settled_until_.insert_or_assign(uid, now + kSettled);
  co_return std::nullopt;
}

// When the shard label was last written by central or a sidecar, in the API server's own time; nullopt if never: the
// object has its shard from its creation on, and so have its children.
std::optional<WallTime> CreateGuard::arrival_of(const json::Value& owner) const {
  std::optional<WallTime> latest;
  for (const json::Value& entry : owner.array_at({"metadata", "managedFields"})) {
    std::string_view manager = entry.string_at({"manager"});
    if (manager != sharding::kSidecarFieldManager && manager != sharding::kCentralFieldManager) continue;
    if (entry.at({"fieldsV1", "f:metadata", "f:labels", "f:" + shard_label_}) == nullptr) continue;
    if (auto written = parse_rfc3339(entry.string_at({"time"}))) latest = std::max(latest, std::optional(*written));
  }
  return latest;
}

kube::Status CreateGuard::refused(const kube::GroupResource& resource, const kube::ObjectMeta& child,
                                  const std::string& why) {
  return kube::conflict(resource.group, resource.resource, child.generate_name,
                        "sidecar: not created, since its owner " + why + " this replica's; try again");
}

}  // namespace ringside::sidecar
