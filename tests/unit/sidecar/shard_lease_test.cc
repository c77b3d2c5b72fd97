#include "sidecar/shard_lease.h"

#include <gtest/gtest.h>

#include "sharding/names.h"
#include "tests/support/fake_leases.h"
#include "tests/support/run_task.h"

namespace ringside::sidecar {
namespace {

using namespace std::chrono_literals;
using testing::FakeLeases;
using testing::run;
using testing::Started;

const std::string kName = "ns/op-0";

class ShardLeaseTest : public ::testing::Test {
 protected:
  ShardLeaseTest() {
    lease_.set_on_change([this] { ++changes_; });
  }

  Result<void> hold() { return run(loop(), lease_.hold()); }
  Result<void> release() { return run(loop(), lease_.release()); }
  Result<void> retire() { return run(loop(), lease_.retire()); }
  event::SimulatedLoop& loop() { return api_.api.loop; }
  std::string state_label() { return std::string(api_.lease(kName).metadata.label(sharding::kStateLabel)); }
  void label(const char* state) {
    api_.change(kName, [&](kube::Lease& lease) { lease.metadata.labels[std::string(sharding::kStateLabel)] = state; });
  }

  FakeLeases api_;
  ShardLease lease_{api_.api.client, Logger(), {.ring = "r", .shard = "op-0", .ns = "ns"}};
  int changes_ = 0;
};

TEST_F(ShardLeaseTest, IsMadeWithTheRingsLabelAndRenewed) {
  ASSERT_TRUE(hold());
  EXPECT_TRUE(lease_.held());
  kube::Lease made = api_.lease(kName);
  EXPECT_EQ(made.holder_identity, "op-0");
  EXPECT_EQ(made.lease_duration_seconds, 15);
  EXPECT_EQ(made.metadata.label("alpha.sharding.timebertt.dev/controllerring"), "r");
  EXPECT_EQ(made.acquire_time, made.renew_time);
  loop().advance(2s);
  size_t before = api_.requests;
  ASSERT_TRUE(hold());
  EXPECT_EQ(api_.requests, before + 1) << "a renewal is one request";
  EXPECT_EQ(api_.lease(kName).acquire_time, made.acquire_time);
  EXPECT_EQ(*api_.lease(kName).renew_time, *made.renew_time + 2s);
  EXPECT_EQ(changes_, 1) << "acquired";
}

TEST_F(ShardLeaseTest, CountsFromBeforeTheRequestWasSent) {
  api_.hold_back = true;
  Started<Result<void>> hold(loop(), lease_.hold());
  loop().run_ready();
  api_.serve_next();  // it is not there
  loop().advance(4s);
  EXPECT_FALSE(lease_.held());
  api_.serve_next();
  ASSERT_TRUE(hold.result());
  loop().advance(11s - 1ns);
  EXPECT_TRUE(lease_.held());
  loop().advance(1ns);
  EXPECT_FALSE(lease_.held()) << "15 s after the request was sent";
}

TEST_F(ShardLeaseTest, AConflictIsReadAndRenewedInTheSameCall) {
  ASSERT_TRUE(hold());
  api_.change(kName, [](kube::Lease& lease) { lease.metadata.labels["state"] = "ready"; });  // central
  ASSERT_TRUE(hold());
  EXPECT_TRUE(lease_.held());
  EXPECT_EQ(api_.lease(kName).metadata.label("state"), "ready");
}

TEST_F(ShardLeaseTest, AnUnreachableApiServerDoesNotEndItBeforeItsTime) {
  ASSERT_TRUE(hold());
  api_.fault = kube::service_unavailable("down", 1);
  loop().advance(10s);
  EXPECT_EQ(hold().error().kind, ErrorKind::kRetry);
  EXPECT_TRUE(lease_.held());
  loop().advance(5s);
  EXPECT_FALSE(lease_.held());
  api_.fault.reset();
  ASSERT_TRUE(hold()) << "nobody took it meanwhile";
  EXPECT_TRUE(lease_.held());
}

TEST_F(ShardLeaseTest, ALostLeaseIsKnownAtTheNextRenewalAndComesBackByOurOwnObservation) {
  ASSERT_TRUE(hold());
  // As central takes it; the clock of its node is an hour ahead, which must not matter.
  api_.change(kName, [this](kube::Lease& lease) {
    lease.holder_identity = "shardlease-controller";
    lease.lease_duration_seconds = 30;
    lease.renew_time = loop().wall_now() + 1h;
  });
  auto lost = hold();
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().kind, ErrorKind::kConflict);
  EXPECT_NE(lost.error().message.find("'shardlease-controller'; it is ours again if it is not renewed for 30 s"),
            std::string::npos)
      << lost.error().message;
  EXPECT_FALSE(lease_.held());
  EXPECT_EQ(changes_, 2) << "acquired, lost";
  loop().advance(30s - 1ns);
  EXPECT_FALSE(hold());
  loop().advance(1ns);
  ASSERT_TRUE(hold());
  EXPECT_TRUE(lease_.held());
  EXPECT_EQ(api_.holder(kName), "op-0");
  EXPECT_EQ(api_.lease(kName).lease_transitions, 1);
}

TEST_F(ShardLeaseTest, AnotherHolderThatRenewsKeepsItHoweverOldItsTimesAre) {
  for (int i = 0; i < 5; ++i) {
    api_.change(kName, [this, i](kube::Lease& lease) {
      lease.holder_identity = "other";
      lease.lease_duration_seconds = 10;
      lease.renew_time = loop().wall_now() - 24h + i * 1s;
    });
    EXPECT_FALSE(hold()) << i;
    loop().advance(9s);
    EXPECT_FALSE(hold()) << i;
  }
  loop().advance(1s);
  EXPECT_TRUE(hold());
}

TEST_F(ShardLeaseTest, TwoSidecarsOfOnePodThatMakeItAtOnceAgree) {
  api_.hold_back = true;
  Started<Result<void>> hold(loop(), lease_.hold());
  loop().run_ready();
  api_.serve_next();  // it is not there
  api_.hold_back = false;
  api_.hold_by(kName, "op-0", 15);  // the container that is being replaced
  api_.serve_next();                // AlreadyExists
  ASSERT_TRUE(hold.done());
  EXPECT_TRUE(hold.result());
  EXPECT_TRUE(lease_.held());
}

TEST_F(ShardLeaseTest, ALeaseThatWasDeletedIsMadeAgain) {
  ASSERT_TRUE(hold());
  api_.remove(kName);
  EXPECT_TRUE(hold());
  EXPECT_EQ(api_.holder(kName), "op-0");
}

TEST_F(ShardLeaseTest, ReleaseGivesItUpAtOnce) {
  ASSERT_TRUE(hold());
  ASSERT_TRUE(release());
  EXPECT_FALSE(lease_.held());
  EXPECT_EQ(api_.lease(kName).holder_identity, "");
  EXPECT_EQ(api_.lease(kName).lease_duration_seconds, 15) << "it may be back within its duration";
  size_t before = api_.requests;
  ASSERT_TRUE(release());
  EXPECT_EQ(api_.requests, before) << "there is nothing to release";
}

TEST_F(ShardLeaseTest, RetiredIsReleasedForGood) {
  ASSERT_TRUE(hold());
  ASSERT_TRUE(retire());
  EXPECT_FALSE(lease_.held());
  EXPECT_EQ(api_.lease(kName).holder_identity, "");
  EXPECT_EQ(api_.lease(kName).lease_duration_seconds, 1);
  EXPECT_EQ(state_label(), "dead");
  size_t before = api_.requests;
  ASSERT_TRUE(retire());
  ASSERT_TRUE(release());
  EXPECT_EQ(api_.requests, before);
}

TEST_F(ShardLeaseTest, RetiredAfterItWasReleased) {
  ASSERT_TRUE(hold());
  ASSERT_TRUE(release());
  label("orphaned");
  ASSERT_TRUE(retire());
  EXPECT_EQ(api_.lease(kName).lease_duration_seconds, 1);
  EXPECT_EQ(state_label(), "orphaned") << "that is central's to say";
}

TEST_F(ShardLeaseTest, RetiringLeavesToAnotherWhatIsAnothers) {
  ASSERT_TRUE(hold());
  ASSERT_TRUE(release());
  api_.hold_by(kName, "shardlease-controller", 30);
  ASSERT_TRUE(retire());
  EXPECT_EQ(api_.holder(kName), "shardlease-controller");
  EXPECT_EQ(api_.lease(kName).lease_duration_seconds, 30);
}

TEST_F(ShardLeaseTest, OnceReleasedItCountsAgainWhenCentralHasMovedWhatTheShardLeft) {
  ASSERT_TRUE(hold());
  ASSERT_TRUE(release());
  EXPECT_EQ(state_label(), "dead") << "whether central has seen it or not";
  Started<Result<void>> hold(loop(), lease_.hold());
  loop().advance(500ms);
  EXPECT_FALSE(hold.done());
  EXPECT_EQ(api_.holder(kName), "op-0") << "central must see that the shard is back";
  EXPECT_EQ(state_label(), "dead");
  label("ready");
  EXPECT_FALSE(lease_.held());
  loop().advance(200ms);
  ASSERT_TRUE(hold.done());
  EXPECT_TRUE(hold.result());
  EXPECT_TRUE(lease_.held());
}

TEST_F(ShardLeaseTest, AShardThatWasTakenForDeadWaitsToo) {
  api_.hold_by(kName, "", 15);
  label("orphaned");
  Started<Result<void>> hold(loop(), lease_.hold());
  loop().advance(1100ms);
  ASSERT_TRUE(hold.done()) << "the controller wants an answer";
  ASSERT_FALSE(hold.result());
  EXPECT_EQ(hold.result().error().kind, ErrorKind::kRetry);
  EXPECT_FALSE(lease_.held());
}

TEST_F(ShardLeaseTest, NobodyWaitsForEverForCentral) {
  ASSERT_TRUE(hold());
  ASSERT_TRUE(release());
  for (TimePoint end = loop().now() + ShardLease::kReturnPatience; loop().now() < end;) {
    Started<Result<void>> hold(loop(), lease_.hold());
    loop().advance(1100ms);
    ASSERT_TRUE(hold.done());
    EXPECT_EQ(hold.result().has_value(), loop().now() >= end);
  }
  EXPECT_TRUE(lease_.held()) << "there may be no central";
  EXPECT_EQ(state_label(), "dead");
  ASSERT_TRUE(hold()) << "a renewal waits for nothing";
}

TEST_F(ShardLeaseTest, AnApiServerThatIsSilentIsNotACentralThatIsNotThere) {
  ASSERT_TRUE(hold());
  ASSERT_TRUE(release());
  {
    Started<Result<void>> hold(loop(), lease_.hold());
    loop().advance(250ms);
    api_.hold_back = true;
    loop().advance(ShardLease::kReturnPatience);
    ASSERT_EQ(api_.waiting(), 1u);
    api_.hold_back = false;
    api_.serve_next();
    loop().run_ready();
    ASSERT_TRUE(hold.done());
    EXPECT_FALSE(hold.result());
  }
  Started<Result<void>> again(loop(), lease_.hold());
  loop().advance(500ms);
  EXPECT_FALSE(lease_.held()) << "central could not move anything either";
  label("ready");
  loop().advance(200ms);
  ASSERT_TRUE(again.done());
  EXPECT_TRUE(lease_.held());
}

TEST_F(ShardLeaseTest, LostAgainWhileItWaits) {
  ASSERT_TRUE(hold());
  ASSERT_TRUE(release());
  Started<Result<void>> hold(loop(), lease_.hold());
  loop().advance(300ms);
  api_.hold_by(kName, "shardlease-controller", 30);
  label("ready");
  loop().advance(200ms);
  ASSERT_TRUE(hold.done());
  EXPECT_FALSE(hold.result());
  EXPECT_FALSE(lease_.held());
}

TEST_F(ShardLeaseTest, ReleaseWhileARenewalIsUnderWayComesAfterIt) {
  ASSERT_TRUE(hold());
  api_.hold_back = true;
  Started<Result<void>> renewal(loop(), lease_.hold());
  Started<Result<void>> release(loop(), lease_.release());
  loop().run_ready();
  EXPECT_EQ(api_.waiting(), 1u) << "one at a time";
  api_.serve_next();
  ASSERT_TRUE(renewal.done());
  api_.serve_next();
  ASSERT_TRUE(release.done());
  ASSERT_TRUE(release.result());
  EXPECT_FALSE(lease_.held());
  EXPECT_EQ(api_.lease(kName).holder_identity, "");
}

TEST_F(ShardLeaseTest, ReleaseAfterARenewalWhoseAnswerWasLost) {
  ASSERT_TRUE(hold());
  api_.hold_back = true;
  {
    Started<Result<void>> renewal(loop(), lease_.hold());
    loop().run_ready();
    api_.process_next();
  }  // given up; what we know of the Lease is old now
  api_.hold_back = false;
  ASSERT_TRUE(release());
  EXPECT_EQ(api_.lease(kName).holder_identity, "");
}

TEST_F(ShardLeaseTest, ReleaseLeavesToAnotherWhatIsAnothers) {
  ASSERT_TRUE(hold());
  api_.hold_by(kName, "shardlease-controller", 30);
  EXPECT_TRUE(release());
  EXPECT_FALSE(lease_.held());
  EXPECT_EQ(api_.holder(kName), "shardlease-controller");
}

TEST_F(ShardLeaseTest, AReleaseThatFailsStillEndsItHere) {
  ASSERT_TRUE(hold());
  api_.fault = kube::service_unavailable("down", 1);
  EXPECT_FALSE(release());
  EXPECT_FALSE(lease_.held()) << "nothing is written under a Lease that we wanted to be without";
}

}  // namespace
}  // namespace ringside::sidecar
