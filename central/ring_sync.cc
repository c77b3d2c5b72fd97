#include "central/ring_sync.h"

#include <algorithm>
#include <optional>

#include "base/backoff.h"
#include "ring/ring.h"
#include "sharding/keys.h"
#include "sharding/names.h"

namespace ringside::central {
namespace {

using sharding::ResourceRole;

constexpr int kPage = 1000;
// Pages whose token expires begin anew that often; what is done by then is not found again.
constexpr int kMaxListings = 20;
// After so many failed requests the sync is given up, to be tried again as a whole.
constexpr size_t kMaxFailures = 20;
// An object that changes faster than that is left to the next sync.
constexpr int kMaxTries = 6;
constexpr Backoff::Options kRetry = {.initial = std::chrono::milliseconds(20), .max = std::chrono::seconds(1)};
// Owners and children reach a controller by different watches, which may overtake one another; one that sees an owner
// without its children makes new ones.
constexpr Duration kArrival = std::chrono::milliseconds(250);
// Too young to have had a shard, and with it children.
constexpr Duration kNew = std::chrono::seconds(30);
// So few namespaces are listed one by one, if there are at least twice as many in all.
constexpr size_t kFewNamespaces = 8;

kube::ObjectMeta identity_of(const kube::ObjectMeta& object) {
  kube::ObjectMeta identity;
  identity.name = object.name;
  identity.ns = object.ns;
  identity.resource_version = object.resource_version;
  return identity;
}

kube::WriteOptions as_central() {
  kube::WriteOptions options;
  options.field_manager = sharding::kCentralFieldManager;
  options.metadata_only = true;
  return options;
}

// Every write is conditional on the resourceVersion, so it may be sent again whether it was processed or not.
bool may_pass(ErrorKind kind) {
  return kind == ErrorKind::kConflict || kind == ErrorKind::kRetry || kind == ErrorKind::kRefused ||
         kind == ErrorKind::kDisconnected || kind == ErrorKind::kTimedOut;
}

// Of an object that has no shard, or one that is not available.
bool is_homeless(const Judgement& judgement) {
  return judgement.work == Work::kAssign || judgement.work == Work::kMove;
}

bool contains(const std::vector<uint64_t>& keys, const std::string& key) {
  return std::ranges::binary_search(keys, ring::hash(key));
}

bool is_work(Work work) {
  return work != Work::kNone && work != Work::kAwait;
}

}  // namespace

std::shared_ptr<RingSync> RingSync::make(SyncContext& context, WorkPools& pools, const RingSnapshot& snapshot,
                                         std::vector<std::string> departed) {
  return std::shared_ptr<RingSync>(new RingSync(context, pools, snapshot, std::move(departed)));
}

RingSync::RingSync(SyncContext& context, WorkPools& pools, const RingSnapshot& snapshot,
                   std::vector<std::string> departed)
    : context_(context),
      pools_(pools),
      log_(context.log.with({{"controllerring", snapshot.meta.name}})),
      ring_(*snapshot.object),
      view_(snapshot.meta.name, snapshot.shards),
      namespace_selector_(ring_.spec.namespace_selector.value_or(context.default_namespace_selector)),
      departed_(std::move(departed)) {}

event::Task<Result<void>> RingSync::run(Scope scope, std::function<void()> on_homeless_moved) {
  co_await discover();
  if (!view_.shards().empty()) {
    co_await assign_new();
    co_await move_homeless(scope);
  }
  if (result()) on_homeless_moved();
  if (scope == Scope::kHomeless) {
    co_await withdraw_drains();
    co_return result();
  }
  co_await pass({""}, [this](const kube::ObjectMeta&, Judgement& judgement) {
    if (judgement.work == Work::kDrain || judgement.work == Work::kAwait || judgement.work == Work::kFollow) ++pending_;
    return judgement.work != Work::kFollow;
  });
  co_return result();
}

// A controller that was there before the ring, or in it while the webhook was away, may have given them children
// already.
event::Task<void> RingSync::assign_new() {
  auto server_now = context_.client.server_now();
  std::string unassigned = "!" + view_.shard_label();
  homeless_owners_ =
      co_await collect_mains({unassigned}, [=](const kube::ObjectMeta& object, const Judgement& judgement) {
        bool is_new = server_now && object.creation_timestamp && *server_now - *object.creation_timestamp < kNew;
        return judgement.work == Work::kAssign && is_new;
      });
  if (homeless_owners_.empty()) co_return;
  co_await pass({unassigned}, [this](const kube::ObjectMeta&, Judgement& judgement) {
    return judgement.work == Work::kAssign && contains(homeless_owners_, judgement.owner_key);
  });
  homeless_owners_ = {};
}

event::Task<void> RingSync::move_homeless(Scope scope) {
  auto wanted = [](const kube::ObjectMeta&, const Judgement& judgement) { return is_homeless(judgement); };
  bool all = scope == Scope::kAll;
  std::vector<std::string> homeless =
      all ? std::vector<std::string>{view_.homeless_selector()} : view_.homeless_selectors(departed_);
  homeless_owners_ = co_await collect_mains(homeless, wanted);
  if (all && !homeless_owners_.empty()) {
    // A child may be on an available shard though its owner has none: the ring changed between the moves of the two. It
    // must go where its owner will go, and before it, like the others.
    co_await pass(ResourceRole::kControlled, {""}, [this](const kube::ObjectMeta&, Judgement& judgement) {
      bool follows_homeless = judgement.work == Work::kFollow && contains(homeless_owners_, judgement.owner_key);
      if (follows_homeless) judgement.work = Work::kMove;
      return is_homeless(judgement);
    });
    co_await pass(ResourceRole::kMain, std::move(homeless), wanted);
  } else {
    co_await pass(std::move(homeless), wanted);
  }
  homeless_owners_ = {};
}

event::Task<void> RingSync::withdraw_drains() {
  co_await pass(ResourceRole::kMain, {view_.drain_label()}, [this](const kube::ObjectMeta&, Judgement& judgement) {
    if (judgement.work == Work::kAwait) ++pending_;
    return judgement.work == Work::kWithdrawDrain;
  });
}

event::Task<Result<void>> RingSync::assign_unassigned() {
  co_await discover();
  std::vector<std::string> homeless = view_.homeless_selectors(departed_);
  if (homeless.front().empty()) homeless = {"!" + view_.shard_label()};  // everything is too much for every few seconds
  co_await pass(std::move(homeless),
                [](const kube::ObjectMeta&, Judgement& judgement) { return is_homeless(judgement); });
  co_return result();
}

event::Task<Result<void>> RingSync::move_stragglers() {
  co_await discover();
  auto draining =
      co_await collect_mains({view_.drain_label()}, [](const kube::ObjectMeta&, const Judgement&) { return true; });
  pending_ = draining.size();
  co_await pass(ResourceRole::kControlled, {""}, [&draining](const kube::ObjectMeta&, Judgement& judgement) {
    return judgement.work == Work::kFollow && !contains(draining, judgement.owner_key);
  });
  co_return result();
}

event::Task<void> RingSync::discover() {
  sharding::ClusterScopedKinds cluster_scoped;
  for (const kube::GroupResource& name : ring_.resources()) {
    auto found = co_await context_.discovery.find(name);
    if (!found) {
      fail(found.error());
      continue;
    }
    ResourceRole role = ring_.find(name);
    if (role == ResourceRole::kMain && !found->namespaced) cluster_scoped.insert({name.group, found->kind});
    resources_.push_back({.name = name, .role = role, .found = std::move(*found)});
  }
  view_.set_cluster_scoped(std::move(cluster_scoped));
}

event::Task<void> RingSync::pass(std::vector<std::string> label_selectors, Wanted wanted) {
  co_await pass(ResourceRole::kControlled, label_selectors, wanted);
  co_await pass(ResourceRole::kMain, std::move(label_selectors), wanted);
}

// Children have arrived when the pass is over, as far as we can see to it.
event::Task<void> RingSync::pass(ResourceRole role, std::vector<std::string> label_selectors, Wanted wanted) {
  size_t placed_before = placed_;
  for (const Resource& resource : resources_) {
    if (resource.role != role) continue;
    for (const std::string& selector : label_selectors) {
      for (const std::string& ns : namespaces_to_list(resource)) {
        auto done = co_await pass_over(resource, ns, selector, wanted);
        if (done) continue;
        if (done.error().kind == ErrorKind::kNotFound) context_.discovery.forget(resource.name);
        fail(done.error());
      }
    }
    co_await pools_.moves.idle();
    co_await pools_.drains.idle();
  }
  if (role == ResourceRole::kControlled && placed_ > placed_before) {
    co_await event::sleep(context_.client.loop(), kArrival);
  }
}

event::Task<Result<void>> RingSync::pass_over(const Resource& resource, std::string ns, std::string label_selector,
                                              const Wanted& wanted) {
  kube::ListOptions options;
  options.ns = std::move(ns);
  options.label_selector = std::move(label_selector);
  options.limit = kPage;
  std::string token;
  int listings = 1;
  do {
    auto page = co_await context_.client.next_metadata_page(resource.found.type, options, token);
    if (!page && page.error().kind == ErrorKind::kGone && listings < kMaxListings) {
      ++listings;
      token.clear();
      continue;
    }
    if (!page) co_return failure(page.error());
    for (const kube::ObjectMeta& object : *page) {
      if (!selected(resource, object)) continue;
      Judgement judgement = view_.judge(resource.role, resource.name.group, resource.found.kind, object);
      if (judgement.work == Work::kNone || !wanted(object, judgement) || !is_work(judgement.work)) continue;
      WorkPool& pool = judgement.work == Work::kDrain ? pools_.drains : pools_.moves;
      co_await pool.room();
      if (failures_ >= kMaxFailures) co_return Result<void>();
      pool.add(work_on(shared_from_this(), {&resource, std::move(judgement), identity_of(object)}));
    }
  } while (!token.empty());
  co_return Result<void>();
}

// The hashes of the keys of main objects, sorted.
event::Task<std::vector<uint64_t>> RingSync::collect_mains(std::vector<std::string> label_selectors, Chosen chosen) {
  std::vector<uint64_t> keys;
  for (const Resource& resource : resources_) {
    if (resource.role != ResourceRole::kMain) continue;
    for (const std::string& selector : label_selectors) {
      kube::ListOptions options;
      options.label_selector = selector;
      options.limit = kPage;
      auto listed = co_await context_.client.for_each_metadata(
          resource.found.type, std::move(options), [&](const kube::ObjectMeta& object) {
            Judgement judgement = view_.judge(resource.role, resource.name.group, resource.found.kind, object);
            bool is_one = selected(resource, object) && chosen(object, judgement);
            if (is_one) keys.push_back(ring::hash(judgement.owner_key));
          });
      if (!listed) fail(listed.error());
    }
  }
  std::ranges::sort(keys);
  co_return keys;
}

// Where the ring selects a few of many namespaces, there is less to read one by one.
std::vector<std::string> RingSync::namespaces_to_list(const Resource& resource) const {
  if (resource.found.namespaced) {
    std::vector<std::string> names = context_.namespaces.names(namespace_selector_);
    if (names.size() <= kFewNamespaces && 2 * names.size() <= context_.namespaces.size()) return names;
  }
  return {""};
}

event::Task<void> RingSync::work_on(std::shared_ptr<RingSync> self, Item item) {
  co_await self->see_to(std::move(item));
}

event::Task<void> RingSync::see_to(Item item) {
  if (item.judgement.work == Work::kAssign && found_unassigned_++ == 0) {
    example_ = to_string(item.resource->name) + " " + to_string(kube::NamespacedName{item.object.ns, item.object.name});
  }
  Backoff backoff(kRetry);
  for (int tries = 1;; ++tries) {
    Result<bool> go = tries == 1 ? Result<bool>(true) : co_await read_again(item);
    if (go && *go) go = co_await prepare(item);
    Result<json::Value> answer = failure(ErrorKind::kInternal, "nothing was sent");
    if (go && *go) {
      answer = co_await send(item);
      if (answer) {
        count(item);
        co_return;
      }
    } else if (go) {
      co_return;  // there is nothing left to do
    } else {
      answer = failure(go.error());
    }
    if (answer.error().kind == ErrorKind::kNotFound) co_return;
    if (!may_pass(answer.error().kind)) {
      fail(answer.error());
      co_return;
    }
    if (retired_ || tries == kMaxTries) {
      ++pending_;
      if (!retired_ && answer.error().kind != ErrorKind::kConflict) fail(answer.error());
      co_return;
    }
    co_await event::sleep(context_.client.loop(), backoff.next(context_.client.loop().random()));
  }
}

// What has to be known of the owner. False if nothing is to be sent now.
event::Task<Result<bool>> RingSync::prepare(Item& item) {
  bool follows = item.judgement.work == Work::kFollow;
  bool joins = item.resource->role == ResourceRole::kControlled && is_homeless(item.judgement) &&
               !contains(homeless_owners_, item.judgement.owner_key);
  if (!follows && !joins) co_return true;
  if (!resource_of_owner(item)) co_return true;  // nobody will hand its owner over
  auto owner = co_await read_owner(item);
  if (!owner) co_return failure(owner.error());
  if (!*owner) co_return joins;  // without its owner it goes with the garbage collection
  std::string_view present = (*owner)->label(view_.shard_label());
  bool drains = (*owner)->labels.contains(view_.drain_label());
  if (joins) {
    // To its owner, whose shard hands it over with it. Not one that was handed over and met a dead shard: the owner is
    // about to come after it.
    bool came_first = item.judgement.work == Work::kMove && drains;
    if (view_.shards().contains(present) && !came_first) item.judgement.desired = present;
    co_return true;
  }
  if (present == item.judgement.desired && !drains) co_return true;
  ++pending_;  // it must not go before its owner
  co_return false;
}

// Judges the object as it is now. False if there is nothing left to do.
event::Task<Result<bool>> RingSync::read_again(Item& item) {
  auto object = co_await context_.client.get(item.resource->found.type, item.object.ns, item.object.name, true);
  if (!object) co_return failure(object.error());
  kube::ObjectMeta meta = kube::meta_of(*object);
  bool followed = item.judgement.work == Work::kFollow;
  item.judgement = view_.judge(item.resource->role, item.resource->name.group, item.resource->found.kind, meta);
  item.object = identity_of(meta);
  bool waits = item.judgement.work == Work::kAwait || (item.judgement.work == Work::kFollow && !followed);
  if (waits) ++pending_;
  co_return !waits && item.judgement.work != Work::kNone;
}

const RingSync::Resource* RingSync::resource_of_owner(const Item& item) const {
  for (const Resource& resource : resources_) {
    if (resource.role != ResourceRole::kMain) continue;
    std::string ns = resource.found.namespaced ? item.object.ns : "";
    std::string prefix = sharding::object_key(resource.name.group, resource.found.kind, ns, "");
    if (item.judgement.owner_key.starts_with(prefix)) return &resource;
  }
  return nullptr;
}

// The owner as it is now; nullopt if it is gone. There must be a resource of the owner.
event::Task<Result<std::optional<kube::ObjectMeta>>> RingSync::read_owner(const Item& item) {
  const Resource& resource = *resource_of_owner(item);
  std::string ns = resource.found.namespaced ? item.object.ns : "";
  std::string name = item.judgement.owner_key.substr(item.judgement.owner_key.rfind('/') + 1);
  auto owner = co_await context_.client.get(resource.found.type, ns, name, true);
  if (owner) co_return kube::meta_of(*owner);
  if (owner.error().kind == ErrorKind::kNotFound) co_return std::nullopt;
  co_return failure(owner.error());
}

event::Task<Result<json::Value>> RingSync::send(const Item& item) {
  co_return co_await context_.client.patch(item.resource->found.type, item.object.ns, item.object.name,
                                           kube::PatchType::kMerge, view_.patch(item.judgement, item.object),
                                           as_central());
}

void RingSync::count(const Item& item) {
  const kube::GroupResource& resource = item.resource->name;
  switch (item.judgement.work) {
    case Work::kDrain: context_.metrics.count_drain(view_.name(), resource); break;
    case Work::kAssign:
    case Work::kMove:
    case Work::kFollow:
      ++placed_;
      context_.metrics.count_movement(view_.name(), resource);
      context_.metrics.count_assignment(view_.name(), resource);
      break;
    case Work::kWithdrawDrain:
    case Work::kAwait:
    case Work::kNone: break;
  }
}

bool RingSync::selected(const Resource& resource, const kube::ObjectMeta& object) const {
  // As the API server applies a webhook's namespaceSelector: to a Namespace itself, and never to what has none.
  if (resource.name == kube::GroupResource{"", "namespaces"}) {
    return namespace_selector_.matches(object.labels);
  }
  return object.ns.empty() || context_.namespaces.selected(namespace_selector_, object.ns);
}

void RingSync::fail(Error error) {
  if (++failures_ <= 3) log_.warn("sync: request failed", {{"error", error.message}});
  if (!first_error_) first_error_ = std::move(error);
}

Result<void> RingSync::result() const {
  if (first_error_) return failure(*first_error_);
  return {};
}

}  // namespace ringside::central
