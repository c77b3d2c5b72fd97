#include "sharding/controller_ring.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ringside::sharding {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::string_view kExample = R"({
  "apiVersion": "sharding.timebertt.dev/v1alpha1", "kind": "ControllerRing",
  "metadata": {"name": "example", "uid": "u1", "generation": 3,
               "annotations": {"alpha.sharding.timebertt.dev/fence": "warn"}},
  "spec": {
    "namespaceSelector": {"matchLabels": {"team": "a"}},
    "resources": [
      {"group": "", "resource": "secrets", "controlledResources": [{"group": "", "resource": "configmaps"}]},
      {"group": "apps", "resource": "deployments", "controlledResources": [{"resource": "configmaps"}, {"resource": "secrets"}]}]},
  "status": {"observedGeneration": 2, "shards": 3, "availableShards": 1, "conditions": [
    {"type": "Ready", "status": "True", "reason": "ReconciliationSucceeded", "message": "m", "observedGeneration": 2,
     "lastTransitionTime": "2026-11-22T14:36:00Z"}]}})";

json::Value json_of(std::string_view text) {
  return json::parse(text).value();
}

ControllerRing example() {
  return parse_controller_ring(json_of(kExample)).value();
}

TEST(ControllerRingTest, ReadsAllFields) {
  ControllerRing ring = example();
  EXPECT_EQ(ring.name(), "example");
  EXPECT_EQ(ring.meta.uid, "u1");
  EXPECT_EQ(ring.meta.generation, 3);
  ASSERT_TRUE(ring.spec.namespace_selector);
  EXPECT_TRUE(ring.spec.namespace_selector->matches({{"team", "a"}}));
  EXPECT_THAT(ring.resources(), ElementsAre(kube::GroupResource{"", "secrets"}, kube::GroupResource{"", "configmaps"},
                                            kube::GroupResource{"apps", "deployments"}));
  EXPECT_EQ(ring.status.observed_generation, 2);
  EXPECT_EQ(ring.status.shards, 3);
  EXPECT_EQ(ring.status.available_shards, 1);
  ASSERT_EQ(ring.status.conditions.size(), 1U);
  EXPECT_EQ(ring.status.conditions[0].reason, kReasonSucceeded);
}

TEST(ControllerRingTest, FindsRoles) {
  ControllerRing ring = example();
  EXPECT_EQ(ring.find({"", "secrets"}), ResourceRole::kMain);  // also controlled; main wins
  EXPECT_EQ(ring.find({"apps", "deployments"}), ResourceRole::kMain);
  EXPECT_EQ(ring.find({"", "configmaps"}), ResourceRole::kControlled);
  EXPECT_EQ(ring.find({"apps", "secrets"}), ResourceRole::kNone);
  EXPECT_EQ(ring.find({"", "pods"}), ResourceRole::kNone);
}

TEST(ControllerRingTest, MainWinsWhereverItIsListed) {
  auto ring = parse_controller_ring(json_of(R"({"metadata": {"name": "r"}, "spec": {"resources": [
    {"resource": "secrets", "controlledResources": [{"resource": "pods"}]}, {"resource": "pods"}]}})"));
  EXPECT_EQ(ring->find({"", "pods"}), ResourceRole::kMain);
}

TEST(ControllerRingTest, AMissingSpecIsEmpty) {
  for (auto text : {R"({"metadata": {"name": "r"}})", R"({"metadata": {"name": "r"}, "spec": null, "status": null})",
                    R"({"metadata": {"name": "r"}, "spec": {"resources": null, "namespaceSelector": null}})"}) {
    auto ring = parse_controller_ring(json_of(text));
    ASSERT_TRUE(ring) << text;
    EXPECT_EQ(ring->spec, ControllerRingSpec());
    EXPECT_EQ(ring->status, ControllerRingStatus());
    EXPECT_THAT(ring->resources(), IsEmpty());
  }
}

TEST(ControllerRingTest, EqualSpecs) {
  ControllerRing other = example();
  other.meta.resource_version = "99";
  EXPECT_EQ(other.spec, example().spec);
  other.spec.resources[0].controlled.clear();
  EXPECT_NE(other.spec, example().spec);
}

std::string error_of(std::string_view text) {
  auto ring = parse_controller_ring(json_of(text));
  EXPECT_FALSE(ring) << text;
  return ring ? "" : ring.error().message;
}

std::string spec_error(const std::string& spec) {
  return error_of(R"({"metadata": {"name": "r"}, "spec": )" + spec + "}");
}

TEST(ControllerRingTest, ErrorsNameTheField) {
  EXPECT_EQ(error_of("[]"), "metadata: must be an object");
  EXPECT_THAT(error_of(R"({"metadata": {"name": "A"}})"),
              testing::StartsWith("metadata.name: not the name of a ring: 'A'"));
  EXPECT_EQ(spec_error("[]"), "spec: must be an object");
  EXPECT_EQ(spec_error(R"({"resources": {}})"), "spec.resources: must be a list");
  EXPECT_EQ(spec_error(R"({"resources": ["secrets"]})"),
            "spec.resources[0]: must be an object with group and resource");
  EXPECT_EQ(spec_error(R"({"resources": [{"resource": "pods"}, {"group": "apps"}]})"),
            "spec.resources[1].resource: must be a non-empty string");
  EXPECT_EQ(spec_error(R"({"resources": [{"group": 1, "resource": "pods"}]})"),
            "spec.resources[0].group: must be a string");
  EXPECT_EQ(spec_error(R"({"resources": [{"resource": "pods/status"}]})"),
            "spec.resources[0].resource: subresources cannot be sharded: 'pods/status'");
  EXPECT_EQ(spec_error(R"({"resources": [{"resource": "pods", "controlledResources": 1}]})"),
            "spec.resources[0].controlledResources: must be a list");
  EXPECT_EQ(spec_error(R"({"resources": [{"resource": "pods", "controlledResources": [{"resource": ""}]}]})"),
            "spec.resources[0].controlledResources[0].resource: must be a non-empty string");
  EXPECT_EQ(spec_error(R"({"namespaceSelector": {"matchExpressions": [{"key": "a", "operator": "In"}]}})"),
            "spec.namespaceSelector: matchExpressions[0].values: must not be empty for In and NotIn");
}

TEST(ControllerRingStatusTest, WritesZerosToo) {
  EXPECT_EQ(json::to_string(to_json(ControllerRingStatus())),
            R"({"observedGeneration":0,"shards":0,"availableShards":0,"conditions":[]})");
}

TEST(ControllerRingStatusTest, RoundTrip) {
  json::Value object = json_of(R"({"metadata": {"name": "r"}})");
  object["status"] = to_json(example().status);
  EXPECT_EQ(parse_controller_ring(object)->status, example().status);
}

TEST(ControllerRingStatusTest, TheTransitionTimeChangesWithTheStatusAlone) {
  WallTime first{std::chrono::seconds(100)}, later{std::chrono::seconds(200)};
  ControllerRingStatus status;
  set_condition(status, {.type = "Ready", .status = "True", .reason = "A", .message = "a"},
                first + std::chrono::microseconds(5));
  ASSERT_EQ(status.conditions.size(), 1U);
  EXPECT_EQ(status.conditions[0].last_transition_time, first);
  set_condition(status, {.type = "Ready", .status = "True", .reason = "B", .message = "b"}, later);
  ASSERT_EQ(status.conditions.size(), 1U);
  EXPECT_EQ(status.conditions[0].reason, "B");
  EXPECT_EQ(status.conditions[0].last_transition_time, first);
  set_condition(status, {.type = "Ready", .status = "False", .reason = "C", .message = "c"}, later);
  EXPECT_EQ(status.conditions[0].last_transition_time, later);
}

TEST(NamespaceSelectorTest, TheDefaultLeavesOutTwoNamespaces) {
  kube::LabelSelector selector = default_namespace_selector();
  EXPECT_TRUE(selector.matches({{"kubernetes.io/metadata.name", "default"}}));
  EXPECT_FALSE(selector.matches({{"kubernetes.io/metadata.name", "kube-system"}}));
  EXPECT_FALSE(selector.matches({{"kubernetes.io/metadata.name", "sharding-system"}}));
}

}  // namespace
}  // namespace ringside::sharding
