// Patches that are refused, whose outcome is not known, or after which nobody has the object.
#include <gtest/gtest.h>

#include "tests/unit/sidecar/handover_fixture.h"

namespace ringside::sidecar {
namespace {

using namespace std::chrono_literals;

TEST_F(HandoverTest, AConflictIsReadAndDecidedAgain) {
  see_drain_and_wait();
  answer_error(next<Acknowledge>()->id, ErrorKind::kConflict);
  answer(next<ReadLive>()->id, live("a", true, "7"));
  std::optional<Acknowledge> again = next<Acknowledge>();
  ASSERT_TRUE(again);
  EXPECT_EQ(again->resource_version, "7");
  answer_error(again->id, ErrorKind::kConflict);
  answer(next<ReadLive>()->id, live("a", false));
  EXPECT_FALSE(fence_.blocks(kX));
}

TEST_F(HandoverTest, AnUnknownOutcomeIsReadAfterAPauseAndStaysFenced) {
  see_drain_and_wait();
  answer_error(next<Acknowledge>()->id, ErrorKind::kTimedOut);
  EXPECT_TRUE(idle());
  EXPECT_TRUE(fence_.blocks(kX));
  now_ = *handover_.next_wake(now_);
  RequestId read = next<ReadLive>()->id;
  answer_error(read, ErrorKind::kForbidden);  // says nothing
  now_ += 60s;
  EXPECT_TRUE(fence_.blocks(kX));
  answer(next<ReadLive>()->id, live("b", false));
  EXPECT_EQ(next<Finished>()->outcome, Finished::Outcome::kAcknowledged);
}

TEST_F(HandoverTest, AnOldAnswerDoesNotOverruleANewerEvent) {
  see_drain_and_wait();
  RequestId id = next<Acknowledge>()->id;
  handover_.drain_seen(kMain, meta(kX, "12"), now_);  // handed over, handed back and drained again meanwhile
  answer(id, live("b", false));
  EXPECT_EQ(handover_.fenced(), 1u);
  answer(next<ReadLive>()->id, live("a", true, "12"));
  EXPECT_EQ(next<Acknowledge>()->resource_version, "12");
}

TEST_F(HandoverTest, AMissingPermissionPutsTheObjectBackIntoService) {
  see_drain_and_wait(true);
  answer_error(next<ReleaseChild>()->id, ErrorKind::kForbidden);
  EXPECT_FALSE(fence_.blocks(kX));
  EXPECT_FALSE(fence_.blocks(kChild));
  EXPECT_TRUE(idle());
  std::optional<TimePoint> again = handover_.next_wake(now_);
  ASSERT_TRUE(again);
  EXPECT_GE(*again - now_, 2500ms);
  now_ = *again;
  EXPECT_TRUE(idle());
  EXPECT_TRUE(fence_.blocks(kX));
}

TEST_F(HandoverTest, NothingIsFencedForeverWhenChildrenDoNotMove) {
  see_drain_and_wait(true);
  for (int i = 0; i < 100; ++i) {
    step();
    if (!fence_.blocks(kX)) break;
    if (pending_.empty()) {
      now_ = *handover_.next_wake(now_);
      continue;
    }
    Action action = pending_.front();
    pending_.clear();
    RequestId id =
        std::holds_alternative<ReadLive>(action) ? std::get<ReadLive>(action).id : std::get<ReleaseChild>(action).id;
    answer_error(id, ErrorKind::kRetry);
  }
  EXPECT_FALSE(fence_.blocks(kX));
  EXPECT_EQ(handover_.waiting(), 1u);
  EXPECT_EQ(next<ChildrenParted>()->owner_uid, "uid-x") << "one of them may have succeeded";
}

TEST_F(HandoverTest, AChildConflictIsReadAndReleasedAgain) {
  see_drain_and_wait(true);
  answer_error(next<ReleaseChild>()->id, ErrorKind::kConflict);
  std::optional<ReadLive> read = next<ReadLive>();
  ASSERT_TRUE(read);
  EXPECT_EQ(read->object, kChild);
  answer(read->id, live("a", false, "11", "uid-child"));
  std::optional<ReleaseChild> release = next<ReleaseChild>();
  ASSERT_TRUE(release);
  EXPECT_EQ(release->resource_version, "11");
  answer_error(release->id, ErrorKind::kNotFound);
  EXPECT_TRUE(next<Acknowledge>());
}

TEST_F(HandoverTest, AnAcknowledgementThatComesBackEndsInService) {
  see_drain_and_wait();
  answer(next<Acknowledge>()->id, live("a", false));  // the ring changed: the webhook assigned it to us again
  EXPECT_EQ(next<Finished>()->outcome, Finished::Outcome::kWithdrawn);
  EXPECT_FALSE(fence_.blocks(kX));
}

TEST_F(HandoverTest, TakesBackWhatNobodyGets) {
  see_drain_and_wait();
  answer(next<Acknowledge>()->id, live("", false, "9"));
  for (int second = 1; second < 6; ++second) {
    EXPECT_TRUE(idle()) << second;
    now_ += 1s;
    auto read = next<ReadLive>();
    ASSERT_TRUE(read) << second;
    answer(read->id, live("", false, "9"));
  }
  EXPECT_TRUE(fence_.blocks(kX)) << "central may still give it to another";
  now_ += 1s;
  answer(next<ReadLive>()->id, live("", false, "10"));
  auto reclaim = next<Acknowledge>();
  ASSERT_TRUE(reclaim);
  EXPECT_EQ(reclaim->shard, "a");
  EXPECT_EQ(reclaim->resource_version, "10");
  answer(reclaim->id, live("a", false, "11"));
  EXPECT_EQ(next<Finished>()->outcome, Finished::Outcome::kWithdrawn);
  EXPECT_FALSE(fence_.blocks(kX));
}

TEST_F(HandoverTest, WhatCentralAssignsLateIsNotTakenBack) {
  see_drain_and_wait();
  answer(next<Acknowledge>()->id, live("", false, "9"));
  now_ += 1s;
  answer(next<ReadLive>()->id, live("b", false, "10"));
  EXPECT_EQ(next<Finished>()->outcome, Finished::Outcome::kAcknowledged);
  EXPECT_TRUE(fence_.blocks(kX));
}

TEST_F(HandoverTest, WhatCannotBeTakenBackStaysFenced) {
  see_drain_and_wait();
  answer(next<Acknowledge>()->id, live("", false, "9"));
  now_ += 6s;
  answer(next<ReadLive>()->id, live("", false, "9"));
  answer_error(next<Acknowledge>()->id, ErrorKind::kForbidden);
  now_ += 60s;
  answer(next<ReadLive>()->id, live("", false, "9"));
  EXPECT_TRUE(fence_.blocks(kX)) << "it is nobody's";
  EXPECT_EQ(next<Acknowledge>()->shard, "a");
}

TEST_F(HandoverTest, TakesBackAChildThatTheWebhookGaveToNobody) {
  see_drain_and_wait(true);
  answer(next<ReleaseChild>()->id, live("", false, "7", "uid-child"));
  std::optional<ReleaseChild> reclaim = next<ReleaseChild>();
  ASSERT_TRUE(reclaim);
  EXPECT_EQ(reclaim->shard, "a");
  EXPECT_EQ(reclaim->resource_version, "7");
  handover_.children().remove(kChild);  // the watch shows what was for a moment
  answer(reclaim->id, live("a", false, "8", "uid-child"));
  EXPECT_TRUE(idle()) << "neither the child nor its owner goes now";
  now_ += 1s;
  answer(next<ReadLive>()->id, live("a", false, "8", "uid-child"));
  std::optional<ReleaseChild> again = next<ReleaseChild>();
  ASSERT_TRUE(again);
  EXPECT_EQ(again->shard, "");
  EXPECT_EQ(again->resource_version, "8");
  answer(again->id, live("b", false, "9", "uid-child"));
  std::optional<Acknowledge> acknowledge = next<Acknowledge>();
  ASSERT_TRUE(acknowledge);
  EXPECT_EQ(acknowledge->shard, "b");
}

}  // namespace
}  // namespace ringside::sidecar
