#include "central/fence_policy.h"

#include <gtest/gtest.h>

#include "central/admission_policy.h"

namespace ringside::central {
namespace {

sharding::ControllerRing example_ring() {
  sharding::ControllerRing ring;
  ring.meta.name = "example";
  ring.meta.uid = "u1";
  ring.spec.resources = {{.resource = {"", "secrets"}, .controlled = {{"", "configmaps"}, {"", "secrets"}}}};
  return ring;
}

const kube::LabelSelector kDefault = sharding::default_namespace_selector();

std::string text_of(const json::Value& value, std::initializer_list<std::string_view> path) {
  const json::Value* found = value.at(path);
  return found ? json::to_string(*found) : "";
}

TEST(FencePolicyTest, JudgesLabelledObjectsWrittenByTheRing) {
  json::Value policy = make_fence_policy(example_ring(), kDefault, {{"b", "y"}, {"a", "x"}});
  EXPECT_EQ(policy.string_at({"metadata", "name"}), "controllerring-example");
  EXPECT_EQ(
      text_of(policy, {"metadata", "labels"}),
      R"({"alpha.sharding.timebertt.dev/controllerring":"example","app.kubernetes.io/name":"controller-sharding"})");
  EXPECT_EQ(policy.array_at({"metadata", "ownerReferences"}).at(0).string_at({"uid"}), "u1");
  EXPECT_EQ(policy.string_at({"spec", "failurePolicy"}), "Fail");
  const json::Value& condition = policy.array_at({"spec", "matchConditions"}).at(0);
  EXPECT_EQ(condition.string_at({"expression"}),
            "request.userInfo.username in ['system:serviceaccount:a:x', 'system:serviceaccount:b:y']");
  EXPECT_EQ(text_of(policy, {"spec", "matchConstraints", "objectSelector"}),
            R"({"matchExpressions":[{"key":"shard.alpha.sharding.timebertt.dev/example","operator":"Exists"}]})");
  const json::Value& validation = policy.array_at({"spec", "validations"}).at(0);
  EXPECT_EQ(validation.string_at({"expression"}), "variables.shard == '' || variables.shard == variables.pod");
  EXPECT_EQ(validation.string_at({"reason"}), "Forbidden");
}

// Which expressions are right, the integration tests ask a real API server.
TEST(FencePolicyTest, CreatesAreJudgedOfControlledResourcesAlone) {
  json::Value policy = make_fence_policy(example_ring(), kDefault, {{"a", "x"}});
  std::map<std::string, std::string> rules;
  for (const json::Value& rule : policy.array_at({"spec", "matchConstraints", "resourceRules"})) {
    rules[*rule.array_at({"resources"}).at(0).as_string()] += text_of(rule, {"operations"});
  }
  EXPECT_EQ(rules, (std::map<std::string, std::string>{{"secrets", R"(["UPDATE","DELETE"])"},
                                                       {"secrets/*", R"(["UPDATE","DELETE"])"},
                                                       {"configmaps", R"(["UPDATE","DELETE"]["CREATE"])"},
                                                       {"configmaps/*", R"(["UPDATE","DELETE"])"}}));
}

TEST(FencePolicyTest, WhatIsMainAndControlledMayBeMadeByAnyShard) {
  sharding::ControllerRing ring = example_ring();
  ring.spec.resources.push_back({.resource = {"", "configmaps"}, .controlled = {}});
  json::Value policy = make_fence_policy(ring, kDefault, {{"a", "x"}});
  for (const json::Value& rule : policy.array_at({"spec", "matchConstraints", "resourceRules"})) {
    EXPECT_EQ(text_of(rule, {"operations"}), R"(["UPDATE","DELETE"])");
  }
}

TEST(FencePolicyTest, HoldsWhereTheWebhookIsAsked) {
  sharding::ControllerRing ring = example_ring();
  EXPECT_EQ(text_of(make_fence_policy(ring, kDefault, {}), {"spec", "matchConstraints", "namespaceSelector"}),
            json::to_string(to_json(kDefault)));
  ring.spec.namespace_selector = kube::LabelSelector{.match_labels = {{"team", "a"}}, .match_expressions = {}};
  EXPECT_EQ(text_of(make_fence_policy(ring, kDefault, {}), {"spec", "matchConstraints", "namespaceSelector"}),
            R"({"matchLabels":{"team":"a"}})");
}

TEST(FencePolicyTest, TheBindingSaysWhatHappensAndWhomItConcerns) {
  json::Value enforced =
      make_fence_binding(example_ring(), PolicyMode::kEnforce, {{"a", "x"}}, {{"a", "x"}, {"b", "y"}});
  EXPECT_EQ(text_of(enforced, {"spec"}),
            R"({"policyName":"controllerring-example","validationActions":["Deny","Audit"]})");
  EXPECT_EQ(
      text_of(enforced, {"metadata", "annotations"}),
      R"({"alpha.sharding.timebertt.dev/fence-in-force":"a/x","alpha.sharding.timebertt.dev/fence-of-shards":"a/x,b/y"})");
  json::Value warning = make_fence_binding(example_ring(), PolicyMode::kWarn, {}, {});
  EXPECT_EQ(text_of(warning, {"spec", "validationActions"}), R"(["Warn","Audit"])");
  EXPECT_EQ(warning.at({"metadata", "annotations"}), nullptr);
}

TEST(AdmissionPolicyTest, NothingEndsAString) {
  EXPECT_EQ(cel_string("plain"), "'plain'");
  EXPECT_EQ(cel_string("it's \\ here"), R"('it\'s \\ here')");
  EXPECT_EQ(cel_string("a\nb\x01"), R"('a\u000ab\u0001')");
}

}  // namespace
}  // namespace ringside::central
