#include "sharding/keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ringside::sharding {
namespace {

using testing::HasSubstr;

kube::ObjectMeta meta_of(std::string ns, std::string name) {
  kube::ObjectMeta meta;
  meta.ns = std::move(ns);
  meta.name = std::move(name);
  return meta;
}

kube::ObjectMeta controlled_by(kube::OwnerReference owner, std::string ns = "default") {
  kube::ObjectMeta meta = meta_of(std::move(ns), "");
  meta.owner_references.push_back({"v1", "Secret", "other", "", false, false});
  meta.owner_references.push_back(std::move(owner));
  return meta;
}

TEST(KeysTest, MainObjects) {
  EXPECT_EQ(key_of_main("", "Secret", meta_of("default", "foo")), "/Secret/default/foo");
  EXPECT_EQ(key_of_main("apps", "Deployment", meta_of("default", "foo")), "apps/Deployment/default/foo");
  EXPECT_EQ(key_of_main("", "Node", meta_of("", "foo")), "/Node//foo");
}

TEST(KeysTest, MainObjectsNeedKindAndName) {
  EXPECT_THAT(key_of_main("", "", meta_of("default", "foo")).error().message, HasSubstr("kind"));
  EXPECT_THAT(key_of_main("", "Secret", meta_of("default", "")).error().message, HasSubstr("metadata.name"));
}

TEST(KeysTest, ControlledObjectsHaveTheirControllersKeyInTheirOwnNamespace) {
  EXPECT_EQ(key_of_controlled(controlled_by({"v1", "Secret", "foo", "u", true, false})), "/Secret/default/foo");
  EXPECT_EQ(key_of_controlled(controlled_by({"apps/v1", "Deployment", "foo", "u", true, false})),
            "apps/Deployment/default/foo");
  EXPECT_EQ(key_of_controlled(controlled_by({"x.io/v1", "Cluster", "foo", "u", true, false}, "")), "x.io/Cluster//foo");
}

TEST(KeysTest, ControlledObjectsOfClusterScopedControllersHaveTheirControllersOwnKey) {
  ClusterScopedKinds kinds = {{"", "Node"}, {"x.io", "Cluster"}};
  auto key = [&](std::string api_version, std::string kind, std::string ns) {
    return key_of_controlled(controlled_by({api_version, kind, "foo", "u", true, false}, ns), kinds);
  };
  EXPECT_EQ(key("x.io/v1", "Cluster", "default"), "x.io/Cluster//foo");
  EXPECT_EQ(key("x.io/v2", "Cluster", "default"), "x.io/Cluster//foo") << "whatever the version";
  EXPECT_EQ(key("x.io/v1", "Cluster", "other"), *key_of_main("x.io", "Cluster", meta_of("", "foo")));
  EXPECT_EQ(key("x.io/v1", "Cluster", ""), "x.io/Cluster//foo") << "a cluster-scoped child";
  EXPECT_EQ(key("v1", "Node", "default"), "/Node//foo");
  EXPECT_EQ(key("y.io/v1", "Cluster", "default"), "y.io/Cluster/default/foo") << "another group's kind";
  EXPECT_EQ(key("v1", "Secret", "default"), "/Secret/default/foo") << "as the reference";
}

TEST(KeysTest, WithoutControllerThereIsNoKey) {
  EXPECT_EQ(key_of_controlled(meta_of("default", "foo")), std::nullopt);
  EXPECT_EQ(key_of_controlled(controlled_by({"v1", "Secret", "foo", "u", false, false})), std::nullopt);
}

TEST(KeysTest, IncompleteControllerReferencesAreInvalid) {
  EXPECT_THAT(key_of_controlled(controlled_by({"", "Secret", "foo", "u", true, false})).error().message,
              HasSubstr("apiVersion"));
  EXPECT_THAT(key_of_controlled(controlled_by({"v1", "", "foo", "u", true, false})).error().message, HasSubstr("kind"));
  EXPECT_THAT(key_of_controlled(controlled_by({"v1", "Secret", "", "u", true, false})).error().message,
              HasSubstr("name"));
  EXPECT_THAT(key_of_controlled(controlled_by({"a/b/c", "Secret", "foo", "u", true, false})).error().message,
              HasSubstr("a/b/c"));
}

}  // namespace
}  // namespace ringside::sharding
