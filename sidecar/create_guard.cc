#include "sidecar/create_guard.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/rfc3339.h"
#include "sharding/names.h"
#include "sidecar/child_search.h"

namespace ringside::sidecar {
namespace {

// A controller that is stopped for longer loses its shard, and what comes to it later finds all its caches new.
constexpr std::chrono::seconds kLately(20);
constexpr Duration kCatchUp = std::chrono::milliseconds(500);
constexpr Duration kSettled = std::chrono::seconds(5);
constexpr Duration kLongOutage = std::chrono::minutes(10);
constexpr size_t kMaxRemembered = 10'000;
constexpr std::string_view kJustCome = "its owner has only just become this replica's";
constexpr std::string_view kNotItsOwn = "its owner is not this replica's";
constexpr std::string_view kChildrenElsewhere =
    "children of its owner are on another shard, while this one has come back and central has not moved them";
constexpr std::string_view kUnanswered = "one for the same owner ended without a clear answer and may be there";

template <typename Map, typename IsOld>
void forget(Map& map, IsOld is_old) {
  if (map.size() < kMaxRemembered) return;
  std::erase_if(map, is_old);
  if (map.size() >= kMaxRemembered) map.clear();
}

kube::Status unknown(std::string_view what, const Error& error) {
  return kube::service_unavailable(
      "sidecar: not created, since it cannot be found out " + std::string(what) + ": " + error.message, 1);
}

// Of a child that could be made twice; nullptr for others: what exists by its name cannot be made again.
const kube::OwnerReference* owner_at_risk(const kube::ObjectMeta& child) {
  return child.name.empty() ? kube::controller_of(child) : nullptr;
}

}  // namespace

CreateGuard::Pending::Pending(CreateGuard& guard, const kube::ObjectMeta& child) : guard_(guard) {
  if (const kube::OwnerReference* owner = owner_at_risk(child)) owner_uid_ = owner->uid;
}

CreateGuard::Pending::~Pending() {
  if (owner_uid_.empty()) return;
  TimePoint now = guard_.client_.loop().now();
  forget(guard_.unanswered_, [&](const auto& entry) { return now - entry.second > kLongOutage; });
  guard_.unanswered_.insert_or_assign(owner_uid_, now);
  guard_.settled_until_.erase(owner_uid_);
}

CreateGuard::CreateGuard(kube::Client& client, const RingView& ring, const WatchContinuity& watches,
                         const ShardLease& lease, ShardIdentity self)
    : client_(client),
      watches_(watches),
      lease_(lease),
      self_(std::move(self)),
      shard_label_(sharding::shard_label(self_.ring)),
      owners_(client, ring),
      discovery_(client) {}

event::Task<std::optional<kube::Status>> CreateGuard::check(kube::GroupResource resource, std::string ns,
                                                            kube::ObjectMeta child) {
  const kube::OwnerReference* controller = owner_at_risk(child);
  if (!controller) co_return std::nullopt;
  std::string uid = controller->uid;
  TimePoint now = client_.loop().now();
  if (auto settled = settled_until_.find(uid); settled != settled_until_.end() && now < settled->second) {
    co_return std::nullopt;
  }
  auto before = refused_.find(uid);
  if (before != refused_.end() && now - before->second.first < kCatchUp) {
    co_return refused(resource, child, before->second.why);
  }

  child.ns = std::move(ns);
  auto object = co_await owner_of(child);
  // Without its owner it goes with the garbage collection.
  if (!object && object.error().kind == ErrorKind::kNotFound) co_return std::nullopt;
  if (!object) co_return unknown("whether its owner is this replica's", object.error());
  kube::ObjectMeta meta = kube::meta_of(*object);
  std::string_view shard = meta.label(shard_label_);
  if (meta.uid != uid || shard.empty()) co_return std::nullopt;
  if (shard != self_.shard) co_return refused(resource, child, kNotItsOwn);
  if (lease_.goes_on_without_central()) {
    auto elsewhere = co_await has_children_elsewhere(resource, child.ns, uid);
    if (!elsewhere) co_return unknown("where the children of its owner are", elsewhere.error());
    if (*elsewhere) co_return refused(resource, child, kChildrenElsewhere);
  }
  if (auto why = not_caught_up(uid, arrival_of(uid, *object), resource)) co_return refused(resource, child, *why);
  now = client_.loop().now();
  unanswered_.erase(uid);
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

event::Task<Result<bool>> CreateGuard::has_children_elsewhere(kube::GroupResource resource, std::string ns,
                                                              std::string owner_uid) {
  std::set<std::string> owners = {owner_uid};
  ChildSearch search(client_, discovery_, {std::move(resource)}, {std::move(ns)}, self_);
  auto found = co_await search.run(owners);
  if (!found) co_return failure(found.error());
  co_return !found->empty();
}

// It does if it was refused long enough ago for this arrival, or the arrival is. Notes the first refusal.
std::optional<std::string_view> CreateGuard::not_caught_up(const std::string& uid, const Arrival& arrival,
                                                           const kube::GroupResource& children) {
  TimePoint now = client_.loop().now();
  Duration age = Duration::max();
  std::string_view why = kJustCome;
  auto server_now = client_.server_now();
  if (server_now && arrival.handed_over) age = *server_now - *arrival.handed_over;
  if (arrival.unanswered && now - *arrival.unanswered < age) {
    age = now - *arrival.unanswered;
    why = kUnanswered;
  }
  Duration broken = watches_.broken_for(children);
  if (age - broken >= kLately) return std::nullopt;
  auto known = refused_.find(uid);
  if (known != refused_.end() && known->second.arrival == arrival) {
    bool waited = now - known->second.first >= kCatchUp && broken == Duration::zero();
    return waited ? std::nullopt : std::optional(why);
  }
  forget(refused_, [&](const auto& entry) { return now - entry.second.first > kLately; });
  refused_.insert_or_assign(uid, Refusal{.arrival = arrival, .first = now, .why = why});
  return why;
}

CreateGuard::Arrival CreateGuard::arrival_of(const std::string& uid, const json::Value& owner) const {
  Arrival arrival{.handed_over = handed_over(owner), .unanswered = watches_.taken_over()};
  if (auto lost = unanswered_.find(uid); lost != unanswered_.end()) {
    arrival.unanswered = std::max(arrival.unanswered, std::optional(lost->second));
  }
  return arrival;
}

// When the shard label was last written by central or a sidecar, in the API server's own time; nullopt if never: the
// object has its shard from its creation on, and so have its children.
std::optional<WallTime> CreateGuard::handed_over(const json::Value& owner) const {
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
                        "sidecar: not created, since " + std::string(why) + "; try again");
}

}  // namespace ringside::sidecar
