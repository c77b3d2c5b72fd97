// The children of one object on their way to the next shard.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/backoff.h"
#include "base/clock.h"
#include "base/error.h"
#include "sidecar/child_index.h"
#include "sidecar/handover_actions.h"
#include "sidecar/object_ref.h"
#include "sidecar/wake.h"

namespace ringside::sidecar {

// Each child that the index knows is released once: the first by itself, so that the ring says where they go, and the
// others to the shard that it got. The ring may be another by then, and children that part are made again by whoever
// gets their owner. If the first came back to this shard, all stay.
//
// A conflict or an answer that says nothing leads to a live read, and what that shows decides. A child that was
// released and given to nobody, since the webhook was away, is taken back: the next shard would not see it, nor would
// this one if the owner returned to service.
class ChildMoves {
 public:
  enum class Kind { kRelease, kReclaim, kRead };
  struct Request {
    ObjectRef child;
    Kind kind = Kind::kRelease;
    std::string resource_version;  // unless it is a read
    std::string shard;             // to name; empty: the ring decides
  };

  // Takes in children that the index has learnt of, and takes those that left it for moved; but where one went that a
  // release of ours may have moved, its answer being lost, is read.
  void sync(const ChildIndex& index, const std::string& owner_uid);

  // A request that is due, which is then taken to be under way; nullopt if there is none. `shard` is the own one.
  std::optional<Request> next(const ChildIndex& index, std::string_view shard, TimePoint now);

  // False if it cannot succeed: forbidden or invalid. `shard` is the own one, `random` spreads retries.
  bool answered(const ObjectRef& child, const Result<LiveObject>& result, std::string_view shard, TimePoint now,
                uint64_t random);

  // Some of the children are on that shard already: released by the process before this one.
  void found_on(const std::string& shard);
  // The owner returns to service and will be tried again. Where children have gone until now is remembered.
  void begin_anew();

  bool done() const { return open_ == 0; }
  // The shard that has the children that were moved; empty if there are none, or if they are on several.
  const std::string& destination() const { return destination_; }
  // When the last of them was released.
  std::optional<TimePoint> last_release() const { return last_release_; }
  size_t size() const { return moves_.size(); }
  // When next() has something again.
  void add_wakes(Wake& wake) const;

 private:
  enum class State { kOpen, kAsked, kDone };
  struct Move {
    State state = State::kOpen;
    Kind next = Kind::kRelease;    // what is to be asked, or was
    std::string resource_version;  // of a live read, if newer than the index's
    TimePoint not_before = TimePoint::min();
    Backoff backoff;
  };

  bool has_destination() const { return scattered_ || !destination_.empty(); }
  void finish(Move& move);

  std::map<ObjectRef, Move> moves_;
  size_t open_ = 0;  // those that are not done
  std::string destination_;
  bool scattered_ = false;
  std::optional<TimePoint> last_release_;
};

}  // namespace ringside::sidecar
