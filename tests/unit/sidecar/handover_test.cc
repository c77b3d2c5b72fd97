// From the first sight of a drain to its acknowledgement or its withdrawal.
#include "sidecar/handover.h"

#include <gtest/gtest.h>

#include "tests/unit/sidecar/handover_fixture.h"

namespace ringside::sidecar {
namespace {

using namespace std::chrono_literals;

TEST_F(HandoverTest, HandsOverChildrenFirst) {
  EXPECT_FALSE(handover_.needs_owner_references());
  see_drain(true);
  EXPECT_TRUE(handover_.needs_owner_references());
  EXPECT_TRUE(fence_.blocks(kX));
  EXPECT_TRUE(fence_.blocks(kChild));
  EXPECT_EQ(handover_.next_wake(now_), now_ + 300ms);
  now_ += 299ms;
  EXPECT_TRUE(idle());
  now_ += 1ms;
  std::optional<ReleaseChild> release = next<ReleaseChild>();
  ASSERT_TRUE(release);
  EXPECT_EQ(release->object, kChild);
  EXPECT_EQ(release->resource_version, "6");
  now_ += 10ms;
  EXPECT_TRUE(idle());
  answer(release->id, live("b", false, "8", "uid-child"));
  std::optional<Acknowledge> acknowledge = next<Acknowledge>();
  ASSERT_TRUE(acknowledge);
  EXPECT_EQ(acknowledge->resource_version, "5");
  now_ += 20ms;
  answer(acknowledge->id, live("b", false));
  std::optional<Finished> finished = next<Finished>();
  ASSERT_TRUE(finished);
  EXPECT_EQ(finished->outcome, Finished::Outcome::kAcknowledged);
  EXPECT_EQ(finished->children, 1u);
  EXPECT_EQ(finished->quiesced, Duration(300ms));
  EXPECT_EQ(finished->moved, Duration(10ms));
  EXPECT_EQ(finished->acknowledged, Duration(20ms));
  EXPECT_TRUE(fence_.blocks(kX));
  EXPECT_TRUE(fence_.blocks(kChild));
  now_ += 4s;
  EXPECT_TRUE(idle());
  now_ += 1s;
  EXPECT_TRUE(next<StopChildIndex>());
}

TEST_F(HandoverTest, WaitsInFullServiceUntilTheIndexIsReady) {
  handover_.drain_seen(kMain, meta(kX, "5"), now_);
  EXPECT_TRUE(next<StartChildIndex>());
  EXPECT_TRUE(idle());
  EXPECT_FALSE(fence_.blocks(kX));
  EXPECT_EQ(handover_.waiting(), 1u);
}

TEST_F(HandoverTest, ARequestUnderWayRestartsTheQuietWindow) {
  std::optional<InFlight> write = fence_.try_change(kX);
  see_drain();
  now_ += 1s;
  EXPECT_TRUE(idle());
  write.reset();
  EXPECT_TRUE(idle());
  now_ += 300ms;
  EXPECT_TRUE(next<Acknowledge>());
}

TEST_F(HandoverTest, TheDeadlineBoundsTheWait) {
  std::optional<InFlight> write = fence_.try_change(kX);
  see_drain();
  EXPECT_EQ(handover_.next_wake(now_), now_ + 10s);
  now_ += 10s;
  std::optional<Acknowledge> acknowledge = next<Acknowledge>();
  ASSERT_TRUE(acknowledge);
  answer(acknowledge->id, live("b", false));
  EXPECT_TRUE(next<Finished>()->overdue);
}

TEST_F(HandoverTest, ProofReplacesTheWindow) {
  see_drain();
  EXPECT_TRUE(idle());
  handover_.expect_proof(true);
  now_ += 300ms;
  EXPECT_TRUE(idle());
  handover_.processing_proof(now_ - 300ms);  // not after the moment of fencing
  EXPECT_TRUE(idle());
  handover_.processing_proof(now_ - 299ms);
  EXPECT_TRUE(next<Acknowledge>());
}

TEST_F(HandoverTest, WhileProofsAreExpectedFencesInRoundsOnly) {
  handover_.expect_proof(true);
  see_drain();
  EXPECT_TRUE(idle());
  EXPECT_FALSE(fence_.blocks(kX));
  EXPECT_TRUE(handover_.wants_proof());
  handover_.begin_round();
  EXPECT_TRUE(idle());
  EXPECT_TRUE(fence_.blocks(kX));
  handover_.processing_proof(now_ - 1ns);
  EXPECT_TRUE(idle());
  handover_.processing_proof(now_);  // the metrics were read after the fence was up, though at the same time
  EXPECT_TRUE(next<Acknowledge>());
  EXPECT_FALSE(handover_.wants_proof());
}

TEST_F(HandoverTest, AProofOfTheMomentOfFencingIsNoneOutsideOfARound) {
  see_drain();
  EXPECT_TRUE(idle());
  handover_.expect_proof(true);
  handover_.processing_proof(now_);
  EXPECT_TRUE(idle());
}

TEST_F(HandoverTest, AWithdrawnDrainEndsUnfenced) {
  see_drain();
  handover_.drain_left(kX);
  std::optional<ReadLive> read = next<ReadLive>();
  ASSERT_TRUE(read);
  EXPECT_TRUE(fence_.blocks(kX));
  answer(read->id, live("a", false));
  EXPECT_FALSE(fence_.blocks(kX));
  EXPECT_EQ(next<Finished>()->outcome, Finished::Outcome::kWithdrawn);
  EXPECT_TRUE(idle());
}

TEST_F(HandoverTest, AWaitingDrainIsWithdrawnSilently) {
  handover_.drain_seen(kMain, meta(kX, "5"), now_);
  handover_.drain_left(kX);
  EXPECT_TRUE(idle());
  EXPECT_EQ(handover_.waiting(), 0u);
}

TEST_F(HandoverTest, AnObjectTakenByAnotherStaysFenced) {
  see_drain();
  handover_.drain_left(kX);
  answer(next<ReadLive>()->id, live("b", false));
  EXPECT_EQ(next<Finished>()->outcome, Finished::Outcome::kTaken);
  EXPECT_TRUE(fence_.blocks(kX));
}

TEST_F(HandoverTest, ADeletedObjectIsForgotten) {
  see_drain_and_wait();
  answer_error(next<Acknowledge>()->id, ErrorKind::kNotFound);
  EXPECT_EQ(next<Finished>()->outcome, Finished::Outcome::kGone);
  EXPECT_FALSE(fence_.blocks(kX));
}

TEST_F(HandoverTest, AnotherObjectOfThatNameIsAnotherDrain) {
  see_drain_and_wait();
  RequestId old = next<Acknowledge>()->id;
  handover_.drain_seen(kMain, meta(kX, "7", "uid-y"), now_);
  EXPECT_EQ(next<Finished>()->outcome, Finished::Outcome::kGone);
  answer(old, live("b", false));
  EXPECT_TRUE(idle());
  now_ += 300ms;
  EXPECT_EQ(next<Acknowledge>()->resource_version, "7");
}

TEST_F(HandoverTest, AListTellsWhichDrainsHaveLeft) {
  see_drain();
  std::vector<kube::ObjectMeta> others = {meta({.resource = kMain, .ns = "d", .name = "y"}, "3", "uid-y")};
  handover_.drains_listed(kMain, others, now_);
  std::optional<ReadLive> read = next<ReadLive>();
  ASSERT_TRUE(read);
  EXPECT_EQ(read->object, kX);
  EXPECT_EQ(handover_.fenced(), 2u);
}

TEST(HandoverBatchTest, WorksOffTheOldestFirstInBatchesWithinTheRequestLimit) {
  Fence fence;
  Handover handover({.shard = "a", .max_requests = 2, .first_batch = 3, .min_batch = 1}, fence);
  TimePoint now = TimePoint(1h);
  for (int i = 9; i >= 0; --i) {
    kube::ObjectMeta meta;
    meta.name = "x" + std::to_string(i);
    meta.uid = meta.name;
    handover.drain_seen(kMain, meta, now);
  }
  EXPECT_TRUE(handover.step(now).empty());  // no controlled resources: no index
  EXPECT_EQ(handover.fenced(), 3u);
  EXPECT_TRUE(fence.blocks({.resource = kMain, .ns = {}, .name = "x9"}));
  EXPECT_FALSE(fence.blocks({.resource = kMain, .ns = {}, .name = "x6"}));
  now += 300ms;
  EXPECT_EQ(handover.step(now).size(), 2u);
}

TEST(HandoverBatchTest, DestructionLiftsEveryFence) {
  Fence fence;
  {
    Handover handover({.shard = "a", .controlled = {}}, fence);
    kube::ObjectMeta meta;
    meta.name = "x";
    handover.drain_seen(kMain, meta, TimePoint(1h));
    handover.step(TimePoint(1h));
    EXPECT_TRUE(fence.blocks({.resource = kMain, .ns = {}, .name = "x"}));
  }
  EXPECT_FALSE(fence.blocks({.resource = kMain, .ns = {}, .name = "x"}));
}

}  // namespace
}  // namespace ringside::sidecar
