#include "sidecar/fence.h"

#include <algorithm>

namespace ringside::sidecar {

std::optional<InFlight> Fence::try_change(const ObjectRef& object) {
  if (blocks(object)) return std::nullopt;
  return requests_.change(object);
}

std::optional<InFlight> Fence::try_create(std::span<const kube::OwnerReference> owners) {
  if (blocks_create(owners)) return std::nullopt;
  return requests_.create(owners);
}

std::optional<InFlight> Fence::try_delete_collection(const kube::GroupResource& resource) {
  for (const auto& [object, entry] : objects_) {
    if (entry.buried) continue;
    auto is_of_resource = [&](const ObjectRef& child) { return child.resource == resource; };
    if (object.resource == resource || std::ranges::any_of(entry.children, is_of_resource)) return std::nullopt;
  }
  return requests_.unknown();
}

bool Fence::blocks(const ObjectRef& object) const {
  return objects_.contains(object) || owner_of_child_.contains(object);
}

void Fence::close(const ObjectRef& object, const std::string& uid) {
  lift(object);
  objects_.emplace(object, Entry{.uid = uid, .mark = requests_.mark(), .children = {}});
  object_of_uid_.insert_or_assign(uid, object);
}

void Fence::add_child(const ObjectRef& object, const ObjectRef& child) {
  auto entry = objects_.find(object);
  if (entry == objects_.end() || !owner_of_child_.emplace(child, object).second) return;
  entry->second.children.insert(child);
}

void Fence::remove_child(const ObjectRef& child) {
  auto owner = owner_of_child_.find(child);
  if (owner == owner_of_child_.end()) return;
  ++openings_;
  objects_.at(owner->second).children.erase(child);
  owner_of_child_.erase(owner);
}

void Fence::bury(const ObjectRef& object) {
  auto entry = objects_.find(object);
  if (entry != objects_.end()) entry->second.buried = true;
}

void Fence::lift(const ObjectRef& object) {
  auto entry = objects_.find(object);
  if (entry == objects_.end()) return;
  ++openings_;
  for (const ObjectRef& child : entry->second.children) owner_of_child_.erase(child);
  object_of_uid_.erase(entry->second.uid);
  objects_.erase(entry);
}

void Fence::lift_all() {
  objects_.clear();
  owner_of_child_.clear();
  object_of_uid_.clear();
}

bool Fence::busy(const ObjectRef& object) const {
  auto entry = objects_.find(object);
  if (entry == objects_.end()) return false;
  const auto& [uid, mark, buried, children] = entry->second;
  if (requests_.has_change(object) || requests_.has_create(uid) || requests_.has_unknown_before(mark)) return true;
  return std::ranges::any_of(children, [&](const ObjectRef& child) { return requests_.has_change(child); });
}

size_t Fence::child_count(const ObjectRef& object) const {
  auto entry = objects_.find(object);
  return entry == objects_.end() ? 0 : entry->second.children.size();
}

const ObjectRef* Fence::main_object_of(const ObjectRef& ref) const {
  if (auto entry = objects_.find(ref); entry != objects_.end()) return &entry->first;
  auto child = owner_of_child_.find(ref);
  return child == owner_of_child_.end() ? nullptr : &child->second;
}

const ObjectRef* Fence::owner_among(std::span<const kube::OwnerReference> owners) const {
  for (const kube::OwnerReference& owner : owners) {
    auto object = object_of_uid_.find(owner.uid);
    if (object != object_of_uid_.end()) return &object->second;
  }
  return nullptr;
}

}  // namespace ringside::sidecar
