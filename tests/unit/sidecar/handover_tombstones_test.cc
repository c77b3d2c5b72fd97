// What was handed over stays fenced, until it is ours again or its time has passed.
#include <gtest/gtest.h>

#include "tests/unit/sidecar/handover_fixture.h"

namespace ringside::sidecar {
namespace {

using namespace std::chrono_literals;

TEST_F(HandoverTest, ATombstoneIsLiftedWhenTheObjectIsOursAgain) {
  hand_over(true);
  EXPECT_TRUE(idle());
  handover_.blocked(kX);
  std::optional<ReadLive> read = next<ReadLive>();
  ASSERT_TRUE(read);
  answer(read->id, live("b", false));
  EXPECT_TRUE(fence_.blocks(kX));
  handover_.blocked_create(std::vector{owner_reference("uid-x", false)});
  EXPECT_TRUE(idle());  // one read a second
  now_ += 1s;
  answer(next<ReadLive>()->id, live("a", false));
  EXPECT_FALSE(fence_.blocks(kX));
  EXPECT_FALSE(fence_.blocks(kChild));
}

TEST_F(HandoverTest, AChildOfATombstoneMayComeBackAlone) {
  hand_over(true);
  handover_.blocked(kChild);
  step();
  ASSERT_EQ(pending_.size(), 2u);
  for (int i = 0; i < 2; ++i) {
    std::optional<ReadLive> read = next<ReadLive>();
    answer(read->id, read->object == kChild ? live("a", false, "20", "uid-new") : live("b", false));
  }
  EXPECT_TRUE(fence_.blocks(kX));
  EXPECT_FALSE(fence_.blocks(kChild));
}

TEST_F(HandoverTest, AChildOfATombstoneThatIsGoneStaysFenced) {
  hand_over(true);
  handover_.blocked(kChild);
  for (int i = 0; i < 2; ++i) {
    std::optional<ReadLive> read = next<ReadLive>();
    ASSERT_TRUE(read);
    if (read->object == kChild) {
      answer_error(read->id, ErrorKind::kNotFound);
    } else {
      answer(read->id, live("b", false));
    }
  }
  EXPECT_TRUE(fence_.blocks(kChild)) << "the next shard may make it again";
  now_ += 1s;
  handover_.blocked(kChild);
  for (int i = 0; i < 2; ++i) {
    std::optional<ReadLive> read = next<ReadLive>();
    ASSERT_TRUE(read);
    answer(read->id, live("b", false, "30", read->object == kChild ? "uid-new" : "uid-x"));
  }
  EXPECT_TRUE(fence_.blocks(kChild));
}

TEST_F(HandoverTest, ATombstoneOfADeletedObjectEnds) {
  hand_over();
  handover_.blocked(kX);
  answer_error(next<ReadLive>()->id, ErrorKind::kNotFound);
  EXPECT_FALSE(fence_.blocks(kX));
}

TEST_F(HandoverTest, ATombstoneEndsAfterItsTime) {
  hand_over();
  now_ += 20min;
  step();
  EXPECT_FALSE(fence_.blocks(kX));
}

TEST_F(HandoverTest, AStaleEventDoesNotLiftATombstone) {
  hand_over();
  handover_.drain_seen(kMain, meta(kX, "5"), now_);
  std::optional<ReadLive> read = next<ReadLive>();
  ASSERT_TRUE(read);
  answer(read->id, live("b", false));
  EXPECT_TRUE(fence_.blocks(kX));
  EXPECT_EQ(handover_.waiting(), 0u);
}

TEST_F(HandoverTest, AnObjectThatCameBackAndDrainsAgainIsHandedOverAgain) {
  hand_over();
  handover_.drain_seen(kMain, meta(kX, "15"), now_);
  answer(next<ReadLive>()->id, live("a", true, "15"));
  EXPECT_TRUE(idle());
  EXPECT_EQ(handover_.fenced(), 1u);
  now_ += 300ms;
  EXPECT_EQ(next<Acknowledge>()->resource_version, "15");
}

}  // namespace
}  // namespace ringside::sidecar
