#include "kube/leader_election.h"

#include <gtest/gtest.h>

#include <limits>

namespace ringside::kube {
namespace {

using std::chrono::seconds;

constexpr WallTime kWall{seconds(1'790'000'000)};

LeaderElectionOptions options(std::string identity) {
  return {.ns = "sharding-system", .name = "sharder", .identity = std::move(identity)};
}

TimePoint at(int second) {
  return TimePoint(seconds(second));
}

TEST(ObservedElectionTest, FreeLeaseIsTakenAtOnce) {
  ObservedElection us(options("a"));
  us.observe(std::nullopt, at(0));
  EXPECT_TRUE(us.may_take(at(0)));
  EXPECT_FALSE(us.exists());
  json::Value lease = us.acquired(kWall);
  EXPECT_EQ(lease.string_at({"metadata", "name"}), "sharder");
  EXPECT_EQ(lease.string_at({"spec", "holderIdentity"}), "a");
  EXPECT_EQ(lease.int_at({"spec", "leaseDurationSeconds"}), 15);
  EXPECT_EQ(lease.int_at({"spec", "leaseTransitions"}), 0);
}

TEST(ObservedElectionTest, OtherLeadersLeaseExpiresByOurOwnObservationWhateverItsTimesSay) {
  ObservedElection other(options("b"));
  ObservedElection us(options("a"));
  us.observe(other.acquired(kWall - seconds(3600)), at(100));  // by its own times long over
  EXPECT_FALSE(us.may_take(at(114)));
  us.observe(other.acquired(kWall - seconds(3600)), at(110));  // seen again, unchanged
  EXPECT_TRUE(us.may_take(at(115)));
  us.observe(other.acquired(kWall), at(114));  // renewed
  EXPECT_FALSE(us.may_take(at(128)));
  EXPECT_TRUE(us.may_take(at(129)));
}

TEST(ObservedElectionTest, RenewalKeepsWhatTakingOverCounts) {
  ObservedElection other(options("b"));
  ObservedElection us(options("a"));
  us.observe(other.acquired(kWall), at(0));
  json::Value taken = us.acquired(kWall + seconds(30));
  EXPECT_EQ(taken.int_at({"spec", "leaseTransitions"}), 1);
  EXPECT_EQ(taken.string_at({"spec", "acquireTime"}), "2026-09-21T14:13:50.000000Z");

  us.observe(taken, at(30));
  json::Value renewed = us.acquired(kWall + seconds(32));
  EXPECT_EQ(renewed.int_at({"spec", "leaseTransitions"}), 1);
  EXPECT_EQ(renewed.string_at({"spec", "acquireTime"}), "2026-09-21T14:13:50.000000Z");
  EXPECT_EQ(renewed.string_at({"spec", "renewTime"}), "2026-09-21T14:13:52.000000Z");
}

TEST(ObservedElectionTest, ReleasedLeaseIsFreeForEverybody) {
  ObservedElection us(options("a"));
  us.observe(us.acquired(kWall), at(0));
  EXPECT_TRUE(us.held_by_us());
  ObservedElection other(options("b"));
  other.observe(us.released(kWall), at(1));
  EXPECT_TRUE(other.may_take(at(1)));
  EXPECT_EQ(other.holder(), "");
}

TEST(ObservedElectionTest, NumbersThatNoLeaseMayHoldAreCutToThoseThatItMay) {
  ObservedElection other(options("b"));
  json::Value lease = other.acquired(kWall);
  lease["spec"]["leaseDurationSeconds"] = std::numeric_limits<int64_t>::max();
  lease["spec"]["leaseTransitions"] = std::numeric_limits<int64_t>::max();
  ObservedElection us(options("a"));
  us.observe(lease, at(0));
  EXPECT_FALSE(us.may_take(at(3600)));
  EXPECT_EQ(us.acquired(kWall).int_at({"spec", "leaseTransitions"}), std::numeric_limits<int32_t>::max());

  lease["spec"]["leaseDurationSeconds"] = std::numeric_limits<int64_t>::min();
  lease["spec"]["leaseTransitions"] = -1;
  us.observe(lease, at(1));
  EXPECT_TRUE(us.may_take(at(1)));
  EXPECT_EQ(us.released(kWall).int_at({"spec", "leaseTransitions"}), 0);
}

TEST(ObservedElectionTest, FieldsThatWeDoNotKnowAreKept) {
  ObservedElection us(options("a"));
  json::Value lease = us.acquired(kWall);
  lease["metadata"]["resourceVersion"] = "7";
  lease["spec"]["strategy"] = "OldestEmulationVersion";
  us.observe(lease, at(0));
  EXPECT_EQ(us.acquired(kWall).string_at({"spec", "strategy"}), "OldestEmulationVersion");
  EXPECT_EQ(us.acquired(kWall).string_at({"metadata", "resourceVersion"}), "7");
}

}  // namespace
}  // namespace ringside::kube
