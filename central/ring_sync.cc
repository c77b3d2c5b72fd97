#include "central/ring_sync.h"

#include <algorithm>
#include <optional>

#include "central/concurrently.h"
#include "sharding/keys.h"
#include "sharding/names.h"

namespace ringside::central {
namespace {

using sharding::ResourceRole;

// After so many failed requests the sync is given up, to be tried again as a whole.
constexpr size_t kMaxFailures = 20;
// An object that changes faster than that is left to the next sync.
constexpr int kMaxTries = 4;

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

kube::ObjectMeta meta_of(const json::Value& object) {
  const json::Value* metadata = object.find("metadata");
  return metadata ? kube::parse_object_meta(*metadata) : kube::ObjectMeta();
}

}  // namespace

RingSync::RingSync(SyncContext& context, const RingSnapshot& snapshot)
    : context_(context),
      log_(context.log.with({{"controllerring", snapshot.meta.name}})),
      ring_(*snapshot.object),
      view_(snapshot.meta.name, snapshot.shards),
      namespace_selector_(ring_.spec.namespace_selector.value_or(context.default_namespace_selector)) {}

event::Task<Result<void>> RingSync::run(std::set<std::string> dead) {
  co_await discover();
  for (const std::string& shard : dead) {
    co_await pass(view_.shard_label() + "=" + shard, [](const Resource&, const Judgement&) { return true; });
  }
  pending_ = 0;
  co_await pass("", [this](const Resource&, const Judgement& judgement) {
    bool drain = judgement.work == Work::kDrain || judgement.work == Work::kFollow;
    if (drain) ++pending_;
    return judgement.work != Work::kFollow;
  });
  co_return result();
}

event::Task<Result<void>> RingSync::assign_unassigned() {
  co_await discover();
  co_await pass("!" + view_.shard_label(), [](const Resource&, const Judgement& j) { return j.work == Work::kMove; });
  co_return result();
}

event::Task<Result<void>> RingSync::move_stragglers() {
  co_await discover();
  co_await collect_draining();
  pending_ = draining_.size();
  co_await pass("", [this](const Resource& resource, const Judgement& judgement) {
    if (resource.role != ResourceRole::kControlled || judgement.work != Work::kFollow) return false;
    return !draining_.contains(judgement.owner_key);
  });
  co_return result();
}

event::Task<void> RingSync::discover() {
  resources_.clear();
  for (const kube::GroupResource& name : ring_.resources()) {
    auto found = co_await context_.discovery.find(name);
    if (!found) {
      fail(found.error());
      continue;
    }
    Resource resource{.name = name, .role = ring_.find(name), .found = std::move(*found)};
    bool first = resource.role == ResourceRole::kControlled;
    resources_.insert(first ? resources_.begin() : resources_.end(), std::move(resource));
  }
}

// One resource after the other: the children's moves are done when those of their owners begin.
event::Task<void> RingSync::pass(std::string label_selector, Wanted wanted) {
  unassigned_ = 0;
  for (const Resource& resource : resources_) {
    co_await find_items(resource, label_selector, wanted);
    co_await work_off();
  }
}

event::Task<void> RingSync::find_items(const Resource& resource, std::string label_selector, const Wanted& wanted) {
  kube::ListOptions options;
  options.label_selector = std::move(label_selector);
  options.resource_version = "0";
  auto listed =
      co_await context_.client.for_each_metadata(resource.found.type, std::move(options), [&](kube::ObjectMeta object) {
        if (!selected(resource, object)) return;
        Judgement judgement = view_.judge(resource.role, resource.name.group, resource.found.kind, object);
        if (judgement.work == Work::kNone || !wanted(resource, judgement)) return;
        items_.push_back({&resource, judgement.work, std::move(judgement), identity_of(object)});
      });
  if (listed) co_return;
  if (listed.error().kind == ErrorKind::kNotFound) context_.discovery.forget(resource.name);
  fail(listed.error());
}

event::Task<void> RingSync::collect_draining() {
  draining_.clear();
  for (const Resource& resource : resources_) {
    if (resource.role != ResourceRole::kMain) continue;
    kube::ListOptions options;
    options.label_selector = view_.drain_label();
    options.resource_version = "0";
    auto listed = co_await context_.client.for_each_metadata(
        resource.found.type, std::move(options), [&](const kube::ObjectMeta& object) {
          draining_.insert(sharding::object_key(resource.name.group, resource.found.kind, object.ns, object.name));
        });
    if (!listed) fail(listed.error());
  }
}

event::Task<void> RingSync::work_off() {
  if (items_.empty()) co_return;
  log_.debug("sync: objects to see to",
             {{"resource", to_string(items_.front().resource->name)}, {"objects", int64_t(items_.size())}});
  size_t limit = std::min(context_.concurrent_moves, items_.size());
  co_await concurrently(context_.client.loop(), std::max<size_t>(1, limit),
                        [this]() -> std::optional<event::Task<void>> {
                          if (items_.empty() || failures_ >= kMaxFailures) return std::nullopt;
                          Item item = std::move(items_.front());
                          items_.pop_front();
                          return item.work == Work::kFollow ? follow_owner(std::move(item)) : work_on(std::move(item));
                        });
  items_.clear();
}

event::Task<void> RingSync::work_on(Item item) {
  for (int tries = 0; tries < kMaxTries; ++tries) {
    auto answer = co_await send(item);
    if (answer) {
      count(item, *answer);
      co_return;
    }
    if (answer.error().kind == ErrorKind::kNotFound) co_return;
    if (answer.error().kind != ErrorKind::kConflict) {
      fail(answer.error());
      co_return;
    }
    if (!co_await read_again(item)) co_return;
  }
}

event::Task<void> RingSync::follow_owner(Item item) {
  if (!co_await owner_has_moved(item)) {
    ++pending_;
    co_return;
  }
  item.work = Work::kMove;
  auto answer = co_await send(item);
  if (answer) {
    count(item, *answer);
  } else if (answer.error().kind == ErrorKind::kConflict) {
    ++pending_;  // looked at again in the next round
  } else if (answer.error().kind != ErrorKind::kNotFound) {
    fail(answer.error());
  }
}

event::Task<Result<json::Value>> RingSync::send(const Item& item) {
  co_return co_await context_.client.patch(item.resource->found.type, item.object.ns, item.object.name,
                                           kube::PatchType::kMerge, view_.patch(item.work, item.object), as_central());
}

// Judges the object as it is now. False if there is nothing left to do.
event::Task<bool> RingSync::read_again(Item& item) {
  auto object = co_await context_.client.get(item.resource->found.type, item.object.ns, item.object.name, true);
  if (!object) {
    if (object.error().kind != ErrorKind::kNotFound) fail(object.error());
    co_return false;
  }
  kube::ObjectMeta meta = meta_of(*object);
  item.judgement = view_.judge(item.resource->role, item.resource->name.group, item.resource->found.kind, meta);
  item.work = item.judgement.work;
  item.object = identity_of(meta);
  co_return item.work != Work::kNone&& item.work != Work::kFollow;
}

// Reads the owner live: the child must not go before it.
event::Task<bool> RingSync::owner_has_moved(const Item& item) {
  for (const Resource& resource : resources_) {
    if (resource.role != ResourceRole::kMain) continue;
    std::string ns = resource.found.namespaced ? item.object.ns : "";
    std::string prefix = sharding::object_key(resource.name.group, resource.found.kind, item.object.ns, "");
    if (!item.judgement.owner_key.starts_with(prefix)) continue;
    std::string name = item.judgement.owner_key.substr(prefix.size());
    auto owner = co_await context_.client.get(resource.found.type, ns, name, true);
    if (!owner) {
      // Without its owner it goes with the garbage collection.
      if (owner.error().kind != ErrorKind::kNotFound) fail(owner.error());
      co_return false;
    }
    kube::ObjectMeta meta = meta_of(*owner);
    co_return meta.label(view_.shard_label()) == item.judgement.desired && !meta.labels.contains(view_.drain_label());
  }
  co_return true;  // its owner is not sharded by this ring: nobody will hand it over
}

void RingSync::count(const Item& item, const json::Value& answer) {
  const kube::GroupResource& resource = item.resource->name;
  if (item.work == Work::kDrain) context_.metrics.count_drain(view_.name(), resource);
  if (item.work != Work::kMove) return;
  context_.metrics.count_movement(view_.name(), resource);
  if (meta_of(answer).label(view_.shard_label()).empty()) ++unassigned_;
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
