// Which objects the controller may not write at present (docs/design.md, section 4, Fence and Tombstone).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>

#include "kube/meta.h"
#include "sidecar/object_ref.h"
#include "sidecar/request_ledger.h"

namespace ringside::sidecar {

// The request path asks and gets a ticket in the same call, so that nothing slips in between; the handover closes and
// lifts. A fenced object is a main object by its ref and uid, with those of its children that are known.
//
// Must outlive the tickets and the Handover that works on it.
class Fence {
 public:
  // For the request path. nullopt: fenced, answer 409 Conflict and tell Handover::blocked().
  // An update, patch or delete of one object of a ring resource.
  std::optional<InFlight> try_change(const ObjectRef& object);
  // A create of a ring resource with the owner references of its body.
  std::optional<InFlight> try_create(std::span<const kube::OwnerReference> owners);
  // A create whose body was not read: while Handover::needs_owner_references() is false, or what is applied as YAML.
  InFlight create_unread() { return requests_.unknown(); }
  // A deletecollection. Its selector admits only this shard's objects; so it is refused while one of that resource is
  // being handed over, and not for tombstones.
  std::optional<InFlight> try_delete_collection(const kube::GroupResource& resource);

  bool blocks(const ObjectRef& object) const;
  bool blocks_create(std::span<const kube::OwnerReference> owners) const { return owner_among(owners) != nullptr; }

  // For the handover.
  void close(const ObjectRef& object, const std::string& uid);
  // Nothing happens if the child is fenced already, also with another owner.
  void add_child(const ObjectRef& object, const ObjectRef& child);
  void remove_child(const ObjectRef& child);
  // The object is not this shard's any more: stays fenced, but deletecollections of its resource pass.
  void bury(const ObjectRef& object);
  // The object and its children are in service again. Nothing happens if it is not fenced.
  void lift(const ObjectRef& object);
  void lift_all();

  // Whether a request is under way for the fenced object or a child of it, or one that began before the object was
  // fenced and may be about them.
  bool busy(const ObjectRef& object) const;
  size_t child_count(const ObjectRef& object) const;
  // How often children were let go so far, which another owner's add_child() may have wanted.
  uint64_t openings() const { return openings_; }
  // The fenced main object that a ref belongs to: itself, or its owner. nullptr if it is not fenced. Valid until
  // lifted.
  const ObjectRef* main_object_of(const ObjectRef& ref) const;
  // The fenced main object among the owners, or nullptr. Valid until lifted.
  const ObjectRef* owner_among(std::span<const kube::OwnerReference> owners) const;

 private:
  struct Entry {
    std::string uid;
    uint64_t mark = 0;  // of the ledger, when the object was fenced
    bool buried = false;
    std::set<ObjectRef> children;
  };

  RequestLedger requests_;
  uint64_t openings_ = 0;
  std::map<ObjectRef, Entry> objects_;
  std::map<ObjectRef, ObjectRef> owner_of_child_;
  std::map<std::string, ObjectRef, std::less<>> object_of_uid_;
};

}  // namespace ringside::sidecar
