// This shard's controlled objects by owner, while drains are open.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "kube/meta.h"
#include "sidecar/object_ref.h"

namespace ringside::sidecar {

// Fed from metadata-only lists and watches of the ring's controlled resources with the selector shard=<own shard>.
// Objects without a controller reference are left out. Memory: some 300 bytes for each object.
class ChildIndex {
 public:
  explicit ChildIndex(std::vector<kube::GroupResource> resources);

  // A list of one resource: its objects are upserted between the two calls; those that were not are dropped at its end.
  // After a failed list, begin again.
  void begin_list(const kube::GroupResource& resource);
  void end_list(const kube::GroupResource& resource);
  // An object of a list, or an added or modified one of a watch.
  void upsert(const kube::GroupResource& resource, const kube::ObjectMeta& meta);
  // A deleted object of a watch, which may also have left this shard.
  void remove(const ObjectRef& object);
  void clear();

  // Whether every resource is listed, and none is being listed again.
  bool ready() const;
  bool tracks_anything() const { return !lists_.empty(); }
  // In the order of their refs; empty for an unknown uid. Valid until the next change.
  std::span<const ObjectRef* const> children_of(const std::string& owner_uid) const;
  // How many children were added so far, to see whether an owner may have got one.
  uint64_t additions() const { return additions_; }
  // nullptr if the object is not in the index. Valid until the next change.
  const std::string* resource_version(const ObjectRef& object) const;

 private:
  struct List {
    uint64_t generation = 0;
    bool complete = false;
  };
  struct Entry {
    std::string resource_version;
    std::string owner_uid;
    uint64_t generation = 0;
  };
  using Entries = std::map<ObjectRef, Entry>;

  Entries::iterator erase(Entries::iterator entry);

  std::map<kube::GroupResource, List> lists_;
  Entries entries_;
  std::map<std::string, std::vector<const ObjectRef*>> by_owner_;  // keys of entries_
  uint64_t additions_ = 1;
};

}  // namespace ringside::sidecar
