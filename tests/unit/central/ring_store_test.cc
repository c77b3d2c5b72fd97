// Which shards objects are assigned to: those that hold their Leases and are fenced.
#include <gmock/gmock.h>

#include "tests/unit/central/ring_world.h"

namespace ringside::central {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

using RingStoreTest = RingWorld;

TEST_F(RingStoreTest, AShardThatPublishesNoServiceAccountNeedsNoFence) {
  objects_["controllerrings"] = {ring()};
  start();
  see_lease(lease("a", ""));
  EXPECT_THAT(shards(), ElementsAre("a"));
}

TEST_F(RingStoreTest, ALeaseWhoseNameNoLabelCanHoldIsNoShard) {
  objects_["controllerrings"] = {ring()};
  start();
  see_lease(lease(std::string(63, 'a'), ""));
  see_lease(lease(std::string(64, 'b'), ""));
  EXPECT_THAT(shards(), ElementsAre(std::string(63, 'a')));
  EXPECT_EQ(store_->lease_count("r"), 1);
}

TEST_F(RingStoreTest, AShardIsAssignedToWhenItsFenceIsInForce) {
  objects_["controllerrings"] = {ring()};
  start();
  see_lease(lease("a", "x"));
  EXPECT_THAT(shards(), IsEmpty());
  EXPECT_EQ(store_->available_count("r"), 1);
  send(kBindings, "ADDED", binding("ns/other"));
  EXPECT_THAT(shards(), IsEmpty());
  send(kBindings, "MODIFIED", binding("ns/other,ns/x"));
  EXPECT_THAT(shards(), ElementsAre("a"));
  see_lease(lease("b", "x"));
  EXPECT_THAT(shards(), ElementsAre("a", "b"));
}

TEST_F(RingStoreTest, OnlyAnEnforcedFenceIsWaitedFor) {
  for (const char* mode : {"off", "warn"}) {
    objects_["controllerrings"] = {ring({{"alpha.sharding.timebertt.dev/fence", mode}})};
    start();
    see_lease(lease("a", "x"));
    EXPECT_THAT(shards(), ElementsAre("a")) << mode;
    // Enforced from now on: a shard that works is not taken out.
    send("controllerrings", "MODIFIED", ring());
    see_lease(lease("b", "x"));
    EXPECT_THAT(shards(), ElementsAre("a")) << mode;
    store_.reset();
  }
}

TEST_F(RingStoreTest, AShardThatWorksStaysWhateverBecomesOfTheFence) {
  objects_["controllerrings"] = {ring()};
  objects_[kBindings] = {binding("ns/x")};
  objects_["leases"] = {lease("a", "x")};
  start();
  EXPECT_THAT(shards(), ElementsAre("a"));
  send(kBindings, "DELETED", binding("ns/x"));
  see_lease(lease("a", "x"));
  EXPECT_THAT(shards(), ElementsAre("a"));
  see_lease(lease("a", "x", seconds(0), 0, ""));
  EXPECT_THAT(shards(), IsEmpty());
  see_lease(lease("a", "x"));
  EXPECT_THAT(shards(), IsEmpty()) << "it comes as a new one";
}

TEST_F(RingStoreTest, AShardThatWasLostBetweenTwoLooksIsANewOne) {
  objects_["controllerrings"] = {ring()};
  objects_[kBindings] = {binding("ns/x")};
  objects_["leases"] = {lease("a", "x")};
  start();
  send(kBindings, "DELETED", binding("ns/x"));
  see_lease(lease("a", "x", seconds(0), 1));
  EXPECT_THAT(shards(), IsEmpty());
}

TEST_F(RingStoreTest, NoShardWaitsForEver) {
  objects_["controllerrings"] = {ring()};
  start();
  see_lease(lease("a", "x"));
  api_.loop.advance(RingStore::kPatience - milliseconds(100));
  EXPECT_THAT(shards(), IsEmpty());
  api_.loop.advance(milliseconds(200));
  EXPECT_THAT(shards(), ElementsAre("a")) << "availability wins, and no event is needed for that";
}

TEST_F(RingStoreTest, AShardThatWasDeadWaitsUntilTheLeaderLabelsItReady) {
  objects_["controllerrings"] = {ring()};
  objects_["leases"] = {lease("a", "")};
  start();
  EXPECT_THAT(shards(), ElementsAre("a"));
  auto labelled = [this](const char* state, std::string holder) {
    json::Value item = lease("a", "", seconds(0), 0, holder);
    item["metadata"]["labels"]["alpha.sharding.timebertt.dev/state"] = state;
    return item;
  };
  see_lease(labelled("dead", ""));
  EXPECT_THAT(shards(), IsEmpty());
  see_lease(labelled("dead", "a"));
  EXPECT_THAT(shards(), IsEmpty()) << "what it left is being moved";
  see_lease(labelled("ready", "a"));
  EXPECT_THAT(shards(), ElementsAre("a"));
  see_lease(labelled("orphaned", "a"));
  EXPECT_THAT(shards(), ElementsAre("a")) << "a label alone does not take it away";
  see_lease(labelled("dead", ""));
  see_lease(labelled("dead", "a"));
  api_.loop.advance(RingStore::kPatience + milliseconds(100));
  EXPECT_THAT(shards(), ElementsAre("a")) << "there may be no leader";
}

TEST_F(RingStoreTest, AfterARestartNoShardWaitsAgain) {
  objects_["controllerrings"] = {ring()};
  objects_["leases"] = {lease("a", "x", seconds(31)), lease("b", "x", seconds(29)), lease("c", "x", seconds(-3600))};
  start();
  EXPECT_THAT(shards(), ElementsAre("a"));
  api_.loop.advance(milliseconds(1100));
  see_lease(lease("b", "x", seconds(30)));
  EXPECT_THAT(shards(), ElementsAre("a", "b"));
  api_.loop.advance(seconds(30));
  EXPECT_THAT(shards(), ElementsAre("a", "b", "c")) << "whatever its clock says";
}

TEST_F(RingStoreTest, WithoutPermissionForBindingsThereAreNoFences) {
  bindings_forbidden_ = true;
  objects_["controllerrings"] = {ring()};
  objects_["leases"] = {lease("a", "x")};
  start();
  EXPECT_EQ(synced_, 1);
  EXPECT_TRUE(store_->synced());
  EXPECT_THAT(shards(), ElementsAre("a"));
  ASSERT_TRUE(store_->fence_problem());
  EXPECT_NE(store_->fence_problem()->message.find(kBindings), std::string::npos);

  bindings_forbidden_ = false;
  api_.loop.advance(seconds(10));
  EXPECT_FALSE(store_->fence_problem());
  EXPECT_EQ(synced_, 1);
  EXPECT_THAT(shards(), ElementsAre("a"));
  see_lease(lease("b", "x"));
  EXPECT_THAT(shards(), ElementsAre("a")) << "new ones wait from now on";
}

TEST_F(RingStoreTest, ServiceAccountsAreThoseOfAllItsLeases) {
  objects_["controllerrings"] = {ring()};
  objects_["leases"] = {lease("a", "x"), lease("b", "y", seconds(0), 0, ""), lease("c", "bad'name"), lease("d", "")};
  start();
  EXPECT_EQ(store_->serviceaccounts("r"), (ServiceAccounts{{"ns", "x"}, {"ns", "y"}}));
  EXPECT_EQ(store_->available_count("r"), 3);
  EXPECT_TRUE(store_->has_sidecar("r", "a"));
  EXPECT_TRUE(store_->has_sidecar("r", "b"));
  EXPECT_FALSE(store_->has_sidecar("r", "d"));
  EXPECT_FALSE(store_->has_sidecar("other", "a"));
}

}  // namespace
}  // namespace ringside::central
