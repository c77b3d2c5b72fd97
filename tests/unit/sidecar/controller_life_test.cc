#include "sidecar/controller_life.h"

#include <gtest/gtest.h>

#include "tests/support/fake_leases.h"
#include "tests/support/run_task.h"

namespace ringside::sidecar {
namespace {

using namespace std::chrono_literals;
using testing::FakeLeases;

const std::string kName = "ns/op-0";

class ControllerLifeTest : public ::testing::Test {
 protected:
  event::SimulatedLoop& loop() { return api_.api.loop; }
  std::string holder() { return api_.exists(kName) ? api_.holder(kName) : "nobody"; }

  void make(ControllerLife::Options options) { life_.emplace(loop(), Logger(), options, bridge_, lease_); }
  ControllerLifeTest() { make({}); }

  // A controller without leader election that works.
  void work() {
    life_->on_connections_changed(2);
    life_->on_ring_read();
    loop().advance(3s);
    ASSERT_TRUE(lease_.held());
  }

  // A controller with leader election that works.
  void lead() {
    life_->on_connections_changed(2);
    kube::Lease lease;
    lease.metadata.name = "election";
    lease.holder_identity = "me";
    http::Request request;
    request.head.headers.add("content-type", "application/json");
    request.body = kube::to_body(lease, kube::Encoding::kJson);
    auto answer = testing::run(loop(), bridge_.handle("ns", "", "create", request));
    ASSERT_TRUE(answer && answer->status == 201);
    ASSERT_TRUE(lease_.held());
  }

  FakeLeases api_;
  ShardLease lease_{api_.api.client, Logger(), {.ring = "r", .shard = "op-0", .ns = "ns"}};
  ElectionBridge bridge_{api_.api.client, Logger(), "r", {}, lease_};
  std::optional<ControllerLife> life_;
};

TEST_F(ControllerLifeTest, WithoutElectionTheLeaseFollowsConnectionsAndReads) {
  life_->on_connections_changed(1);
  loop().advance(1min);
  EXPECT_EQ(holder(), "nobody") << "it is connected, but does not read the ring's resources yet";
  life_->on_ring_read();
  loop().advance(3s - 1ns);
  EXPECT_EQ(holder(), "nobody") << "it may yet begin an election";
  loop().advance(1ns);
  EXPECT_EQ(holder(), "op-0");
  WallTime acquired = *api_.lease(kName).renew_time;
  loop().advance(2s);
  EXPECT_EQ(*api_.lease(kName).renew_time, acquired + 2s);
  loop().advance(1min);
  EXPECT_TRUE(lease_.held());
}

TEST_F(ControllerLifeTest, KnownToHaveNoElectionItNeedNotWait) {
  make({.election_wait = Duration::zero()});
  life_->on_connections_changed(1);
  life_->on_ring_read();
  loop().advance(0s);
  EXPECT_TRUE(lease_.held());
}

TEST_F(ControllerLifeTest, AnElectionAlonePushesTheLease) {
  lead();
  life_->on_ring_read();
  loop().advance(15s);
  EXPECT_FALSE(lease_.held()) << "connected and reading, but it does not renew: it hangs";
  EXPECT_EQ(holder(), "op-0") << "expiry is for central to judge";
}

TEST_F(ControllerLifeTest, AnElectionThatBeginsLateTakesOver) {
  work();
  lead();
  loop().advance(2s);
  WallTime last = *api_.lease(kName).renew_time;
  loop().advance(10s);
  EXPECT_EQ(*api_.lease(kName).renew_time, last) << "nothing is renewed without the controller any more";
}

TEST_F(ControllerLifeTest, DeathReleasesAfterTheGrace) {
  work();
  life_->on_connections_changed(0);
  loop().advance(3s - 1ns);
  EXPECT_EQ(holder(), "op-0");
  EXPECT_TRUE(lease_.held());
  loop().advance(1ns);
  EXPECT_EQ(holder(), "");
  EXPECT_FALSE(lease_.held());
}

TEST_F(ControllerLifeTest, DeathOfALeaderReleasesAfterTheGrace) {
  lead();
  life_->on_connections_changed(0);
  EXPECT_FALSE(bridge_.leading()) << "the next process need not wait for it";
  loop().advance(3s);
  EXPECT_EQ(holder(), "");
}

TEST_F(ControllerLifeTest, APodFrozenWithinTheGraceKeepsTheShardOnWaking) {
  work();
  life_->on_connections_changed(0);
  loop().advance(3s - 1ms);
  loop().stall(5s);  // the controller was about to connect
  loop().run_ready();
  EXPECT_TRUE(lease_.held());
  loop().advance(400ms);
  life_->on_connections_changed(1);
  loop().advance(3s);
  EXPECT_EQ(holder(), "op-0");
  EXPECT_FALSE(api_.lease(kName).lease_transitions) << "never released";
}

TEST_F(ControllerLifeTest, WhoComesBackWithinTheGraceKeepsTheShard) {
  work();
  life_->on_connections_changed(0);
  loop().advance(2s);
  life_->on_connections_changed(1);
  life_->on_ring_read();
  loop().advance(3s);
  EXPECT_EQ(holder(), "op-0");
  EXPECT_FALSE(api_.lease(kName).lease_transitions) << "never released";
  loop().advance(20s);
  EXPECT_TRUE(lease_.held());
}

TEST_F(ControllerLifeTest, ARestartedControllerIsAwaitedAnew) {
  work();
  life_->on_connections_changed(0);
  loop().advance(2s);
  life_->on_connections_changed(1);
  WallTime last = *api_.lease(kName).renew_time;
  loop().advance(10s);
  EXPECT_EQ(*api_.lease(kName).renew_time, last) << "its second process does not read yet";
}

TEST_F(ControllerLifeTest, DeathWhileARenewalIsUnderWay) {
  work();
  api_.hold_back = true;
  loop().advance(2s);
  ASSERT_EQ(api_.waiting(), 1u);
  life_->on_connections_changed(0);
  api_.process_next();  // done, and nobody hears of it
  api_.hold_back = false;
  loop().advance(3s);
  EXPECT_EQ(holder(), "");
  EXPECT_FALSE(lease_.held());
}

TEST_F(ControllerLifeTest, ALostLeaseIsTriedAgain) {
  work();
  api_.hold_by(kName, "shardlease-controller", 30);
  loop().advance(2s);
  EXPECT_FALSE(lease_.held());
  loop().advance(31s);
  EXPECT_TRUE(lease_.held());
  EXPECT_EQ(holder(), "op-0");
}

TEST_F(ControllerLifeTest, AnApiServerThatIsAwayIsTriedAgain) {
  work();
  api_.fault = kube::service_unavailable("down", 1);
  loop().advance(20s);
  EXPECT_FALSE(lease_.held());
  api_.fault.reset();
  loop().advance(2s);
  EXPECT_TRUE(lease_.held());
}

TEST_F(ControllerLifeTest, WindingUpWaitsForTheControllerAndReleases) {
  work();
  event::Job end(loop(), life_->wind_up(5s));
  loop().advance(4s);
  EXPECT_EQ(holder(), "op-0");
  life_->on_connections_changed(0);
  loop().run_ready();
  EXPECT_EQ(holder(), "") << "at once: nothing comes back to a sidecar that ends";
}

TEST_F(ControllerLifeTest, WindingUpLeavesTheLeaseOfAControllerThatStays) {
  work();
  event::Job end(loop(), life_->wind_up(5s));
  loop().advance(1min);
  EXPECT_EQ(holder(), "op-0") << "the next sidecar of the pod serves it";
}

}  // namespace
}  // namespace ringside::sidecar
