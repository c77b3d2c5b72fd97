#include "central/label_policy.h"

#include <gtest/gtest.h>

namespace ringside::central {
namespace {

sharding::ControllerRing example_ring() {
  sharding::ControllerRing ring;
  ring.meta.name = "example";
  ring.meta.uid = "u1";
  ring.spec.resources = {{.resource = {"", "secrets"}, .controlled = {{"", "configmaps"}}}};
  return ring;
}

json::Value policy_for(const std::string& central) {
  return make_label_policy(example_ring(), sharding::default_namespace_selector(), {{"a", "x"}}, central);
}

std::string condition_of(const json::Value& policy) {
  return std::string(policy.array_at({"spec", "matchConditions"}).at(0).string_at({"expression"}));
}

// Which expressions are right, the integration tests ask a real API server.
TEST(LabelPolicyTest, TheRingAndCentralAreNotJudged) {
  EXPECT_EQ(condition_of(policy_for("")),
            "!(request.userInfo.username in ['system:serviceaccount:a:x', "
            "'system:serviceaccount:sharding-system:sharder'])");
  EXPECT_EQ(condition_of(policy_for("o'connor")),
            "!(request.userInfo.username in ['system:serviceaccount:a:x', "
            R"('system:serviceaccount:sharding-system:sharder']) && request.userInfo.username != 'o\'connor')");
}

TEST(LabelPolicyTest, JudgesCreatesAndUpdatesOfAllItsResources) {
  json::Value policy = policy_for("");
  std::string rules;
  for (const json::Value& rule : policy.array_at({"spec", "matchConstraints", "resourceRules"})) {
    rules += json::to_string(*rule.find("resources")) + json::to_string(*rule.find("operations"));
  }
  EXPECT_EQ(rules, R"(["secrets"]["CREATE","UPDATE"]["secrets/*"]["UPDATE"])"
                   R"(["configmaps"]["CREATE","UPDATE"]["configmaps/*"]["UPDATE"])");
  EXPECT_EQ(policy.array_at({"spec", "validations"}).size(), 2u);
  EXPECT_EQ(policy.string_at({"metadata", "name"}), "controllerringlabels-example");
}

TEST(LabelPolicyTest, ABindingOfItsOwn) {
  EXPECT_EQ(json::to_string(*make_label_binding(example_ring(), PolicyMode::kEnforce).find("spec")),
            R"({"policyName":"controllerringlabels-example","validationActions":["Deny","Audit"]})");
}

}  // namespace
}  // namespace ringside::central
