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
constexpr std::string_view kJustCome = "has only just become";

template <typename Map, typename IsOld>
void forget(Map& map, IsOld is_old) {
  if (map.size() < kMaxRemembered) return;
  std::erase_if(map, is_old);
  if (map.size() >= kMaxRemembered) map.clear();
}

}  // namespace

CreateGuard::CreateGuard(kube::Client& client, const RingView& ring, const WatchContinuity& watches, ShardIdentity self)
    : client_(client),
      watches_(watches),
      self_(std::move(self)),
      shard_label_(sharding::shard_label(self_.ring)),
      owners_(client, ring) {}

event::Task<std::optional<kube::Status>> CreateGuard::check(kube::GroupResource resource, std::string ns,
                                                            kube::ObjectMeta child) {
  // What exists by its name cannot be made again.
  const kube::OwnerReference* controller = kube::controller_of(child);
  if (!child.name.empty() || !controller) co_return std::nullopt;
  std::string uid = controller->uid;
  TimePoint now = client_.loop().now();
  if (auto settled = settled_until_.find(uid); settled != settled_until_.end() && now < settled->second) {
    co_return std::nullopt;
  }
  auto before = refused_.find(uid);
  if (before != refused_.end() && now - before->second.first < kCatchUp) co_return refused(resource, child, kJustCome);

  child.ns = std::move(ns);
  auto object = co_await owner_of(child);
  // Without its owner it goes with the garbage collection.
  if (!object && object.error().kind == ErrorKind::kNotFound) co_return std::nullopt;
  if (!object) {
    co_return kube::service_unavailable(
        "sidecar: not created, since it cannot be found out whether its owner is this replica's: " +
            object.error().message,
        1);
  }
  kube::ObjectMeta meta = kube::meta_of(*object);
  std::string_view shard = meta.label(shard_label_);
  if (meta.uid != uid || shard.empty()) co_return std::nullopt;
  if (shard != self_.shard) co_return refused(resource, child, "is not");
  if (!has_caught_up(uid, arrival_of(*object), resource)) co_return refused(resource, child, kJustCome);
  now = client_.loop().now();
  forget(settled_until_, [&](const auto& entry) { return entry.second <= now; });
  settled_until_.insert_or_assign(uid, now + kSettled);
  co_return std::nullopt;
}

// kNotFound also if it has none in the ring.
event::Task<Result<json::Value>> CreateGuard::owner_of(const kube::ObjectMeta& child) {
  auto owner = co_await owners_.owner_of(child);
  if (!owner) co_return failure(owner.error());
  if (!*owner) co_return failure(ErrorKind::kNotFound, "no owner in the ring");
  co_return co_await owners_.read((*owner)->resource, (*owner)->name);
}

// Whether the controller was refused long enough ago for this arrival, or it is no matter any more. Notes the first
// refusal.
bool CreateGuard::has_caught_up(const std::string& uid, std::optional<WallTime> arrival,
                                const kube::GroupResource& children) {
  auto server_now = client_.server_now();
  Duration broken = watches_.broken_for(children);
  if (!arrival || !server_now || *server_now - *arrival - broken >= kLately) return true;
  TimePoint now = client_.loop().now();
  auto known = refused_.find(uid);
  if (known != refused_.end() && known->second.arrival == *arrival) {
    return now - known->second.first >= kCatchUp && broken == Duration::zero();
  }
  forget(refused_, [&](const auto& entry) { return now - entry.second.first > kLately; });
  refused_.insert_or_assign(uid, Refusal{.arrival = *arrival, .first = now});
  return false;
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
                                  std::string_view why) {
  return kube::conflict(resource.group, resource.resource, child.generate_name,
                        "sidecar: not created, since its owner " + std::string(why) + " this replica's; try again");
}

}  // namespace ringside::sidecar
