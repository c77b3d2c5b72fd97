#include "sidecar/handover.h"

#include <gtest/gtest.h>

namespace ringside::sidecar {
namespace {

using namespace std::chrono_literals;

const kube::GroupResource kMain = {.group = "apps", .resource = "deployments"};
const kube::GroupResource kControlled = {.group = "", .resource = "secrets"};
const ObjectRef kX = {.resource = kMain, .ns = "d", .name = "x"};
const ObjectRef kChild = {.resource = kControlled, .ns = "d", .name = "child"};

kube::OwnerReference owner_reference(std::string uid, bool controller) {
  kube::OwnerReference reference;
  reference.uid = std::move(uid);
  reference.controller = controller;
  return reference;
}

class HandoverTest : public ::testing::Test {
 protected:
  explicit HandoverTest(Duration arrival = 0ms)
      : handover_({.shard = "a", .controlled = {kControlled}, .quiet_window = 300ms, .arrival = arrival}, fence_) {}

  static kube::ObjectMeta meta(const ObjectRef& ref, std::string version, std::string uid = "uid-x") {
    kube::ObjectMeta result;
    result.ns = ref.ns;
    result.name = ref.name;
    result.uid = std::move(uid);
    result.resource_version = std::move(version);
    return result;
  }

  static LiveObject live(std::string shard, bool draining, std::string version = "9", std::string uid = "uid-x") {
    return {
        .uid = std::move(uid), .resource_version = std::move(version), .shard = std::move(shard), .draining = draining};
  }

  // X drains; the index is ready, with the child if asked for.
  void see_drain(bool with_child = false) {
    handover_.drain_seen(kMain, meta(kX, "5"), now_);
    EXPECT_TRUE(next<StartChildIndex>());
    handover_.children().begin_list(kControlled);
    if (with_child) index_child(kChild);
    handover_.children().end_list(kControlled);
    step();
  }

  // The index hears of a child of X.
  void index_child(const ObjectRef& ref) {
    kube::ObjectMeta child = meta(ref, "6", "uid-" + ref.name);
    child.owner_references = {owner_reference("uid-x", true)};
    handover_.children().upsert(kControlled, child);
  }

  // ... and the quiet window passes.
  void see_drain_and_wait(bool with_child = false) {
    see_drain(with_child);
    now_ += 300ms;
  }

  void step() {
    for (Action& action : handover_.step(now_)) pending_.push_back(std::move(action));
  }

  // The next action, which must be of that type; nullopt (without a failure) if there is none.
  template <typename T>
  std::optional<T> next() {
    step();
    if (pending_.empty()) return std::nullopt;
    Action action = std::move(pending_.front());
    pending_.erase(pending_.begin());
    EXPECT_TRUE(std::holds_alternative<T>(action)) << action.index();
    return std::holds_alternative<T>(action) ? std::optional(std::get<T>(std::move(action))) : std::nullopt;
  }

  bool idle() {
    step();
    return pending_.empty();
  }

  void answer(RequestId id, Result<LiveObject> result) { handover_.answered(id, result, now_); }

  void answer_error(RequestId id, ErrorKind kind) { answer(id, failure(kind, "injected")); }

  // Until X is a tombstone.
  void hand_over(bool with_child = false) {
    see_drain_and_wait(with_child);
    if (with_child) answer(next<ReleaseChild>()->id, live("b", false, "8", "uid-child"));
    answer(next<Acknowledge>()->id, live("b", false));
    EXPECT_EQ(next<Finished>()->outcome, Finished::Outcome::kAcknowledged);
    EXPECT_TRUE(fence_.blocks(kX));
  }

  TimePoint now_ = TimePoint(1h);
  Fence fence_;
  Handover handover_;
  std::vector<Action> pending_;
};

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
  for (int i = 0; i < 100 && fence_.blocks(kX); ++i) {
    step();
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

TEST_F(HandoverTest, AnAcknowledgementThatComesBackEndsInService) {
  see_drain_and_wait();
  answer(next<Acknowledge>()->id, live("a", false));  // the ring changed: the webhook assigned it to us again
  EXPECT_EQ(next<Finished>()->outcome, Finished::Outcome::kWithdrawn);
  EXPECT_FALSE(fence_.blocks(kX));
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

// A process before this one may have moved children.
TEST_F(HandoverTest, OwnersThatWereInheritedFollowChildrenThatWereMovedBefore) {
  handover_.drain_seen(kMain, meta(kX, "5"), now_, true);
  EXPECT_TRUE(next<StartChildIndex>());
  std::optional<FindChildren> search = next<FindChildren>();
  ASSERT_TRUE(search);
  EXPECT_EQ(search->owner_uids, std::set<std::string>{"uid-x"});
  handover_.children().begin_list(kControlled);
  handover_.children().end_list(kControlled);
  step();
  EXPECT_TRUE(fence_.blocks(kX)) << "its children may be elsewhere: it must not make them anew meanwhile";
  now_ += 1s;
  EXPECT_TRUE(idle()) << "not acknowledged before it is known where the children are";
  handover_.children_found({{"uid-x", {"b"}}, {"uid-y", {"c"}}});
  std::optional<Acknowledge> acknowledge = next<Acknowledge>();
  ASSERT_TRUE(acknowledge);
  EXPECT_EQ(acknowledge->shard, "b");
}

TEST_F(HandoverTest, TheRingPlacesInheritedOwnersWithoutChildrenOrWithScatteredOnes) {
  const ObjectRef y = {.resource = kMain, .ns = "d", .name = "y"};
  handover_.drain_seen(kMain, meta(kX, "5"), now_, true);
  handover_.drain_seen(kMain, meta(y, "5", "uid-y"), now_, true);
  EXPECT_TRUE(next<StartChildIndex>());
  EXPECT_EQ(next<FindChildren>()->owner_uids, (std::set<std::string>{"uid-x", "uid-y"})) << "one search for all";
  handover_.children().begin_list(kControlled);
  handover_.children().end_list(kControlled);
  step();
  now_ += 300ms;
  handover_.children_found({{"uid-x", {"b", "c"}}});
  EXPECT_EQ(next<Acknowledge>()->shard, "");
  EXPECT_EQ(next<Acknowledge>()->shard, "");
}

TEST_F(HandoverTest, WhatIsInheritedOfALaterListIsSoughtAfterTheFirst) {
  const ObjectRef y = {.resource = kMain, .ns = "d", .name = "y"};
  handover_.drain_seen(kMain, meta(kX, "5"), now_, true);
  EXPECT_TRUE(next<StartChildIndex>());
  EXPECT_TRUE(next<FindChildren>());
  handover_.drain_seen(kMain, meta(y, "5", "uid-y"), now_, true);
  EXPECT_TRUE(idle());
  handover_.children_found({});
  EXPECT_EQ(next<FindChildren>()->owner_uids, std::set<std::string>{"uid-y"});
}

TEST_F(HandoverTest, ADrainThatBeginsLaterIsNotSearchedFor) {
  see_drain();  // asserts that the index alone is started
  EXPECT_TRUE(idle());
}

// An owner follows its children, in time and in place.
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
  EXPECT_TRUE(idle());
  EXPECT_FALSE(fence_.blocks(kX));
  now_ += 10s;
  EXPECT_TRUE(idle());
  EXPECT_TRUE(fence_.blocks(kX));
  now_ += 300ms;
  EXPECT_EQ(next<Acknowledge>()->shard, "b");
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
