// The handover of draining objects to their next shard (docs/design.md, section 4), without I/O and without a clock.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "base/backoff.h"
#include "base/clock.h"
#include "base/error.h"
#include "kube/meta.h"
#include "sidecar/child_index.h"
#include "sidecar/child_moves.h"
#include "sidecar/fence.h"
#include "sidecar/handover_actions.h"
#include "sidecar/object_ref.h"
#include "sidecar/tombstones.h"
#include "sidecar/wake.h"

namespace ringside::sidecar {

struct HandoverOptions {
  std::string shard;                                 // own name
  std::vector<kube::GroupResource> controlled = {};  // the ring's controlled resources
  Duration quiet_window = std::chrono::milliseconds(150);
  // Between the children's release and their owner's: the watches by which the next shard hears of the two may overtake
  // one another, and a controller that sees an owner without its children makes new ones.
  Duration arrival = std::chrono::milliseconds(150);
  Duration deadline = std::chrono::seconds(10);    // of waiting for the controller, from fencing on
  Duration max_fenced = std::chrono::seconds(30);  // then back into service, if not acknowledged
  // An acknowledged object that nobody has: the webhook did not answer. Central looks for such objects every 4 s; if it
  // is away, too, the object is taken back.
  Duration unowned = std::chrono::seconds(6);
  Duration index_linger = std::chrono::seconds(5);  // after the last drain
  size_t max_requests = 100;                        // under way at a time
  // Objects fenced at a time: moved within `batch_target` on average, adapting between the bounds.
  size_t first_batch = 32, min_batch = 8, max_batch = 512;
  Duration batch_target = std::chrono::milliseconds(330);
  Backoff::Options retry = {};
  Backoff::Options retreat = {.initial = std::chrono::seconds(5), .max = std::chrono::minutes(5)};
  Tombstones::Options tombstones = {};
};

// All drains of one shard. One of its objects is
//   waiting        in full service, until the index is ready and a place is free, oldest first
//   quiescing      fenced with its children, until nothing is under way for them and the controller is quiet: nothing
//                  was under way for the quiet window or, where the controller's metrics can be read, until they prove
//                  that every reconcile has ended that ran when it was fenced; the deadline bounds both
//   moving         its children are released
//   acknowledging  then, when they have had time to arrive, it is released itself
//   buried         owned by another shard, and fenced here all the same (Tombstones)
// It returns to service when the drain is withdrawn, and to waiting when a permission is missing or it was fenced for
// max_fenced; children that were released by then are brought back by central (ChildrenParted). Whenever the outcome of
// a patch or the reason for which an object left the drain watch is not known, a live read decides; the object stays
// fenced until it is answered.
//
// Inputs record facts; step() decides and returns what is to be done. Call step() after every batch of inputs, after a
// request of the controller has ended while anything is fenced, and at next_wake().
//
// A restarted sidecar begins with a new Handover, which sees the same drains. It inherits those of its first lists:
// some of their children may be on another shard already, which is looked up before any of these objects is
// acknowledged. Destruction lifts every fence.
class Handover {
 public:
  // The fence must outlive the handover, which is the only one to close and lift in it.
  Handover(HandoverOptions options, Fence& fence);
  ~Handover();
  Handover(const Handover&) = delete;
  Handover& operator=(const Handover&) = delete;

  // From the metadata watches of the ring's main resources with the selector shard=<own>,drain: an added or modified
  // object; a deleted one, for whatever reason; a whole list (objects that are not in it have left).
  // `inherited`: it is of the first list since this was made.
  void drain_seen(const kube::GroupResource& resource, const kube::ObjectMeta& meta, TimePoint now,
                  bool inherited = false);
  void drain_left(const ObjectRef& object);
  void drains_listed(const kube::GroupResource& resource, std::span<const kube::ObjectMeta> objects, TimePoint now,
                     bool inherited = false);

  // To be fed between StartChildIndex and StopChildIndex.
  ChildIndex& children() { return index_; }

  // The fence refused a request of the controller, for this object or for a create with these owners.
  void blocked(const ObjectRef& object);
  void blocked_create(std::span<const kube::OwnerReference> owners);

  // Whether proofs are to be waited for instead of the quiet window: true while the controller's metrics can be read.
  void expect_proof(bool expected) { proof_expected_ = expected; }
  // Every reconcile that ran at that moment has ended. Also true of the moment at which a controller process died.
  void processing_proof(TimePoint moment) { proof_ = std::max(proof_, moment); }
  // The metrics are about to be read, and not before the next step() is done. While proofs are expected, objects are
  // fenced in that step alone, so that none of them waits for its proof longer than one reading takes.
  void begin_round() { round_ = true; }

  // The answer to FindChildren. Without them (an error, or it takes too long) the ring decides where their owners go,
  // as it does for owners without children.
  void children_found(const ChildrenFound& found);

  // The answer to a request of an action. Patches answer with the object as the patch left it. Unknown ids are ignored.
  void answered(RequestId id, const Result<LiveObject>& result, TimePoint now);

  std::vector<Action> step(TimePoint now);
  // After step(now): when it has something to do again if only time passes; later than now. nullopt: never.
  std::optional<TimePoint> next_wake(TimePoint now) const;

  // Whether creates of controlled resources must go through Fence::try_create rather than create_unread.
  bool needs_owner_references() const { return !drains_.empty() || indexing_; }
  size_t waiting() const { return waiting_.size(); }
  size_t fenced() const { return active_.size(); }
  // Whether, when step() returned, objects waited for the controller to become quiet, or for a round.
  bool wants_proof() const { return wants_proof_; }

 private:
  enum class Phase { kWaiting, kQuiescing, kMoving, kAcknowledging };
  struct Drain {
    std::string uid;
    std::string resource_version;
    Phase phase = Phase::kWaiting;
    uint64_t order = 0;           // of this round; tells answers to requests of earlier ones
    bool asked = false;           // a request about the object itself is under way
    bool unsure = false;          // read it before anything else
    bool seen_meanwhile = false;  // the watch showed it draining since that request began
    bool acknowledge_sent = false;
    std::optional<TimePoint> unowned_since = {};  // acknowledged, and no shard has it
    bool overdue = false;
    bool inherited = false;  // it is not known yet where its children are
    bool parted = false;     // a child of it may be on another shard
    bool fenced_in_round = false;
    std::optional<Quiet> quiet;
    TimePoint seen_at, ready_at, fenced_at, quiet_at, moved_at;
    std::optional<TimePoint> idle_since;
    TimePoint retry_at = TimePoint::min();
    Backoff retry, retreat;
    ChildMoves children;
    uint64_t children_seen = 0;  // of the index's and the fence's changes, when the fence was told of its children
  };
  using Drains = std::map<ObjectRef, Drain>;
  struct Request {
    ObjectRef main;  // the drain's, or the tombstone's
    uint64_t order = 0;
    ObjectRef target;
    bool is_read = false;
    std::string owner_uid = {};  // of a child's release
  };
  static constexpr uint64_t kTombstone = 0;  // order of requests that are about tombstones

  bool has_room() const { return requests_.size() < options_.max_requests; }
  RequestId begin_request(Request request);
  void ask(Drains::iterator drain, bool is_read);

  void run_index(TimePoint now);
  void find_children();
  void admit(TimePoint now);
  void advance(Drains::iterator drain, TimePoint now);
  bool has_place(TimePoint now) const;
  std::optional<Quiet> quiet_by(const ObjectRef& object, Drain& drain, TimePoint now) const;
  bool advance_children(Drains::iterator drain, TimePoint now);
  void read_tombstones(TimePoint now);

  void settle(Drains::iterator drain, const LiveObject& live, TimePoint now);
  void await_owner(Drains::iterator drain, const LiveObject& live, TimePoint now);
  void fail(Drains::iterator drain, const Request& request, ErrorKind kind, TimePoint now);
  void conclude(Drains::iterator drain, Finished::Outcome outcome, TimePoint now);
  void finish(Drains::iterator drain, Finished::Outcome outcome, TimePoint now);
  void retreat(Drains::iterator drain, TimePoint now);
  void lift(Drains::iterator drain);
  void wait(Drains::iterator drain, TimePoint ready_at);
  void adapt_batch(Duration moving, TimePoint now);
  void tombstone_answered(const ObjectRef& target, const Result<LiveObject>& result, TimePoint now);
  void add_wakes(const Drain& drain, Wake& wake) const;

  HandoverOptions options_;
  Fence& fence_;
  ChildIndex index_;
  Tombstones tombstones_;
  Drains drains_;
  std::set<std::tuple<TimePoint, uint64_t, ObjectRef>> waiting_;  // by ready_at and order
  std::map<uint64_t, Drains::iterator> active_;                   // fenced, not buried; by order
  std::map<RequestId, Request> requests_;
  std::vector<Action> actions_;
  uint64_t next_order_ = kTombstone + 1;
  RequestId next_request_ = 1;
  size_t batch_;
  Duration average_move_ = {};  // of the latest, the newest weighing most
  TimePoint batch_adapted_at_ = TimePoint::min();
  TimePoint proof_ = TimePoint::min();
  bool proof_expected_ = false;
  bool round_ = false;
  bool wants_proof_ = false;
  bool indexing_ = false;
  std::set<std::string> inherited_;  // UIDs of inherited objects, to be asked for
  std::set<std::string> sought_;     // those that have been asked for
  std::optional<TimePoint> index_idle_since_;
};

}  // namespace ringside::sidecar
