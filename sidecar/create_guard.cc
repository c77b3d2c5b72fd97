#include "sidecar/create_guard.h"

#include <algorithm>
#include <utility>

#include "sharding/names.h"
#include "sidecar/bounded_map.h"

namespace ringside::sidecar {
namespace {

constexpr Duration kSettled = std::chrono::seconds(5);
constexpr Duration kLongOutage = std::chrono::minutes(10);
// Central has brought back by then what it can.
constexpr Duration kInherited = std::chrono::minutes(1);
// Of two of the API server's times that know no parts of a second.
constexpr Duration kRounding = std::chrono::seconds(2);
constexpr std::string_view kJustCome = "its owner has only just become this replica's";
constexpr std::string_view kNotItsOwn = "its owner is not this replica's";
constexpr std::string_view kChildrenElsewhere =
    "children of its owner are on another shard, or on none yet, until central moves them, or their owner";
constexpr std::string_view kChildrenBack = "children of its owner have only just come back";
constexpr std::string_view kUnanswered = "one for the same owner ended without a clear answer and may be there";

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
  guard_.unsettle(owner_uid_, kUnanswered);
}

CreateGuard::CreateGuard(kube::Client& client, const RingView& ring, const WatchContinuity& watches,
                         const ShardLease& lease, ShardIdentity self)
    : client_(client),
      watches_(watches),
      catch_up_(client, watches, sharding::shard_label(self.ring)),
      lease_(lease),
      self_(std::move(self)),
      shard_label_(sharding::shard_label(self_.ring)),
      owners_(client, ring),
      discovery_(client),
      strays_(client, discovery_, self_) {}

event::Task<std::optional<kube::Status>> CreateGuard::check(kube::GroupResource resource, std::string ns,
                                                            kube::ObjectMeta child) {
  const kube::OwnerReference* controller = owner_at_risk(child);
  if (!controller) co_return std::nullopt;
  std::string uid = controller->uid;
  if (is_settled(uid, resource)) co_return std::nullopt;
  if (auto gap = catch_up_.gap_until_now(uid)) co_return refused(resource, child, text_of(*gap, uid));

  child.ns = std::move(ns);
  auto object = co_await owner_of(child);
  // Without its owner it goes with the garbage collection.
  if (!object && object.error().kind == ErrorKind::kNotFound) co_return std::nullopt;
  if (!object) co_return unknown("whether its owner is this replica's", object.error());
  kube::ObjectMeta meta = kube::meta_of(*object);
  std::string_view shard = meta.label(shard_label_);
  if (meta.uid != uid || shard.empty()) co_return std::nullopt;
  if (shard != self_.shard) co_return refused(resource, child, kNotItsOwn);
  // Of what has just come the first create is refused anyway.
  if (!parted(uid, resource) && catch_up_.has_just_come(*object)) {
    if (auto at_first = gap(uid, *object, resource)) co_return refused(resource, child, text_of(*at_first, uid));
  }
  if (auto since = doubted_since(meta, *object, resource)) {
    if (auto refusal = co_await check_elsewhere(resource, child, uid, *since)) co_return refusal;
  }
  if (auto other = gap(uid, *object, resource)) co_return refused(resource, child, text_of(*other, uid));
  settle(uid, resource);
  co_return std::nullopt;
}

std::optional<CatchUp::Gap> CreateGuard::gap(const std::string& uid, const json::Value& owner,
                                             const kube::GroupResource& resource) {
  auto other = unsettled(uid);
  return catch_up_.gap(uid, owner, resource, other ? std::optional(other->at) : std::nullopt);
}

// kNotFound also if it has none in the ring.
event::Task<Result<json::Value>> CreateGuard::owner_of(const kube::ObjectMeta& child) {
  auto owner = co_await owners_.owner_of(child);
  if (!owner) co_return failure(owner.error());
  if (!*owner) co_return failure(ErrorKind::kNotFound, "no owner in the ring");
  co_return co_await owners_.read((*owner)->resource, (*owner)->name);
}

void CreateGuard::controller_came() {
  controller_came_ = client_.loop().now();
  settled_until_.clear();
}

void CreateGuard::children_parted(const std::string& owner_uid) {
  note_parted(owner_uid, client_.loop().now());
}

void CreateGuard::note_parted(const std::string& owner_uid, TimePoint at) {
  make_room(parted_, [this](const auto& entry) { return notices_ - entry.second.notice >= kMostRemembered / 2; });
  parted_.insert_or_assign(owner_uid, Parted{.notice = ++notices_, .at = at, .back = {}});
  settled_until_.erase(owner_uid);
}

event::Task<std::optional<kube::Status>> CreateGuard::check_elsewhere(kube::GroupResource resource,
                                                                      const kube::ObjectMeta& child, std::string uid,
                                                                      TimePoint since) {
  const Parted* noted = parted(uid, resource);
  uint64_t notice = noted ? noted->notice : 0;
  auto elsewhere = co_await strays_.of_owner(resource, child.ns, uid, since);
  if (!elsewhere) co_return unknown("where the children of its owner are", elsewhere.error());
  if (*elsewhere) {
    if (notice == 0) note_parted(uid, TimePoint::min());
    unsettle(uid, kChildrenBack);  // when they are
    co_return refused(resource, child, kChildrenElsewhere);
  }
  const Parted* latest = parted(uid, resource);
  if (!latest) co_return std::nullopt;
  unsettle(uid, kChildrenBack);
  if (latest->notice == notice) parted_[uid].back.insert(resource);
  co_return std::nullopt;
}

std::optional<TimePoint> CreateGuard::doubted_since(const kube::ObjectMeta& meta, const json::Value& owner,
                                                    const kube::GroupResource& resource) const {
  auto since = std::max(begun_since(meta), came_lately(meta.uid, owner));
  if (const Parted* noted = parted(meta.uid, resource)) since = std::max(since, std::optional(noted->at));
  if (lease_.goes_on_without_central()) since = std::max(since, std::optional(TimePoint::min()));
  return since;
}

// nullptr: there is none of which children of this resource have not come back.
const CreateGuard::Parted* CreateGuard::parted(const std::string& owner_uid,
                                               const kube::GroupResource& resource) const {
  auto noted = parted_.find(owner_uid);
  return noted == parted_.end() || noted->second.back.contains(resource) ? nullptr : &noted->second;
}

// When the shard was back, or this sidecar or the controller came, if the owner is older than that: what was done to
// its children before may not be undone yet, and is not known here; and what the controller had made and could not see
// yet, it has forgotten.
std::optional<TimePoint> CreateGuard::begun_since(const kube::ObjectMeta& owner) const {
  auto began = std::max({watches_.taken_over(), lease_.returned_at(), controller_came_});
  if (!began) return std::nullopt;
  Duration since = client_.loop().now() - *began;
  auto server_now = client_.server_now();
  if (since >= kInherited || !server_now || !owner.creation_timestamp) return std::nullopt;
  bool older = *server_now - *owner.creation_timestamp >= since - kRounding;
  return older ? began : std::nullopt;
}

// Children that had no shard when it came do not come with it.
std::optional<TimePoint> CreateGuard::came_lately(const std::string& uid, const json::Value& owner) const {
  auto ago = catch_up_.arrived_ago(owner);
  if (!ago || *ago >= kInherited) return std::nullopt;
  // It was there by then, or has been for longer than a list is good.
  return catch_up_.first_refusal(uid).value_or(TimePoint::min());
}

bool CreateGuard::is_settled(const std::string& uid, const kube::GroupResource& resource) const {
  auto owner = settled_until_.find(uid);
  if (owner == settled_until_.end()) return false;
  auto until = owner->second.find(resource);
  if (until == owner->second.end() || client_.loop().now() >= until->second) return false;
  return until->second - kSettled >= lease_.returned_at();
}

void CreateGuard::settle(const std::string& uid, const kube::GroupResource& resource) {
  TimePoint now = client_.loop().now();
  make_room(settled_until_, [&](const auto& owner) {
    return std::ranges::all_of(owner.second, [&](const auto& until) { return until.second <= now; });
  });
  settled_until_[uid].insert_or_assign(resource, now + kSettled);
}

void CreateGuard::unsettle(const std::string& uid, std::string_view why) {
  TimePoint now = client_.loop().now();
  make_room(unsettled_, [&](const auto& entry) { return now - entry.second.at > kLongOutage; });
  unsettled_.insert_or_assign(uid, Unsettled{.at = now, .why = why});
  settled_until_.erase(uid);
}

std::optional<CreateGuard::Unsettled> CreateGuard::unsettled(const std::string& uid) const {
  std::optional<Unsettled> latest;
  auto consider = [&latest](std::optional<TimePoint> at, std::string_view why) {
    if (at && (!latest || *at > latest->at)) latest = Unsettled{.at = *at, .why = why};
  };
  if (auto known = unsettled_.find(uid); known != unsettled_.end()) consider(known->second.at, known->second.why);
  consider(watches_.taken_over(), kUnanswered);
  consider(lease_.returned_at(), kJustCome);
  return latest;
}

std::string_view CreateGuard::text_of(CatchUp::Gap gap, const std::string& uid) const {
  auto other = unsettled(uid);
  return gap == CatchUp::Gap::kArrival || !other ? kJustCome : other->why;
}

kube::Status CreateGuard::refused(const kube::GroupResource& resource, const kube::ObjectMeta& child,
                                  std::string_view why) {
  return kube::conflict(resource.group, resource.resource, child.generate_name,
                        "sidecar: not created, since " + std::string(why) + "; try again");
}

}  // namespace ringside::sidecar
