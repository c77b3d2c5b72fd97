// Whether the controller may create children at this moment.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "event/task.h"
#include "kube/client.h"
#include "kube/discovery.h"
#include "kube/status.h"
#include "sidecar/catch_up.h"
#include "sidecar/owner_lookup.h"
#include "sidecar/request_filter.h"
#include "sidecar/ring_view.h"
#include "sidecar/shard_lease.h"
#include "sidecar/stray_children.h"
#include "sidecar/watch_continuity.h"

namespace ringside::sidecar {

// Children reach their next shard before their owner does, but by another watch. A controller that was stopped
// meanwhile or starved finds both waiting for it, may take up the owner first, and makes children that are there
// already. Where the API server chooses their names nothing else would stop it. So for an owner that has only just
// come, a create is answered by 409 until the controller knows its children (CatchUp).
//
// So is it for an owner of which a create was not answered: where the API server died, the child may be there, and the
// controller tries again before its watch is back. After a sidecar that was killed nobody knows of which owners.
//
// Children may be on another shard than their owner: where a handover was given up half done, until central brings them
// back; and where a shard was dead and is back (ShardLease), and central had moved them already. Or on none, while the
// webhook and central are away: a controller remembers that it made them, but not one that was restarted, or that their
// owner has come to. Of such owners nothing is created while a live list of metadata shows children that are not here.
// They are all owners while a shard goes on without central; those that are older, for a minute after it is back, or
// its sidecar or its controller was restarted; and those that have come within the last minute.
//
// That costs a live read of the owner's metadata for the first of its creates within five seconds.
class CreateGuard {
 public:
  // All must outlive it.
  CreateGuard(kube::Client& client, const RingView& ring, const WatchContinuity& watches, const ShardLease& lease,
              ShardIdentity self);

  // Of an object of a controlled resource in namespace `ns`, with the metadata of the create's body. nullopt: it may be
  // created. Else the answer: 409, or 503 if that cannot be found out.
  event::Task<std::optional<kube::Status>> check(kube::GroupResource resource, std::string ns, kube::ObjectMeta child);

  // The controller has connected, and had no connection before.
  void controller_came();
  // Children of that owner may be on another shard by a handover that was given up.
  void children_parted(const std::string& owner_uid);

  // A create that has passed and is on its way. If it ends without an answer the child may have been created or not.
  // The guard must outlive it.
  class Pending {
   public:
    Pending(CreateGuard& guard, const kube::ObjectMeta& child);
    ~Pending();
    Pending(const Pending&) = delete;
    Pending& operator=(const Pending&) = delete;
    // By one that says what has become of it: no 5xx.
    void answered() { owner_uid_.clear(); }

   private:
    CreateGuard& guard_;
    std::string owner_uid_;  // empty: there is nothing to remember
  };

 private:
  // What may last have left the controller without children that are there, other than the owner's arrival.
  struct Unsettled {
    TimePoint at;
    std::string_view why;
  };
  // By a handover that was given up, or found so.
  struct Parted {
    uint64_t notice = 0;                 // the number of the latest
    TimePoint at = TimePoint::min();     // when they may have parted; what a list of before shows does not count
    std::set<kube::GroupResource> back;  // of these, no child is elsewhere any more
  };

  event::Task<Result<json::Value>> owner_of(const kube::ObjectMeta& child);
  std::optional<CatchUp::Gap> gap(const std::string& uid, const json::Value& owner,
                                  const kube::GroupResource& resource);
  // Why it is to be refused: children of this resource, of the owner with that UID, are not on this shard, by a list
  // that began after `since`. Notes it where they were not until now.
  event::Task<std::optional<kube::Status>> check_elsewhere(kube::GroupResource resource, const kube::ObjectMeta& child,
                                                           std::string uid, TimePoint since);
  // Since when children may be elsewhere; nullopt: there is no reason to think so.
  std::optional<TimePoint> doubted_since(const kube::ObjectMeta& meta, const json::Value& owner,
                                         const kube::GroupResource& resource) const;
  const Parted* parted(const std::string& owner_uid, const kube::GroupResource& resource) const;
  std::optional<TimePoint> begun_since(const kube::ObjectMeta& owner) const;
  std::optional<TimePoint> came_lately(const std::string& uid, const json::Value& owner) const;
  void note_parted(const std::string& owner_uid, TimePoint at);
  // The controller knows of the children that are there, for a while.
  bool is_settled(const std::string& uid, const kube::GroupResource& resource) const;
  void settle(const std::string& uid, const kube::GroupResource& resource);
  std::optional<Unsettled> unsettled(const std::string& uid) const;
  void unsettle(const std::string& uid, std::string_view why);
  std::string_view text_of(CatchUp::Gap gap, const std::string& uid) const;
  static kube::Status refused(const kube::GroupResource& resource, const kube::ObjectMeta& child, std::string_view why);

  kube::Client& client_;
  const WatchContinuity& watches_;
  CatchUp catch_up_;
  const ShardLease& lease_;
  ShardIdentity self_;
  std::string shard_label_;
  OwnerLookup owners_;
  kube::Discovery discovery_;
  StrayChildren strays_;
  std::optional<TimePoint> controller_came_;
  // By the owner's UID.
  std::map<std::string, std::map<kube::GroupResource, TimePoint>> settled_until_;
  std::map<std::string, Unsettled> unsettled_;
  std::map<std::string, Parted> parted_;
  uint64_t notices_ = 0;
};

}  // namespace ringside::sidecar
