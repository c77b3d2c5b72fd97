#include "central/ring_store.h"

#include <algorithm>
#include <set>
#include <utility>

#include "central/admission_policy.h"
#include "kube/serviceaccount.h"
#include "sharding/names.h"

namespace ringside::central {
namespace {

kube::ResourceType controller_rings() {
  return {std::string(sharding::kApiGroup), "v1alpha1", std::string(sharding::kControllerRingResource)};
}

kube::ListOptions shard_leases() {
  kube::ListOptions options;
  options.label_selector = sharding::kRingLabel;
  return options;
}

kube::ListOptions policy_bindings() {
  kube::ListOptions options;
  options.label_selector = sharding::kRingLabel;
  options.metadata_only = true;
  return options;
}

std::optional<kube::NamespacedName> serviceaccount_of(const kube::ObjectMeta& lease) {
  std::string name(lease.annotation(sharding::kServiceAccountAnnotation));
  auto parsed = kube::parse_serviceaccount(lease.ns + "/" + name);
  return parsed ? std::optional(*parsed) : std::nullopt;
}

bool is_held(const ShardLease& lease) {
  // Time plays no part: a Lease that only expired stays available until central takes it.
  return !lease.observer.lease().holder.empty() && lease.observer.lease().holder == lease.name.name;
}

}  // namespace

RingStore::Subscription::Subscription(RingStore& store, Listener listener)
    : store_(store), position_(store.listeners_.insert(store.listeners_.end(), std::move(listener))) {}

RingStore::Subscription::~Subscription() {
  store_.listeners_.erase(position_);
}

RingStore::RingStore(kube::Client& client, Logger log, Metrics& metrics, std::function<void()> on_synced)
    : client_(client),
      log_(log),
      metrics_(metrics),
      on_synced_(std::move(on_synced)),
      patience_(client.loop().timer([this] { update_all_shards(); })),
      rings_informer_(
          client, log, controller_rings(), {},
          {.on_upsert = [this](const json::Value& object) { on_ring(object); },
           .on_delete = [this](const kube::NamespacedName& name, const json::Value&) { on_ring_deleted(name.name); },
           .on_synced = [this] { on_informer_synced(); }}),
      leases_informer_(
          client, log, kube::leases(), shard_leases(),
          {.on_upsert = [this](const json::Value& object) { on_lease(object); },
           .on_delete = [this](const kube::NamespacedName& name, const json::Value&) { on_lease_deleted(name); },
           .on_synced = [this] { on_informer_synced(); },
           .on_error = [this](const Error&) { gap_ = true; }}),
      bindings_informer_(
          client, log, admission_policy_bindings(), policy_bindings(),
          {.on_upsert = [this](const json::Value& object) { on_binding(object, false); },
           .on_delete = [this](const kube::NamespacedName&, const json::Value& last) { on_binding(last, true); },
           .on_synced = [this] { on_bindings_synced(); },
           .on_error = [this](const Error& error) { on_bindings_failed(error); }}) {}

std::shared_ptr<const RingSnapshot> RingStore::find(std::string_view ring) const {
  auto found = rings_.find(ring);
  return synced() && found != rings_.end() ? found->second : nullptr;
}

std::vector<std::string> RingStore::ring_names() const {
  std::vector<std::string> names;
  for (const auto& [name, _] : rings_) names.push_back(name);
  return names;
}

int64_t RingStore::lease_count(std::string_view ring) const {
  return std::ranges::count_if(leases_, [&](const auto& entry) { return entry.second.ring == ring; });
}

int64_t RingStore::available_count(std::string_view ring) const {
  std::set<std::string_view> names;
  for (const auto& [name, lease] : leases_) {
    if (lease.ring == ring && is_held(lease)) names.insert(name.name);
  }
  return int64_t(names.size());
}

std::optional<TimePoint> RingStore::may_return_until(std::string_view ring) const {
  std::optional<TimePoint> latest;
  for (const auto& [_, lease] : leases_) {
    TimePoint until = lease.observer.expires_at();
    if (lease.ring != ring || !lease.observer.lease().holder.empty() || until <= client_.loop().now()) continue;
    latest = std::max(latest.value_or(until), until);
  }
  return latest;
}

bool RingStore::has_sidecar(std::string_view ring, std::string_view shard) const {
  return std::ranges::any_of(leases_, [&](const auto& each) {
    const ShardLease& lease = each.second;
    return lease.ring == ring && lease.name.name == shard && lease.serviceaccount;
  });
}

ServiceAccounts RingStore::serviceaccounts(std::string_view ring) const {
  ServiceAccounts result;
  for (const auto& [_, lease] : leases_) {
    if (lease.ring == ring && lease.serviceaccount) result.insert(*lease.serviceaccount);
  }
  return result;
}

std::optional<FenceBinding> RingStore::fence(std::string_view ring) const {
  const json::Value* binding = bindings_informer_.find({"", sharding::fence_policy_name(ring)});
  if (!binding) return std::nullopt;
  kube::ObjectMeta meta = kube::meta_of(*binding);
  return FenceBinding{.in_force = parse_serviceaccounts(meta.annotation(sharding::kFenceInForceAnnotation)),
                      .of_shards = parse_serviceaccounts(meta.annotation(sharding::kFenceShardsAnnotation))};
}

bool RingStore::has_label_policy(std::string_view ring) const {
  return bindings_informer_.find({"", sharding::label_policy_name(ring)}) != nullptr;
}

void RingStore::end_gap() {
  if (!std::exchange(gap_, false)) return;
  log_.info("shard Leases are seen again: shards that did not renew meanwhile get one more duration");
  for (auto& [_, lease] : leases_) lease.observer.on_gap_ended(client_.loop().now());
}

void RingStore::on_ring(const json::Value& object) {
  RingSnapshot snapshot{
      .meta = kube::meta_of(object), .object = sharding::parse_controller_ring(object), .shards = nullptr};
  std::string name = snapshot.meta.name;
  auto existing = rings_.find(name);
  snapshot.shards = existing == rings_.end() ? std::make_shared<const ring::Ring>() : existing->second->shards;
  rings_.insert_or_assign(name, std::make_shared<const RingSnapshot>(std::move(snapshot)));
  if (!synced()) return;
  bool membership = update_shards(name);
  tell(name, RingChange::kObject);
  if (membership) tell(name, RingChange::kMembership);
}

void RingStore::on_ring_deleted(const std::string& ring) {
  if (rings_.erase(ring) > 0) tell(ring, RingChange::kDeleted);
}

void RingStore::on_lease(const json::Value& object) {
  kube::ObjectMeta meta = kube::meta_of(object);
  kube::NamespacedName name{meta.ns, meta.name};
  if (meta.name.size() > sharding::kMaxShardName) {
    // Labelled with it, objects could not be written any more.
    log_.warn("Lease: cannot be a shard, its name is longer than 63 characters, which a label does not take",
              {{"controllerring", meta.label(sharding::kRingLabel)}, {"shard", to_string(name)}});
    return;
  }
  ShardLease& lease = leases_[name];
  if (lease.uid != meta.uid) lease = ShardLease{};  // deleted and created again between two looks
  std::string old_ring = lease.ring;
  int64_t transitions = object.int_at({"spec", "leaseTransitions"});
  // It was lost and got back between two looks.
  if (lease.transitions != transitions) lease.held_since.reset();
  lease.name = name;
  lease.uid = meta.uid;
  lease.resource_version = meta.resource_version;
  lease.ring = meta.label(sharding::kRingLabel);
  lease.state_label = meta.label(sharding::kStateLabel);
  lease.transitions = transitions;
  lease.serviceaccount = serviceaccount_of(meta);
  lease.observer.observe(sharding::parse_lease_record(object), client_.loop().now(), client_.loop().wall_now());
  std::string ring = lease.ring;
  end_gap();
  if (!synced()) return;
  if (!old_ring.empty() && old_ring != ring && update_shards(old_ring)) tell(old_ring, RingChange::kMembership);
  bool membership = update_shards(ring);
  tell(ring, RingChange::kLeases);
  if (membership) tell(ring, RingChange::kMembership);
}

void RingStore::on_lease_deleted(const kube::NamespacedName& name) {
  auto found = leases_.find(name);
  if (found == leases_.end()) return;
  std::string ring = found->second.ring;
  leases_.erase(found);
  if (!synced()) return;
  bool membership = update_shards(ring);
  tell(ring, RingChange::kLeases);
  if (membership) tell(ring, RingChange::kMembership);
}

void RingStore::on_binding(const json::Value& object, bool gone) {
  if (!synced()) return;
  kube::ObjectMeta meta = kube::meta_of(object);
  std::string ring(meta.label(sharding::kRingLabel));
  bool membership = update_shards(ring);
  binding_change_ = {.name = meta.name, .version = gone ? std::string() : meta.resource_version};
  tell(ring, RingChange::kFence);
  binding_change_ = {};
  if (membership) tell(ring, RingChange::kMembership);
}

void RingStore::on_bindings_synced() {
  if (!std::exchange(fence_problem_, std::nullopt)) {
    on_informer_synced();
    return;
  }
  // They could not be read until now.
  if (!synced()) return;
  for (const std::string& ring : ring_names()) tell(ring, RingChange::kFence);
}

void RingStore::on_bindings_failed(const Error& error) {
  bool final = error.kind == ErrorKind::kForbidden || error.kind == ErrorKind::kNotFound;
  if (!final || fence_problem_ || bindings_informer_.synced()) return;
  fence_problem_ = error;
  on_informer_synced();
}

void RingStore::on_informer_synced() {
  if (!synced() || !on_synced_) return;
  for (const std::string& ring : ring_names()) update_shards(ring);
  for (const std::string& ring : ring_names()) tell(ring, RingChange::kObject);
  std::exchange(on_synced_, nullptr)();
}

void RingStore::update_all_shards() {
  if (!synced()) return;
  for (const std::string& ring : ring_names()) {
    if (update_shards(ring)) tell(ring, RingChange::kMembership);
  }
}

bool RingStore::update_shards(const std::string& ring) {
  auto found = rings_.find(ring);
  if (found == rings_.end()) return false;
  std::vector<std::string> names = assigned_shards(*found->second);
  if (names == found->second->shards->shards()) return false;
  RingSnapshot snapshot = *found->second;
  snapshot.shards = std::make_shared<const ring::Ring>(std::move(names));
  metrics_.count_ring_calculation(ring);
  log_.info("ring: its available shards changed",
            {{"controllerring", ring}, {"available", int64_t(snapshot.shards->shards().size())}});
  found->second = std::make_shared<const RingSnapshot>(std::move(snapshot));
  return true;
}

std::vector<std::string> RingStore::assigned_shards(const RingSnapshot& ring) {
  std::vector<std::string> names;
  for (auto& [name, lease] : leases_) {
    if (lease.ring != ring.meta.name) continue;
    decide_assigned(ring, lease);
    if (lease.assigned_to) names.push_back(name.name);
  }
  // As the ring keeps them: sorted, and a name once that stands for Leases of several namespaces.
  std::ranges::sort(names);
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

void RingStore::decide_assigned(const RingSnapshot& ring, ShardLease& lease) {
  if (!is_held(lease)) {
    lease.held_since.reset();
    lease.assigned_to = false;
    return;
  }
  if (!lease.held_since) {
    lease.held_since = client_.loop().now();
    lease.assigned_to = false;
  }
  if (lease.assigned_to) return;
  bool fenced = is_fenced(ring, lease);
  bool ready = fenced && !sharding::is_labelled_dead(lease.state_label);
  Duration wait = ready ? Duration::zero() : patience_left(lease);
  lease.assigned_to = wait <= Duration::zero();
  if (lease.assigned_to) return;
  log_.debug("shard: nothing is assigned to it yet",
             {{"controllerring", lease.ring}, {"shard", to_string(lease.name)}, {"fenced", int64_t(fenced)}});
  // Another one that waits less is looked at then, too, and a Lease is renewed every few seconds.
  if (!patience_->armed()) patience_->arm(wait);
}

// Or needs no fence.
bool RingStore::is_fenced(const RingSnapshot& ring, const ShardLease& lease) const {
  if (!lease.serviceaccount || fence_problem_) return true;
  if (parse_fence_settings(ring.meta.annotations).fence != PolicyMode::kEnforce) return true;
  auto binding = fence(ring.meta.name);
  return binding && binding->in_force.contains(*lease.serviceaccount);
}

// A shard that held its Lease before this process began to look has waited already: it may have objects.
Duration RingStore::patience_left(const ShardLease& lease) const {
  Duration seen = client_.loop().now() - *lease.held_since;
  Duration held = seen;
  if (auto acquired = lease.observer.lease().acquire_time) {
    // In microseconds: times in a Lease are foreign and may lie too far apart for nanoseconds.
    using std::chrono::microseconds;
    held = std::clamp<microseconds>(client_.loop().wall_now() - *acquired, microseconds(0),
                                    std::chrono::duration_cast<microseconds>(kPatience));
  }
  return kPatience - std::max(seen, held);
}

void RingStore::tell(const std::string& ring, RingChange change) {
  for (const Listener& listener : listeners_) listener(ring, change);
}

}  // namespace ringside::central
