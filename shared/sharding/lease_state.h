// What a shard Lease says about its shard (protocol.md, "Shard Lease states"), by the clock in the Lease and by our
// own.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/json.h"

namespace ringside::sharding {

enum class ShardState {
  kReady,      // held by the shard, not expired
  kExpired,    // expired less than one duration ago
  kUncertain,  // expired at least one duration ago: central takes the Lease
  kDead,       // released, or taken by central: its objects move at once
  kOrphaned,   // dead, and expired for at least a minute: central deletes the Lease
};

// Whether objects are assigned to a shard in this state: ready, expired and uncertain.
bool is_available(ShardState state);

// "ready", "expired", ...: the value of kStateLabel.
std::string_view to_string(ShardState state);
// nullopt for anything else, also for the reference's "unknown".
std::optional<ShardState> parse_shard_state(std::string_view text);

// Whether the value of kStateLabel says that the shard has lost its objects: dead or orphaned. A shard that holds its
// Lease again keeps the label until central has moved what the shard left.
bool is_labelled_dead(std::string_view label);

// The fields of a coordination.k8s.io/v1 Lease that decide its shard's state.
struct LeaseRecord {
  std::string name;
  std::string holder;                            // empty: released
  std::optional<std::chrono::seconds> duration;  // within 1 s and the largest int32
  std::optional<WallTime> acquire_time;
  std::optional<WallTime> renew_time;

  bool operator==(const LeaseRecord&) const = default;

  // acquire_time, renew_time and duration are all there.
  bool has_times() const { return acquire_time && renew_time && duration; }
};

// Lenient: what is missing, unreadable or out of range is missing in the record.
LeaseRecord parse_lease_record(const json::Value& lease);

// For a Lease that lacks one of its times, which counts as expired.
inline constexpr Duration kDefaultLeaseDuration = std::chrono::seconds(15);
// How long a dead shard's Lease is kept after it expired.
inline constexpr Duration kOrphanedAfter = std::chrono::minutes(1);

struct ShardStatus {
  ShardState state = ShardState::kDead;
  // When to look again if nothing changes until then: at the next state, or where central has to act (kUncertain,
  // kOrphaned) after one duration, in case that failed. Above zero.
  Duration look_again = kDefaultLeaseDuration;

  bool operator==(const ShardStatus&) const = default;
};

// The table of the protocol, from the times in the Lease and a wall clock that is trusted to be that of its writer: for
// the command line and for tests. Without its times a Lease has expired now, whenever one looks. Central uses
// LeaseObserver.
ShardStatus status_by_wall_clock(const LeaseRecord& lease, WallTime now);

// The state of one Lease, timed from when we saw it change, as client-go's leader election does: clock skew between
// nodes neither kills a shard nor keeps one. A value; one for each Lease (by UID), in every replica and not only in the
// leader, so that a new leader goes on with what it saw as a standby.
//
// - Every change of a field of LeaseRecord is a renewal at the moment of observe(). A change of resourceVersion alone
// is
//   none: central's own patches of the state label must not prolong a Lease.
// - The first sight of a Lease is no change. Its age by the wall clock is believed up to one duration, and not below
//   zero: a Lease that expired long ago is `expired` at once, so that a dead shard outlives a restart of central by one
//   duration, not by two; but whatever the clocks say, it becomes `uncertain` only after it was not renewed for one
//   full duration before our eyes.
// - Released or taken is dead at first sight. A Lease without its times has expired when it was first seen so; unlike
// in
//   status_by_wall_clock it then becomes uncertain.
class LeaseObserver {
 public:
  // The Lease as it is now. Seeing it unchanged has no effect, however often.
  void observe(const LeaseRecord& lease, TimePoint now, WallTime wall_now);

  // We see again after we could not (a watch was down, the API server stalled), and this Lease has not changed: its
  // shard could not renew it either, perhaps. It becomes uncertain one full duration from now at the earliest. Call it
  // after observe() with what was seen first.
  void on_gap_ended(TimePoint now);

  // Must have observed something.
  ShardStatus status(TimePoint now) const;

  // The end of the duration that it was last changed with, whoever holds it.
  TimePoint expires_at() const { return expires_at_; }

  // What was observed last.
  const LeaseRecord& lease() const { return lease_; }

 private:
  LeaseRecord lease_;
  bool seen_ = false;
  TimePoint expires_at_;
};

}  // namespace ringside::sharding
