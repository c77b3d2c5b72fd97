// An owner follows its children, in time and in place.
#include <gtest/gtest.h>

#include "tests/unit/sidecar/handover_fixture.h"

namespace ringside::sidecar {
namespace {

using namespace std::chrono_literals;

class HandoverArrivalTest : public HandoverTest {
 protected:
  HandoverArrivalTest() : HandoverTest(200ms) {}

  // The next action releases the child, which goes to that shard.
  void release_to(const std::string& shard) {
    std::optional<ReleaseChild> release = next<ReleaseChild>();
    ASSERT_TRUE(release);
    answer(release->id, live(shard, false, "8", "uid-" + release->object.name));
  }

  const ObjectRef other_child_ = {.resource = kControlled, .ns = "d", .name = "other"};
};

TEST_F(HandoverArrivalTest, WaitsUntilTheLastChildHasArrived) {
  see_drain(true);
  index_child(other_child_);
  now_ += 300ms;
  release_to("b");
  std::optional<ReleaseChild> last = next<ReleaseChild>();
  ASSERT_TRUE(last);
  now_ += 1s;
  EXPECT_TRUE(idle()) << "one is under way";
  answer(last->id, live("b", false, "8", "uid-other"));
  EXPECT_TRUE(idle());
  EXPECT_EQ(handover_.next_wake(now_), now_ + 200ms);
  now_ += 199ms;
  EXPECT_TRUE(idle());
  now_ += 1ms;
  std::optional<Acknowledge> acknowledge = next<Acknowledge>();
  ASSERT_TRUE(acknowledge);
  EXPECT_EQ(acknowledge->shard, "b");
  EXPECT_TRUE(fence_.blocks(kX));
}

TEST_F(HandoverArrivalTest, TheFirstChildSaysWhereTheOthersGo) {
  see_drain(true);
  index_child(other_child_);
  now_ += 300ms;
  std::optional<ReleaseChild> first = next<ReleaseChild>();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->shard, "") << "as the ring is now";
  EXPECT_TRUE(idle()) << "the others wait for the answer";
  answer(first->id, live("b", false, "8", "uid-" + first->object.name));
  std::optional<ReleaseChild> second = next<ReleaseChild>();
  ASSERT_TRUE(second);
  EXPECT_NE(second->object, first->object);
  EXPECT_EQ(second->shard, "b") << "whatever the ring is by then";
}

TEST_F(HandoverArrivalTest, WhereTheFirstChildComesBackAllStay) {
  see_drain(true);
  index_child(other_child_);
  now_ += 300ms;
  release_to("a");
  now_ += 200ms;
  std::optional<Acknowledge> acknowledge = next<Acknowledge>();
  ASSERT_TRUE(acknowledge) << "no other child is touched";
  EXPECT_EQ(acknowledge->shard, "a");
  answer(acknowledge->id, live("a", false));
  EXPECT_EQ(next<Finished>()->outcome, Finished::Outcome::kWithdrawn);
  EXPECT_FALSE(fence_.blocks(kX));
  EXPECT_FALSE(fence_.blocks(other_child_));
}

TEST_F(HandoverArrivalTest, WithoutChildrenItIsAcknowledgedAtOnceAndTheRingDecides) {
  see_drain_and_wait();
  std::optional<Acknowledge> acknowledge = next<Acknowledge>();
  ASSERT_TRUE(acknowledge);
  EXPECT_EQ(acknowledge->shard, "");
}

TEST_F(HandoverArrivalTest, ALateChildProlongsTheWait) {
  see_drain_and_wait(true);
  release_to("b");
  EXPECT_TRUE(idle());
  now_ += 150ms;
  index_child(other_child_);
  release_to("b");
  now_ += 199ms;
  EXPECT_TRUE(idle());
  EXPECT_EQ(handover_.next_wake(now_), now_ + 1ms);
  now_ += 1ms;
  EXPECT_EQ(next<Acknowledge>()->shard, "b");
}

TEST_F(HandoverArrivalTest, TheRingDecidesWhereChildrenAreScattered) {
  see_drain(true);
  index_child(other_child_);
  now_ += 300ms;
  release_to("b");
  release_to("c");
  now_ += 200ms;
  EXPECT_EQ(next<Acknowledge>()->shard, "");
}

TEST_F(HandoverArrivalTest, WhereAChildWentIsReadIfTheAnswerWasLost) {
  see_drain_and_wait(true);
  answer_error(next<ReleaseChild>()->id, ErrorKind::kTimedOut);
  handover_.children().remove(kChild);  // it was processed: the watch shows it leave
  EXPECT_TRUE(idle());
  now_ += 1s;
  std::optional<ReadLive> read = next<ReadLive>();
  ASSERT_TRUE(read);
  EXPECT_EQ(read->object, kChild);
  answer(read->id, live("b", false, "8", "uid-child"));
  EXPECT_TRUE(idle());
  now_ += 200ms;
  EXPECT_EQ(next<Acknowledge>()->shard, "b");
}

TEST_F(HandoverArrivalTest, WhereTheChildrenWentIsKnownAlsoAfterATimeInService) {
  see_drain_and_wait(true);
  release_to("b");
  handover_.children().remove(kChild);
  EXPECT_TRUE(idle());
  now_ += 200ms;
  answer_error(next<Acknowledge>()->id, ErrorKind::kForbidden);
  EXPECT_EQ(next<ChildrenParted>()->owner_uid, "uid-x");
  EXPECT_TRUE(idle());
  EXPECT_FALSE(fence_.blocks(kX));
  now_ += 10s;
  EXPECT_TRUE(idle());
  EXPECT_TRUE(fence_.blocks(kX));
  now_ += 300ms;
  EXPECT_EQ(next<Acknowledge>()->shard, "b");
}

TEST_F(HandoverArrivalTest, WithdrawnAfterItsChildrenHaveLeftItIsInServiceWithoutThem) {
  see_drain_and_wait(true);
  release_to("b");
  handover_.children().remove(kChild);
  now_ += 200ms;
  answer_error(next<Acknowledge>()->id, ErrorKind::kConflict);
  answer(next<ReadLive>()->id, live("a", false));
  EXPECT_FALSE(fence_.blocks(kX));
  EXPECT_EQ(next<Finished>()->outcome, Finished::Outcome::kWithdrawn);
  EXPECT_EQ(next<ChildrenParted>()->owner_uid, "uid-x");
  EXPECT_TRUE(idle());
}

TEST_F(HandoverArrivalTest, AReleaseThatIsUnderWayWhenItsOwnerReturnsMayPartThemLater) {
  see_drain_and_wait(true);
  std::optional<ReleaseChild> release = next<ReleaseChild>();
  handover_.drain_left(kX);
  answer(next<ReadLive>()->id, live("a", false));
  EXPECT_EQ(next<Finished>()->outcome, Finished::Outcome::kWithdrawn);
  EXPECT_EQ(next<ChildrenParted>()->owner_uid, "uid-x");
  EXPECT_TRUE(idle());
  answer(release->id, live("b", false, "8", "uid-child"));
  EXPECT_EQ(next<ChildrenParted>()->owner_uid, "uid-x");
  EXPECT_TRUE(idle());
}

TEST_F(HandoverArrivalTest, WhatDidNotMovePartsNothing) {
  see_drain_and_wait(true);
  std::optional<ReleaseChild> release = next<ReleaseChild>();
  handover_.drain_left(kX);
  answer_error(release->id, ErrorKind::kConflict);
  answer(next<ReadLive>()->id, live("a", false));
  EXPECT_EQ(next<Finished>()->outcome, Finished::Outcome::kWithdrawn);
  EXPECT_TRUE(idle());
}

TEST_F(HandoverArrivalTest, AnOwnerWhoseChildrenCameBackStays) {
  see_drain_and_wait(true);
  release_to("a");  // the ring has changed
  EXPECT_TRUE(idle());
  now_ += 200ms;
  std::optional<Acknowledge> acknowledge = next<Acknowledge>();
  ASSERT_TRUE(acknowledge);
  EXPECT_EQ(acknowledge->shard, "a");
  answer(acknowledge->id, live("a", false));
  EXPECT_EQ(next<Finished>()->outcome, Finished::Outcome::kWithdrawn);
  EXPECT_FALSE(fence_.blocks(kX));
  EXPECT_FALSE(fence_.blocks(kChild));
}

}  // namespace
}  // namespace ringside::sidecar
