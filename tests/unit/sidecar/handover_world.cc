#include "tests/unit/sidecar/handover_world.h"

#include <algorithm>
#include <utility>

namespace ringside::sidecar {
namespace {

kube::ObjectMeta meta_of(const ObjectRef& ref, const HandoverWorld::Object& object) {
  kube::ObjectMeta meta;
  meta.ns = ref.ns;
  meta.name = ref.name;
  meta.uid = object.uid;
  meta.resource_version = std::to_string(object.version);
  if (!object.owner_uid.empty()) {
    meta.owner_references = {
        {.api_version = "apps/v1", .kind = "Deployment", .name = "x", .uid = object.owner_uid, .controller = true}};
  }
  return meta;
}

}  // namespace

LiveObject HandoverWorld::Object::live() const {
  return {.uid = uid, .resource_version = std::to_string(version), .shard = shard, .draining = draining};
}

const std::vector<ObjectRef>& HandoverWorld::all_mains() {
  static const std::vector<ObjectRef> refs = [] {
    std::vector<ObjectRef> made;
    for (int i = 0; i < 6; ++i) made.push_back({.resource = kMain, .ns = "d", .name = "x" + std::to_string(i)});
    return made;
  }();
  return refs;
}

const HandoverWorld::Object* HandoverWorld::find(const ObjectRef& ref) const {
  auto object = objects_.find(ref);
  return object == objects_.end() ? nullptr : &object->second;
}

std::vector<ObjectRef> HandoverWorld::children_of(const std::string& uid) const {
  std::vector<ObjectRef> children;
  for (const auto& [ref, object] : objects_) {
    if (object.owner_uid == uid) children.push_back(ref);
  }
  return children;
}

void HandoverWorld::create_main(const ObjectRef& ref) {
  desired_[ref] = "a";
  write(ref, [&](Object& object) {
    object.uid = "u" + std::to_string(++uids_);
    object.shard = "a";
  });
  for (uint32_t c = pick(3); c > 0; --c) create_child(ref);
}

void HandoverWorld::create_child(const ObjectRef& owner) {
  Object& main = objects_.at(owner);
  ObjectRef child = {.resource = kControlled, .ns = "d", .name = "c" + std::to_string(++uids_)};
  write(child, [&](Object& object) {
    object = {.uid = "c" + std::to_string(uids_), .shard = main.shard, .owner_uid = main.uid};
  });
}

Result<LiveObject> HandoverWorld::release(const ObjectRef& ref, const std::string& version, const std::string& named) {
  const Object* object = find(ref);
  if (object == nullptr) return failure(ErrorKind::kNotFound, "gone");
  if (std::to_string(object->version) != version) return failure(ErrorKind::kConflict, "changed");
  std::string assigned = shard_by_webhook(ref, *object);
  bool webhook_is_away = fault();
  write(ref, [&](Object& o) {
    o.shard = !named.empty() ? named : webhook_is_away ? "" : assigned;
    o.draining = false;
  });
  return object->live();
}

std::string HandoverWorld::shard_by_webhook(const ObjectRef& ref, const Object& object) const {
  std::string result = "a";
  for (const auto& [main, shard] : desired_) {
    const Object* stored = find(main);
    if (main == ref || (stored != nullptr && stored->uid == object.owner_uid)) result = shard;
  }
  return result;
}

Result<LiveObject> HandoverWorld::read(const ObjectRef& ref) const {
  const Object* object = find(ref);
  if (object == nullptr) return failure(ErrorKind::kNotFound, "gone");
  return object->live();
}

ChildrenFound HandoverWorld::children_elsewhere(const std::set<std::string>& owner_uids) const {
  ChildrenFound found;
  for (const auto& [ref, object] : objects_) {
    bool elsewhere = !object.shard.empty() && object.shard != "a";
    if (elsewhere && owner_uids.contains(object.owner_uid)) found[object.owner_uid].insert(object.shard);
  }
  return found;
}

void HandoverWorld::write(const ObjectRef& ref, const std::function<void(Object&)>& change) {
  Object& object = objects_[ref];
  bool was_seen = is_watched(ref, object);
  change(object);
  object.version = ++version_;
  publish(ref, was_seen, is_watched(ref, object));
}

void HandoverWorld::remove(const ObjectRef& ref) {
  bool was_seen = is_watched(ref, objects_.at(ref));
  objects_.erase(ref);
  publish(ref, was_seen, false);
}

bool HandoverWorld::is_watched(const ObjectRef& ref, const Object& object) {
  return object.shard == "a" && (ref.resource == kControlled || object.draining);
}

void HandoverWorld::publish(const ObjectRef& ref, bool was_seen, bool is_seen) {
  if (ref.resource == kControlled && !watches_children_) return;
  if (is_seen) {
    events(ref.resource).push_back({ref, meta_of(ref, objects_.at(ref))});
  } else if (was_seen) {
    events(ref.resource).push_back({ref, std::nullopt});
  }
}

std::deque<HandoverWorld::Event>& HandoverWorld::events(const kube::GroupResource& resource) {
  return resource == kMain ? drain_events_ : child_events_;
}

void HandoverWorld::watch_children(bool on) {
  watches_children_ = on;
  child_events_.clear();
}

std::vector<kube::ObjectMeta> HandoverWorld::list(const kube::GroupResource& resource) {
  events(resource).clear();
  std::vector<kube::ObjectMeta> metas;
  for (const auto& [ref, object] : objects_) {
    if (ref.resource == resource && is_watched(ref, object)) metas.push_back(meta_of(ref, object));
  }
  return metas;
}

std::optional<HandoverWorld::Event> HandoverWorld::next_event(const kube::GroupResource& resource) {
  std::deque<Event>& queue = events(resource);
  if (queue.empty()) return std::nullopt;
  Event event = std::move(queue.front());
  queue.pop_front();
  return event;
}

bool HandoverWorld::has_event_of_main(const ObjectRef& ref) const {
  return std::ranges::any_of(drain_events_, [&](const Event& event) { return event.ref == ref; });
}

void HandoverWorld::run_central() {
  ObjectRef ref = random_main();
  const Object* object = find(ref);
  switch (pick(6)) {
    case 0: desired_[ref] = std::string(1, "aabc"[pick(4)]); break;
    case 1:  // a taken object, as when our Lease was lost for a while
      if (object != nullptr && pick(4) == 0) {
        write(ref, [&](Object& o) {
          o.shard = desired_[ref];
          o.draining = false;
        });
      }
      break;
    case 2:
      if (object == nullptr) {
        create_main(ref);
      } else if (pick(4) == 0) {
        std::string uid = object->uid;
        remove(ref);
        for (const ObjectRef& child : children_of(uid)) remove(child);
      }
      break;
    default: sync(ref);
  }
}

void HandoverWorld::sync(const ObjectRef& ref) {
  const Object* object = find(ref);
  if (object == nullptr) return;
  for (const ObjectRef& child : children_of(object->uid)) assign_if_nobodys(child, desired_[ref]);
  assign_if_nobodys(ref, desired_[ref]);
  if (object->shard == "a") {
    bool drain = desired_[ref] != "a";
    if (drain != object->draining) write(ref, [&](Object& o) { o.draining = drain; });
  } else if (desired_[ref] == "a") {
    for (const ObjectRef& child : children_of(object->uid)) hand_back(child);
    hand_back(ref);
  }
}

void HandoverWorld::assign_if_nobodys(const ObjectRef& ref, const std::string& shard) {
  if (!objects_.at(ref).shard.empty()) return;
  write(ref, [&](Object& o) { o.shard = shard; });
  on_assigned(ref);
}

void HandoverWorld::hand_back(const ObjectRef& ref) {
  write(ref, [](Object& o) { o.shard = "a"; });
  on_handed_back(ref);
}

}  // namespace ringside::sidecar
