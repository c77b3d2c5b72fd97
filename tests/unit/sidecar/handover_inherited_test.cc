// Drains of the first lists: a process before this one may have moved children.
#include <gtest/gtest.h>

#include "tests/unit/sidecar/handover_fixture.h"

namespace ringside::sidecar {
namespace {

using namespace std::chrono_literals;

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

}  // namespace
}  // namespace ringside::sidecar
