#include "sidecar/object_body.h"

#include <gtest/gtest.h>

#include "kube/envelope.h"
#include "tests/support/hex.h"

namespace ringside::sidecar {
namespace {

TEST(ObjectBodyTest, ReadsNameAndOwnersOfJson) {
  auto meta = object_meta_of_body(
      R"({"kind":"ConfigMap","metadata":{"name":"x","generateName":"y-","ownerReferences":[{"uid":"u","controller":true}]}})",
      "application/json; charset=utf-8");
  ASSERT_TRUE(meta) << meta.error().message;
  EXPECT_EQ(meta->name, "x");
  EXPECT_EQ(meta->generate_name, "y-");
  ASSERT_EQ(meta->owner_references.size(), 1u);
  EXPECT_EQ(meta->owner_references[0].uid, "u");
  EXPECT_TRUE(object_meta_of_body("{}", "application/json")->owner_references.empty());
}

TEST(ObjectBodyTest, ReadsNameAndOwnersOfProtobuf) {
  // metadata { name: "x" generateName: "y-" ownerReferences { uid: "uid" } }
  std::string raw = testing::from_hex("0a0e0a01781202792d6a052203756964");
  std::string body = kube::to_body(kube::Envelope{"v1", "ConfigMap", raw});
  auto meta = object_meta_of_body(body, "application/vnd.kubernetes.protobuf");
  ASSERT_TRUE(meta) << meta.error().message;
  EXPECT_EQ(meta->name, "x");
  EXPECT_EQ(meta->generate_name, "y-");
  ASSERT_EQ(meta->owner_references.size(), 1u);
  EXPECT_EQ(meta->owner_references[0].uid, "uid");
}

TEST(ObjectBodyTest, WhatCannotBeReadIsAnError) {
  for (auto [body, type] : {std::pair("kind: ConfigMap", "application/yaml"), std::pair("{", "application/json"),
                            std::pair("{}", "application/vnd.kubernetes.protobuf")}) {
    auto meta = object_meta_of_body(body, type);
    ASSERT_FALSE(meta) << type;
    EXPECT_EQ(meta.error().kind, ErrorKind::kInvalid);
  }
}

}  // namespace
}  // namespace ringside::sidecar
