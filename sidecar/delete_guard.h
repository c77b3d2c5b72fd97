// Whether the controller may delete children at this moment.
#pragma once

#include <expected>
#include <optional>
#include <string>

#include "base/json.h"
#include "event/task.h"
#include "kube/client.h"
#include "kube/discovery.h"
#include "kube/status.h"
#include "sidecar/catch_up.h"
#include "sidecar/object_ref.h"
#include "sidecar/owner_lookup.h"
#include "sidecar/request_filter.h"
#include "sidecar/ring_view.h"
#include "sidecar/watch_continuity.h"

namespace ringside::sidecar {

// Children reach their next shard before their owner does. Many controllers delete what they take for left behind when
// their cache does not have the owner: they must not, while it is on its way. And a controller that has not yet seen a
// child leave must not delete what is another shard's now. Deletes of children are rare enough for live reads of
// metadata: of the child and of its owner.
class DeleteGuard {
 public:
  // All must outlive it.
  DeleteGuard(kube::Client& client, const RingView& ring, const WatchContinuity& watches, ShardIdentity self);

  // Of an object of a controlled resource. nullopt: it may be deleted, or there is nothing to delete. Else the answer:
  // 409 while child or owner are not this shard's or the owner has only just come, 503 if that cannot be found out.
  // Where neither has a shard they are nobody's: the ring does not select their namespace.
  event::Task<std::optional<kube::Status>> check(ObjectRef child);

  // Of all objects of a controlled resource that the list takes: refused if one of them is such. Else the resource
  // version that was looked at (empty if no such resource is served): what has come since then was not.
  event::Task<std::expected<std::string, kube::Status>> check_all(kube::GroupResource resource, kube::ListOptions list);

 private:
  event::Task<std::optional<kube::Status>> check_owner(const OwnerLookup::Owner& owner, const ObjectRef& child,
                                                       bool child_is_ours);
  bool has_just_come(const OwnerLookup::Owner& owner, const json::Value& object);
  static kube::Status refused(const ObjectRef& child, const std::string& why);
  static kube::Status unknown(const Error& error);

  kube::Client& client_;
  const WatchContinuity& watches_;
  CatchUp catch_up_;
  ShardIdentity self_;
  std::string shard_label_;
  OwnerLookup owners_;
  kube::Discovery discovery_;
};

}  // namespace ringside::sidecar
