#include "kube/discovery.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ringside::kube {
namespace {

TEST(DiscoveryTest, PreferredVersionComesFirstAndOnce) {
  json::Value group = json::parse(R"({"preferredVersion":{"version":"v2"},
                                      "versions":[{"version":"v1"},{"version":"v2"},{"version":"v1beta1"}]})")
                          .value();
  EXPECT_THAT(versions_of_group(group), testing::ElementsAre("v2", "v1", "v1beta1"));
  EXPECT_THAT(versions_of_group(json::Value()), testing::IsEmpty());
}

TEST(DiscoveryTest, SubresourcesAreNotTheResource) {
  json::Value list = json::parse(R"({"resources":[{"name":"deployments/status","kind":"Other","namespaced":true},
                                                  {"name":"deployments","kind":"Deployment","namespaced":true}]})")
                         .value();
  auto found = find_in_resource_list(list, {"apps", "deployments"}, "v1");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->kind, "Deployment");
  EXPECT_TRUE(found->namespaced);
  EXPECT_EQ(found->type, (ResourceType{"apps", "v1", "deployments"}));
  EXPECT_FALSE(find_in_resource_list(list, {"apps", "replicasets"}, "v1"));
}

}  // namespace
}  // namespace ringside::kube
