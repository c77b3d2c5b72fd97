// Any JSON as the Lease of a shard or of an election, looked at as time passes: states only get worse, and no time in
// it is too far off to reckon with.
#include "sharding/lease_state.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "kube/leader_election.h"
#include "tests/fuzz/require.h"

using namespace ringside;
using fuzz::require;

namespace {

constexpr TimePoint kNow{std::chrono::hours(1)};
constexpr WallTime kWallNow{std::chrono::seconds(1'790'000'000)};

void check_observer(const sharding::LeaseRecord& record) {
  sharding::LeaseObserver observer;
  observer.observe(record, kNow, kWallNow);
  sharding::ShardState before = sharding::ShardState::kReady;
  for (auto passed : {0, 1, 16, 61, 3600, 100'000'000}) {
    TimePoint now = kNow + std::chrono::seconds(passed);
    sharding::ShardStatus status = observer.status(now);
    require(status.state >= before && status.look_again > Duration::zero());
    require(sharding::parse_shard_state(to_string(status.state)) == status.state);
    before = status.state;
    observer.observe(record, now, kWallNow);  // unchanged
  }
  observer.on_gap_ended(kNow);
  require(sharding::status_by_wall_clock(record, kWallNow).look_again > Duration::zero());
}

void check_election(const json::Value& lease) {
  kube::ObservedElection us({.ns = "ns", .name = "election", .identity = "us"});
  us.observe(lease, kNow);
  require(us.may_take(kNow) || !us.holder().empty());
  json::Value taken = us.acquired(kWallNow), released = us.released(kWallNow);
  us.observe(taken, kNow);
  require(us.held_by_us() && us.may_take(kNow));
  us.observe(released, kNow);
  require(us.holder().empty() && us.may_take(kNow));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto lease = json::parse(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!lease) return 0;
  check_observer(sharding::parse_lease_record(*lease));
  check_election(*lease);
  return 0;
}
