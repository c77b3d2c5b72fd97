#include "sidecar/child_index.h"

#include <algorithm>

namespace ringside::sidecar {

ChildIndex::ChildIndex(std::vector<kube::GroupResource> resources) {
  for (kube::GroupResource& resource : resources) lists_.emplace(std::move(resource), List());
}

void ChildIndex::begin_list(const kube::GroupResource& resource) {
  auto list = lists_.find(resource);
  if (list == lists_.end()) return;
  ++list->second.generation;
  list->second.complete = false;
}

void ChildIndex::end_list(const kube::GroupResource& resource) {
  auto list = lists_.find(resource);
  if (list == lists_.end()) return;
  list->second.complete = true;
  auto entry = entries_.lower_bound(ObjectRef{.resource = resource, .ns = {}, .name = {}});
  while (entry != entries_.end() && entry->first.resource == resource) {
    entry = entry->second.generation == list->second.generation ? std::next(entry) : erase(entry);
  }
}

void ChildIndex::upsert(const kube::GroupResource& resource, const kube::ObjectMeta& meta) {
  auto list = lists_.find(resource);
  if (list == lists_.end()) return;
  ObjectRef ref = {.resource = resource, .ns = meta.ns, .name = meta.name};
  const kube::OwnerReference* owner = kube::controller_of(meta);
  if (owner == nullptr) return remove(ref);
  auto known = entries_.find(ref);
  if (known != entries_.end() && known->second.owner_uid != owner->uid) {
    erase(known);
    known = entries_.end();
  }
  if (known == entries_.end()) {
    known = entries_.emplace(std::move(ref), Entry{.resource_version = {}, .owner_uid = owner->uid}).first;
    std::vector<const ObjectRef*>& siblings = by_owner_[owner->uid];
    auto by_value = [](const ObjectRef* a, const ObjectRef* b) { return *a < *b; };
    siblings.insert(std::ranges::lower_bound(siblings, &known->first, by_value), &known->first);
    ++additions_;
  }
  known->second.resource_version = meta.resource_version;
  known->second.generation = list->second.generation;
}

void ChildIndex::remove(const ObjectRef& object) {
  auto entry = entries_.find(object);
  if (entry != entries_.end()) erase(entry);
}

void ChildIndex::clear() {
  by_owner_.clear();
  entries_.clear();
  for (auto& [resource, list] : lists_) list.complete = false;
}

bool ChildIndex::ready() const {
  return std::ranges::all_of(lists_, [](const auto& list) { return list.second.complete; });
}

std::span<const ObjectRef* const> ChildIndex::children_of(const std::string& owner_uid) const {
  auto children = by_owner_.find(owner_uid);
  if (children == by_owner_.end()) return {};
  return children->second;
}

const std::string* ChildIndex::resource_version(const ObjectRef& object) const {
  auto entry = entries_.find(object);
  return entry == entries_.end() ? nullptr : &entry->second.resource_version;
}

ChildIndex::Entries::iterator ChildIndex::erase(Entries::iterator entry) {
  auto siblings = by_owner_.find(entry->second.owner_uid);
  std::erase(siblings->second, &entry->first);
  if (siblings->second.empty()) by_owner_.erase(siblings);
  return entries_.erase(entry);
}

}  // namespace ringside::sidecar
