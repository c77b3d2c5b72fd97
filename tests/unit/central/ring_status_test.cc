#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "central/ring_reconciler.h"
#include "central/shard_lease_reconciler.h"

namespace ringside::central {
namespace {

using std::chrono::seconds;

constexpr WallTime kNow{seconds(1'790'000'000)};

TEST(RingStatusTest, GoodRingIsReady) {
  auto status = make_ring_status({}, 3, 5, 4, std::nullopt, kNow);
  EXPECT_EQ(status.observed_generation, 3);
  EXPECT_EQ(status.shards, 5);
  EXPECT_EQ(status.available_shards, 4);
  ASSERT_EQ(status.conditions.size(), 1u);
  EXPECT_EQ(status.conditions[0].type, "Ready");
  EXPECT_EQ(status.conditions[0].status, "True");
  EXPECT_EQ(status.conditions[0].reason, "ReconciliationSucceeded");
}

TEST(RingStatusTest, ProblemIsSaidInWordsAndPermissionsHaveAReasonOfTheirOwn) {
  auto forbidden = make_ring_status({}, 1, 0, 0, trouble_of(Error{ErrorKind::kForbidden, "cannot list secrets"}), kNow);
  EXPECT_EQ(forbidden.conditions[0].status, "False");
  EXPECT_EQ(forbidden.conditions[0].reason, "PermissionMissing");
  EXPECT_EQ(forbidden.conditions[0].message, "cannot list secrets");
  auto other = make_ring_status({}, 1, 0, 0, trouble_of(Error{ErrorKind::kRetry, "try again"}), kNow);
  EXPECT_EQ(other.conditions[0].reason, "ReconciliationFailed");
}

TEST(RingStatusTest, ThereIsExactlyOneConditionAndItsTransitionTimeIsKept) {
  auto status = make_ring_status({}, 1, 0, 0, std::nullopt, kNow);
  status.conditions.push_back({.type = "Other", .status = "True", .reason = "X", .message = ""});
  status = make_ring_status(status, 2, 1, 1, std::nullopt, kNow + seconds(60));
  ASSERT_EQ(status.conditions.size(), 1u);
  EXPECT_EQ(status.conditions[0].last_transition_time, kNow);
  EXPECT_EQ(status.conditions[0].observed_generation, 2);
  status = make_ring_status(status, 2, 1, 1, trouble_of(Error{ErrorKind::kRetry, "x"}), kNow + seconds(90));
  EXPECT_EQ(status.conditions[0].last_transition_time, kNow + seconds(90));
}

TEST(TakenLeaseTest, IsHeldByCentralForTwiceTheDuration) {
  auto lease = json::parse(R"({"metadata":{"name":"a","resourceVersion":"7","labels":{"x":"y"}},
                               "spec":{"holderIdentity":"a","leaseDurationSeconds":10,"leaseTransitions":2,
                                       "acquireTime":"2026-01-01T00:00:00.000000Z",
                                       "renewTime":"2026-01-01T00:00:00.000000Z","strategy":"s"}})")
                   .value();
  json::Value taken = taken_lease(lease, kNow);
  EXPECT_EQ(taken.string_at({"spec", "holderIdentity"}), "shardlease-controller");
  EXPECT_EQ(taken.int_at({"spec", "leaseDurationSeconds"}), 20);
  EXPECT_EQ(taken.int_at({"spec", "leaseTransitions"}), 3);
  EXPECT_EQ(taken.string_at({"spec", "renewTime"}), taken.string_at({"spec", "acquireTime"}));
  EXPECT_EQ(taken.string_at({"spec", "strategy"}), "s");
  EXPECT_EQ(taken.string_at({"metadata", "resourceVersion"}), "7");
  EXPECT_EQ(taken.string_at({"metadata", "labels", "x"}), "y");
  EXPECT_EQ(taken.string_at({"metadata", "labels", "alpha.sharding.timebertt.dev/state"}), "dead");
}

TEST(TakenLeaseTest, WithoutADurationTheDefaultCounts) {
  json::Value lease;
  lease["metadata"]["name"] = "a";
  EXPECT_EQ(taken_lease(lease, kNow).int_at({"spec", "leaseDurationSeconds"}), 30);
}

TEST(RingStatusTest, SyncsThatFoundNothingUnusualAreNoTrouble) {
  EXPECT_EQ(trouble_of(SyncOutcome{}), std::nullopt);
}

TEST(RingStatusTest, ObjectsThatNobodyHadAssignedAreNamedAndCounted) {
  auto trouble = trouble_of(SyncOutcome{.problem = std::nullopt, .orphans = 3, .orphan = "secrets default/foo"});
  ASSERT_TRUE(trouble);
  EXPECT_EQ(trouble->reason, "ObjectsUnassigned");
  EXPECT_THAT(trouble->message, testing::StartsWith("3 objects had no shard, for example secrets default/foo"));
  EXPECT_THAT(trouble->message, testing::EndsWith("they have been assigned now"));
}

TEST(RingStatusTest, WhatKeepsThemFromBeingAssignedDecidesTheReason) {
  auto trouble = trouble_of(SyncOutcome{
      .problem = Error{ErrorKind::kForbidden, "cannot patch secrets"}, .orphans = 1, .orphan = "secrets default/foo"});
  ASSERT_TRUE(trouble);
  EXPECT_EQ(trouble->reason, "PermissionMissing");
  EXPECT_THAT(trouble->message, testing::StartsWith("1 object had no shard"));
  EXPECT_THAT(trouble->message, testing::EndsWith("assigning them failed: cannot patch secrets"));
}

}  // namespace
}  // namespace ringside::central
