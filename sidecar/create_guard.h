// Whether the controller may create children at this moment.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "event/task.h"
#include "kube/client.h"
#include "kube/status.h"
#include "sidecar/owner_lookup.h"
#include "sidecar/request_filter.h"
#include "sidecar/ring_view.h"
#include "sidecar/watch_continuity.h"

namespace ringside::sidecar {

// Children reach their next shard before their owner does, but by another watch. A controller that was stopped
// meanwhile or starved finds both waiting for it, may take up the owner first, and makes children that are there
// already. Where the API server chooses their names nothing else would stop it. So for an owner that has only just
// come, the first create is answered by 409, and one that comes half a second after that or later passes: by then the
// controller has what was on its way to it, unless its watches of the children are broken (WatchContinuity).
//
// That costs a live read of the owner's metadata for the first of its creates within five seconds.
class CreateGuard {
 public:
  // All must outlive it.
  CreateGuard(kube::Client& client, const RingView& ring, const WatchContinuity& watches, ShardIdentity self);

  // Of an object of a controlled resource in namespace `ns`, with the metadata of the create's body. nullopt: it may be
  // created. Else the answer: 409, or 503 if that cannot be found out.
  event::Task<std::optional<kube::Status>> check(kube::GroupResource resource, std::string ns, kube::ObjectMeta child);

 private:
  struct Refusal {
    WallTime arrival;
    TimePoint first;
  };

  event::Task<Result<json::Value>> owner_of(const kube::ObjectMeta& child);
  bool has_caught_up(const std::string& uid, std::optional<WallTime> arrival, const kube::GroupResource& children);
  std::optional<WallTime> arrival_of(const json::Value& owner) const;
  static kube::Status refused(const kube::GroupResource& resource, const kube::ObjectMeta& child, std::string_view why);

  kube::Client& client_;
  const WatchContinuity& watches_;
  ShardIdentity self_;
  std::string shard_label_;
  OwnerLookup owners_;
  // By the owner's UID.
  std::map<std::string, TimePoint> settled_until_;
  std::map<std::string, Refusal> refused_;
};

}  // namespace ringside::sidecar
