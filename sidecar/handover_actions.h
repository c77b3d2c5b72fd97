// What the handover wants done, and what it is told about it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>

#include "base/clock.h"
#include "sidecar/object_ref.h"

namespace ringside::sidecar {

// Every request is answered once through Handover::answered() with its id, also when it fails or is given up.
using RequestId = uint64_t;

// List and watch the metadata of this shard's controlled objects, and feed Handover::children().
struct StartChildIndex {};
struct StopChildIndex {};

// Merge patch that removes shard and drain label of a controlled object, with resourceVersion as precondition and the
// field manager `sharding-sidecar`. If `shard` is not empty, it is set instead.
struct ReleaseChild {
  RequestId id = 0;
  ObjectRef object;
  std::string resource_version;
  std::string shard = {};
};

// The same patch for the main object: the acknowledgement. If `shard` is not empty, it takes the place of the shard
// label: the object must go where its children went, though the ring may have changed since.
struct Acknowledge {
  RequestId id = 0;
  ObjectRef object;
  std::string resource_version;
  std::string shard = {};
};

// GET of the metadata, without resourceVersion: not from a cache.
struct ReadLive {
  RequestId id = 0;
  ObjectRef object;
};

// List the metadata of all controlled objects that are on another shard, and tell Handover::children_found() where
// those of these owners are. It is expensive, and asked for when this process may not know of what one before it has
// moved.
struct FindChildren {
  std::set<std::string> owner_uids;
};
// The shards that have children of an owner, by its UID.
using ChildrenFound = std::map<std::string, std::set<std::string>>;

// The owner is in service here, and children of it may be on another shard by requests of this handover. A controller
// would make those anew that the API server names.
struct ChildrenParted {
  std::string owner_uid;
};

// What ended the wait for the controller.
enum class Quiet {
  kProof,     // its metrics, or its death: every reconcile that ran when the object was fenced has ended
  kWindow,    // nothing was under way for the quiet window
  kDeadline,  // time
};

// The end of one drain, for metrics and logs.
struct Finished {
  enum class Outcome {
    kAcknowledged,  // by us
    kTaken,         // another shard has it, not by our acknowledgement
    kWithdrawn,     // it stays here
    kGone,          // deleted
  };
  ObjectRef object;
  Outcome outcome = Outcome::kAcknowledged;
  std::optional<Quiet> quiet = {};  // unless it ended before
  bool overdue = false;             // the deadline passed before its children were moved
  size_t children = 0;
  Duration waited = {};        // in full service
  Duration quiesced = {};      // fenced, until quiet
  Duration moved = {};         // children
  Duration acknowledged = {};  // the rest
};

using Action = std::variant<StartChildIndex, StopChildIndex, FindChildren, ReleaseChild, Acknowledge, ReadLive,
                            ChildrenParted, Finished>;

// What a patch or a live read says of an object.
struct LiveObject {
  std::string uid;
  std::string resource_version;
  std::string shard;  // value of the ring's shard label; empty without
  bool draining = false;
};

}  // namespace ringside::sidecar
