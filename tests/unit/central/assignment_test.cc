#include "central/assignment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"

namespace ringside::central {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kShardLabel = "shard.alpha.sharding.timebertt.dev/example";
constexpr std::string_view kDrainLabel = "drain.alpha.sharding.timebertt.dev/example";

sharding::ControllerRing example_ring() {
  sharding::ControllerRing ring;
  ring.meta.name = "example";
  ring.spec.resources = {{.resource = {"", "secrets"}, .controlled = {{"", "configmaps"}}}};
  return ring;
}

AdmissionInput secret() {
  AdmissionInput input;
  input.resource = {"", "secrets"};
  input.kind = "Secret";
  input.operation = "CREATE";
  input.object.ns = "default";
  input.object.name = "foo";
  return input;
}

AdmissionInput config_map() {
  AdmissionInput input = secret();
  input.resource = {"", "configmaps"};
  input.kind = "ConfigMap";
  input.object.name = "checksums-foo";
  input.object.owner_references.push_back({"v1", "Secret", "foo", "u1", true, true});
  return input;
}

// The update of an object on shard-0 that drops its label.
AdmissionInput dropping_update() {
  AdmissionInput input = secret();
  input.operation = "UPDATE";
  input.old_object = input.object;
  input.old_object->labels.emplace(kShardLabel, "shard-0");
  return input;
}

const ring::Ring& three_shards() {
  static const ring::Ring kRing({"shard-0", "shard-1", "shard-2"});
  return kRing;
}

AssignmentDecision decide(const AdmissionInput& input, const ring::Ring& shards = three_shards(), uint64_t random = 0) {
  return decide_assignment(input, example_ring(), {}, shards, random);
}

std::string allowed_reason(const AssignmentDecision& decision) {
  auto* allowed = std::get_if<AllowUnchanged>(&decision);
  return allowed ? allowed->reason : "(not allowed unchanged)";
}

std::string review_error(const AssignmentDecision& decision) {
  auto* error = std::get_if<ReviewError>(&decision);
  return error ? std::to_string(error->code) + " " + error->message : "(no error)";
}

// The owner of the key /Secret/default/foo. The ring has vectors of its own.
std::string owner_of_foo() {
  return std::string(three_shards().owner("/Secret/default/foo"));
}

TEST(AssignmentTest, AddsLabelsWhereThereAreNone) {
  auto decision = decide(secret());
  auto* assign = std::get_if<Assign>(&decision);
  ASSERT_TRUE(assign);
  EXPECT_EQ(assign->shard, owner_of_foo());
  EXPECT_EQ(assign->name, "");
  EXPECT_EQ(assign->patch,
            R"([{"op":"add","path":"/metadata/labels","value":{"shard.alpha.sharding.timebertt.dev/example":")" +
                owner_of_foo() + R"("}}])");
}

TEST(AssignmentTest, KeepsOtherLabels) {
  AdmissionInput input = secret();
  input.object.labels.emplace("a", "1");
  auto decision = decide(input);
  EXPECT_EQ(std::get<Assign>(decision).patch,
            R"([{"op":"add","path":"/metadata/labels/shard.alpha.sharding.timebertt.dev~1example","value":")" +
                owner_of_foo() + R"("}])");
}

TEST(AssignmentTest, AnEmptyShardLabelIsNone) {
  AdmissionInput input = secret();
  input.object.labels.emplace(kShardLabel, "");
  EXPECT_EQ(std::get<Assign>(decide(input)).shard, owner_of_foo());
}

TEST(AssignmentTest, ControlledObjectsFollowTheirController) {
  EXPECT_EQ(std::get<Assign>(decide(config_map())).shard, owner_of_foo());
  AdmissionInput generated = config_map();
  generated.object.name.clear();
  generated.object.generate_name = "foo-";
  EXPECT_EQ(std::get<Assign>(decide(generated)).shard, owner_of_foo());
  EXPECT_EQ(std::get<Assign>(decide(generated)).name, "");
}

TEST(AssignmentTest, LeavesAloneWhatIsAssigned) {
  for (AdmissionInput input : {secret(), config_map()}) {
    input.object.labels.emplace(kShardLabel, "gone");
    EXPECT_EQ(allowed_reason(decide(input)), "object is already assigned");
  }
}

TEST(AssignmentTest, WithoutShardsObjectsStayUnassigned) {
  EXPECT_EQ(allowed_reason(decide(secret(), ring::Ring())), "there is no available shard");
  EXPECT_EQ(allowed_reason(decide(config_map(), ring::Ring())), "there is no available shard");
}

TEST(AssignmentTest, WithoutControllerControlledObjectsStayUnassigned) {
  AdmissionInput input = config_map();
  input.object.owner_references[0].controller = false;
  EXPECT_EQ(allowed_reason(decide(input)), "object should not be assigned");
}

TEST(AssignmentTest, Errors) {
  AdmissionInput pod = secret();
  pod.resource = {"", "pods"};
  EXPECT_EQ(review_error(decide(pod)), "400 resource pods is not in ControllerRing example");
  AdmissionInput child = config_map();
  child.object.owner_references[0].kind.clear();
  EXPECT_THAT(review_error(decide(child)), HasSubstr("400 kind of the controller reference"));
  AdmissionInput nameless = secret();
  nameless.object.name.clear();
  EXPECT_EQ(review_error(decide(nameless)), "400 metadata.name is empty");
}

TEST(AssignmentTest, OtherOperationsPass) {
  AdmissionInput input = secret();
  input.operation = "DELETE";
  EXPECT_EQ(allowed_reason(decide(input)), "operation is neither CREATE nor UPDATE");
}

TEST(AssignmentTest, ChoosesTheNameOfAMainObject) {
  AdmissionInput input = secret();
  input.object.name.clear();
  input.object.generate_name = "foo-";
  auto assign = std::get<Assign>(decide(input, three_shards(), 1));
  EXPECT_EQ(assign.name, "foo-cbbbb");
  EXPECT_EQ(assign.shard, three_shards().owner("/Secret/default/foo-cbbbb"));
  EXPECT_THAT(assign.patch, testing::StartsWith(R"([{"op":"add","path":"/metadata/name","value":"foo-cbbbb"},)"));
  EXPECT_EQ(allowed_reason(decide(input, ring::Ring())), "there is no available shard");
}

TEST(AssignmentTest, ADroppedLabelComesBack) {
  // On a shard that the hash would not choose, to see that it is kept.
  AdmissionInput input = dropping_update();
  std::string other = owner_of_foo() == "shard-0" ? "shard-1" : "shard-0";
  input.old_object->labels.insert_or_assign(std::string(kShardLabel), other);
  EXPECT_EQ(std::get<Assign>(decide(input)).shard, other);
}

TEST(AssignmentTest, ALabelThatWasRemovedOnPurposeDoesNot) {
  ring::Ring with_owner({"shard-0", "shard-1"});
  std::string owner(with_owner.owner("/Secret/default/foo"));
  std::string other = owner == "shard-0" ? "shard-1" : "shard-0";
  AdmissionInput input = dropping_update();
  input.old_object->labels.insert_or_assign(std::string(kShardLabel), other);

  AdmissionInput draining = input;
  draining.old_object->labels.emplace(kDrainLabel, "true");
  EXPECT_EQ(std::get<Assign>(decide(draining, with_owner)).shard, owner);
  for (auto manager : {"sharding-sidecar", "controllersharding"}) {
    AdmissionInput handover = input;
    handover.field_manager = manager;
    EXPECT_EQ(std::get<Assign>(decide(handover, with_owner)).shard, owner) << manager;
  }
  AdmissionInput lost = input;
  lost.old_object->labels.insert_or_assign(std::string(kShardLabel), "gone");
  EXPECT_EQ(std::get<Assign>(decide(lost, with_owner)).shard, owner);
}

TEST(AssignmentTest, AControllerBehindASidecarHandsNothingOver) {
  AdmissionInput put = dropping_update();
  put.old_object->labels.emplace(kDrainLabel, "true");
  put.field_manager = "a-controller";
  put.pod = "shard-0";
  put.pod_has_sidecar = true;
  EXPECT_EQ(std::get<Assign>(decide(put)).patch,
            R"([{"op":"add","path":"/metadata/labels","value":{"drain.alpha.sharding.timebertt.dev/example":"true",)"
            R"("shard.alpha.sharding.timebertt.dev/example":"shard-0"}}])");
  put.object.labels.emplace("a", "1");
  EXPECT_EQ(std::get<Assign>(decide(put)).patch,
            R"([{"op":"add","path":"/metadata/labels/drain.alpha.sharding.timebertt.dev~1example","value":"true"},)"
            R"({"op":"add","path":"/metadata/labels/shard.alpha.sharding.timebertt.dev~1example","value":"shard-0"}])");

  AdmissionInput by_sidecar = put, by_another = put, of_reference = put;
  by_sidecar.field_manager = "sharding-sidecar";
  by_another.pod = "shard-1";
  of_reference.pod_has_sidecar = false;
  for (const AdmissionInput& handover : {by_sidecar, by_another, of_reference}) {
    auto assign = std::get<Assign>(decide(handover));
    EXPECT_EQ(assign.shard, owner_of_foo());
    EXPECT_THAT(assign.patch, Not(HasSubstr(kDrainLabel.substr(0, 5))))
        << handover.field_manager << " " << handover.pod;
  }
}

TEST(AssignmentPatchTest, EscapesTheLabelKey) {
  kube::ObjectMeta object;
  object.labels.emplace("a", "1");
  EXPECT_THAT(assignment_patch(object, "r~x", "shard-0"),
              HasSubstr("/metadata/labels/shard.alpha.sharding.timebertt.dev~1r~0x"));
}

TEST(GeneratedNameTest, LooksLikeTheApiServers) {
  EXPECT_EQ(generated_name("a-", 0), "a-bbbbb");
  EXPECT_EQ(generated_name("", 26), "9bbbb");
  EXPECT_EQ(generated_name("a-", UINT64_MAX).size(), 7U);
  EXPECT_EQ(generated_name(std::string(58, 'x'), 0), std::string(58, 'x') + "bbbbb");
  EXPECT_EQ(generated_name(std::string(200, 'x'), 0).size(), 63U);
}

// A child of an object that the ring wants on `otherwise`, made by another shard.
AdmissionInput child_of_another_shards_object() {
  AdmissionInput input = config_map();
  std::string_view wanted = three_shards().owner("/Secret/default/foo");
  input.pod = wanted == "shard-0" ? "shard-1" : "shard-0";
  return input;
}

kube::ObjectMeta owner_on(std::string_view shard, std::string uid = "u1") {
  kube::ObjectMeta owner;
  owner.name = "foo";
  owner.ns = "default";
  owner.uid = std::move(uid);
  owner.labels.emplace(kShardLabel, shard);
  return owner;
}

TEST(AssignmentTest, ChildThatAnotherShardCreatesRaisesTheQuestionWhereItsOwnerIs) {
  AdmissionInput input = child_of_another_shards_object();
  auto decision = decide(input);
  auto* question = std::get_if<AskOwner>(&decision);
  ASSERT_TRUE(question);
  EXPECT_EQ(question->owner.name, "foo");
  EXPECT_EQ(question->otherwise, three_shards().owner("/Secret/default/foo"));

  auto place = [&](std::optional<kube::ObjectMeta> owner) {
    return place_with_owner(input, "example", three_shards(), *question, owner).shard;
  };
  EXPECT_EQ(place(owner_on(input.pod)), input.pod);
  EXPECT_EQ(place(owner_on(question->otherwise)), question->otherwise);
  EXPECT_EQ(place(owner_on("gone")), question->otherwise);
  EXPECT_EQ(place(owner_on(input.pod, "u2")), question->otherwise) << "another object of that name";
  EXPECT_EQ(place(std::nullopt), question->otherwise);
}

TEST(AssignmentTest, OtherCreatorsRaiseNoQuestion) {
  AdmissionInput input = config_map();
  for (std::string pod :
       {std::string(), std::string("some-pod"), std::string(three_shards().owner("/Secret/default/foo"))}) {
    input.pod = pod;
    EXPECT_TRUE(std::holds_alternative<Assign>(decide(input))) << pod;
  }
  AdmissionInput update = child_of_another_shards_object();
  update.operation = "UPDATE";
  update.old_object = update.object;
  EXPECT_TRUE(std::holds_alternative<Assign>(decide(update))) << "a shard that releases a child";
  AdmissionInput main = secret();
  main.pod = child_of_another_shards_object().pod;
  EXPECT_TRUE(std::holds_alternative<Assign>(decide(main)));
}

TEST(AssignmentTest, WhatIsMainAndControlledIsPlacedByItsOwnKeyWhoeverOwnsOrMakesIt) {
  sharding::ControllerRing ring = example_ring();
  ring.spec.resources.push_back({.resource = {"", "configmaps"}, .controlled = {}});
  for (int i = 0; i < 20; ++i) {
    AdmissionInput input = child_of_another_shards_object();
    input.object.name = "name-" + std::to_string(i);
    auto decision = decide_assignment(input, ring, {}, three_shards(), 0);
    ASSERT_TRUE(std::holds_alternative<Assign>(decision)) << "its owner is not asked for";
    EXPECT_EQ(std::get<Assign>(decision).shard, three_shards().owner("/ConfigMap/default/" + input.object.name));
  }
  AdmissionInput generated = config_map();
  generated.object.name.clear();
  generated.object.generate_name = "name-";
  auto decision = decide_assignment(generated, ring, {}, three_shards(), 7);
  ASSERT_TRUE(std::holds_alternative<Assign>(decision));
  EXPECT_EQ(std::get<Assign>(decision).shard,
            three_shards().owner("/ConfigMap/default/" + std::get<Assign>(decision).name));
}

}  // namespace
}  // namespace ringside::central
