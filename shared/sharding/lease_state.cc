#include "sharding/lease_state.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "base/rfc3339.h"

namespace ringside::sharding {
namespace {

using std::chrono::microseconds;
using std::chrono::seconds;

constexpr std::array<std::pair<ShardState, std::string_view>, 5> kNames = {{
    {ShardState::kReady, "ready"},
    {ShardState::kExpired, "expired"},
    {ShardState::kUncertain, "uncertain"},
    {ShardState::kDead, "dead"},
    {ShardState::kOrphaned, "orphaned"},
}};

Duration duration_of(const LeaseRecord& lease) {
  return lease.has_times() ? Duration(*lease.duration) : kDefaultLeaseDuration;
}

// Times in a Lease are foreign: they may lie thousands of years apart, which nanoseconds do not hold.
Duration clamped(microseconds time) {
  constexpr microseconds kFar = std::chrono::hours(24 * 365 * 100);
  return std::clamp(time, -kFar, kFar);
}

// The table, for a Lease that expires in `to_expired` (negative: ago).
ShardStatus status_of(const LeaseRecord& lease, Duration to_expired) {
  Duration duration = duration_of(lease);
  if (lease.holder.empty() || lease.holder != lease.name) {
    Duration to_orphaned = to_expired + kOrphanedAfter;
    if (to_orphaned <= Duration::zero()) return {ShardState::kOrphaned, duration};
    return {ShardState::kDead, to_orphaned};
  }
  Duration to_uncertain = to_expired + duration;
  if (to_uncertain <= Duration::zero()) return {ShardState::kUncertain, duration};
  if (to_expired <= Duration::zero()) return {ShardState::kExpired, to_uncertain};
  return {ShardState::kReady, to_expired};
}

std::optional<WallTime> parse_time(const json::Value& lease, std::string_view name) {
  auto time = parse_rfc3339(lease.string_at({"spec", name}));
  return time ? std::optional(*time) : std::nullopt;
}

}  // namespace

bool is_available(ShardState state) {
  return state == ShardState::kReady || state == ShardState::kExpired || state == ShardState::kUncertain;
}

std::string_view to_string(ShardState state) {
  auto found = std::ranges::find(kNames, state, [](const auto& entry) { return entry.first; });
  return found == kNames.end() ? "unknown" : found->second;
}

std::optional<ShardState> parse_shard_state(std::string_view text) {
  auto found = std::ranges::find(kNames, text, [](const auto& entry) { return entry.second; });
  return found == kNames.end() ? std::nullopt : std::optional(found->first);
}

bool is_labelled_dead(std::string_view label) {
  auto state = parse_shard_state(label);
  return state && !is_available(*state);
}

LeaseRecord parse_lease_record(const json::Value& lease) {
  int64_t duration = lease.int_at({"spec", "leaseDurationSeconds"});
  bool valid = duration > 0 && duration <= std::numeric_limits<int32_t>::max();
  return {.name = std::string(lease.string_at({"metadata", "name"})),
          .holder = std::string(lease.string_at({"spec", "holderIdentity"})),
          .duration = valid ? std::optional(seconds(duration)) : std::nullopt,
          .acquire_time = parse_time(lease, "acquireTime"),
          .renew_time = parse_time(lease, "renewTime")};
}

ShardStatus status_by_wall_clock(const LeaseRecord& lease, WallTime now) {
  if (!lease.has_times()) return status_of(lease, Duration::zero());
  return status_of(lease, clamped(*lease.renew_time - now) + *lease.duration);
}

void LeaseObserver::observe(const LeaseRecord& lease, TimePoint now, WallTime wall_now) {
  if (seen_ && lease == lease_) return;
  Duration duration = duration_of(lease);
  Duration to_expired = duration;
  if (!lease.has_times()) {
    to_expired = Duration::zero();
  } else if (!seen_) {
    to_expired -= std::clamp(clamped(wall_now - *lease.renew_time), Duration::zero(), duration);
  }
  expires_at_ = now + to_expired;
  lease_ = lease;
  seen_ = true;
}

void LeaseObserver::on_gap_ended(TimePoint now) {
  expires_at_ = std::max(expires_at_, now);
}

ShardStatus LeaseObserver::status(TimePoint now) const {
  return status_of(lease_, expires_at_ - now);
}

}  // namespace ringside::sharding
