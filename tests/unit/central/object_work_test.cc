#include "central/object_work.h"

#include <gmock/gmock.h>

namespace ringside::central {
namespace {

using sharding::ResourceRole;
using ::testing::ElementsAre;

constexpr char kShard[] = "shard.alpha.sharding.timebertt.dev/example";
constexpr char kDrain[] = "drain.alpha.sharding.timebertt.dev/example";

class ObjectWorkTest : public testing::Test {
 protected:
  ObjectWorkTest() : view_("example", std::make_shared<const ring::Ring>(std::vector<std::string>{"a", "b"})) {
    object_.name = "foo";
    object_.ns = "default";
    object_.resource_version = "7";
    desired_ = view_.shards().owner("/Secret/default/foo");
    other_ = desired_ == "a" ? "b" : "a";
  }

  Work main_work() { return view_.judge(ResourceRole::kMain, "", "Secret", object_).work; }
  Work child_work() {
    kube::ObjectMeta child = object_;
    child.name = "child";
    child.owner_references.push_back(
        {.api_version = "v1", .kind = "Secret", .name = "foo", .uid = "u", .controller = true});
    return view_.judge(ResourceRole::kControlled, "", "ConfigMap", child).work;
  }

  RingView view_;
  kube::ObjectMeta object_;
  std::string desired_;
  std::string other_;
};

TEST_F(ObjectWorkTest, WithoutShardItIsAssigned) {
  EXPECT_EQ(main_work(), Work::kAssign);
  EXPECT_EQ(child_work(), Work::kAssign);
}

TEST_F(ObjectWorkTest, ObjectOfAShardThatIsNotAvailableMovesDrainedOrNot) {
  object_.labels[kShard] = "gone";
  EXPECT_EQ(main_work(), Work::kMove);
  EXPECT_EQ(child_work(), Work::kMove);
  object_.labels[kDrain] = "true";
  EXPECT_EQ(main_work(), Work::kMove);
}

TEST_F(ObjectWorkTest, WhereItBelongsNothingIsDone) {
  object_.labels[kShard] = desired_;
  EXPECT_EQ(main_work(), Work::kNone);
  EXPECT_EQ(child_work(), Work::kNone);
}

TEST_F(ObjectWorkTest, DrainIsWithdrawnWhenTheRingWantsTheObjectWhereItIs) {
  object_.labels[kShard] = desired_;
  object_.labels[kDrain] = "true";
  EXPECT_EQ(main_work(), Work::kWithdrawDrain);
}

TEST_F(ObjectWorkTest, MainOnAnotherAvailableShardIsDrainedOnce) {
  object_.labels[kShard] = other_;
  EXPECT_EQ(main_work(), Work::kDrain);
  object_.labels[kDrain] = "true";
  EXPECT_EQ(main_work(), Work::kAwait);
}

TEST_F(ObjectWorkTest, ChildOnAnotherAvailableShardWaitsForItsOwner) {
  object_.labels[kShard] = other_;
  EXPECT_EQ(child_work(), Work::kFollow);
}

TEST_F(ObjectWorkTest, WhatIsMainAndControlledIsDrainedByItsOwnKeyWhereverItsOwnerIs) {
  object_.owner_references.push_back(
      {.api_version = "v1", .kind = "Widget", .name = "owner", .uid = "u", .controller = true});
  EXPECT_NE(view_.shards().owner("/Secret/default/foo"), view_.shards().owner("/Widget/default/owner"))
      << "the owner's name must be one that the ring puts elsewhere";
  object_.labels[kShard] = desired_;
  EXPECT_EQ(main_work(), Work::kNone);
  object_.labels[kShard] = other_;
  EXPECT_EQ(main_work(), Work::kDrain);
}

TEST_F(ObjectWorkTest, ControlledObjectWithoutControllerIsNobodys) {
  EXPECT_EQ(view_.judge(ResourceRole::kControlled, "", "ConfigMap", object_).work, Work::kNone);
  object_.labels[kShard] = "gone";
  EXPECT_EQ(view_.judge(ResourceRole::kControlled, "", "ConfigMap", object_).work, Work::kNone);
}

TEST_F(ObjectWorkTest, WithoutShardsEverythingStays) {
  RingView empty("example", std::make_shared<const ring::Ring>());
  object_.labels[kShard] = "gone";
  EXPECT_EQ(empty.judge(ResourceRole::kMain, "", "Secret", object_).work, Work::kNone);
}

TEST_F(ObjectWorkTest, PatchesAreMergePatchesOfTheVersionThatWasSeen) {
  auto patch = [this](Work work) {
    return json::to_string(view_.patch({.work = work, .desired = "b", .owner_key = "/Secret/default/foo"}, object_));
  };
  for (Work work : {Work::kAssign, Work::kMove, Work::kFollow}) {
    EXPECT_EQ(patch(work),
              R"({"metadata":{"resourceVersion":"7","labels":{"shard.alpha.sharding.timebertt.dev/example":"b",)"
              R"("drain.alpha.sharding.timebertt.dev/example":null}}})");
  }
  EXPECT_EQ(patch(Work::kDrain),
            R"({"metadata":{"resourceVersion":"7","labels":{"drain.alpha.sharding.timebertt.dev/example":"true"}}})");
  EXPECT_EQ(patch(Work::kWithdrawDrain),
            R"({"metadata":{"resourceVersion":"7","labels":{"drain.alpha.sharding.timebertt.dev/example":null}}})");
}

std::vector<std::string> numbered(std::string_view prefix, int count) {
  std::vector<std::string> names;
  for (int i = 0; i < count; ++i) names.push_back(std::string(prefix) + std::to_string(i));
  return names;
}

TEST_F(ObjectWorkTest, InASmallRingHomelessObjectsAreOnNoneOfItsShards) {
  EXPECT_THAT(view_.homeless_selectors({"gone"}), ElementsAre(std::string(kShard) + " notin (a,b)"));
  EXPECT_EQ(view_.homeless_selector(), std::string(kShard) + " notin (a,b)");
}

TEST_F(ObjectWorkTest, InALargeRingHomelessObjectsAreOnDepartedShardsOrNone) {
  RingView large("example", std::make_shared<const ring::Ring>(numbered("shard-", 51)));
  EXPECT_EQ(large.homeless_selector(), "");
  EXPECT_THAT(large.homeless_selectors({}), ElementsAre(std::string("!") + kShard));
  EXPECT_THAT(large.homeless_selectors({"gone", "lost"}),
              ElementsAre(std::string("!") + kShard, std::string(kShard) + " in (gone,lost)"));
  EXPECT_THAT(large.homeless_selectors(numbered("gone-", 51)), ElementsAre("")) << "too long a URL";
}

}  // namespace
}  // namespace ringside::central
