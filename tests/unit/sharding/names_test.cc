#include "sharding/names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ringside::sharding {
namespace {

TEST(NamesTest, OfARing) {
  EXPECT_EQ(shard_label("example"), "shard.alpha.sharding.timebertt.dev/example");
  EXPECT_EQ(drain_label("example"), "drain.alpha.sharding.timebertt.dev/example");
  EXPECT_EQ(webhook_configuration_name("example"), "controllerring-example");
  EXPECT_EQ(webhook_path("example"), "/webhooks/sharder/controllerring/example");
  EXPECT_EQ(election_identity("example"), "controllerring/example");
}

TEST(NamesTest, RingOfWebhookPath) {
  EXPECT_EQ(ring_of_webhook_path("/webhooks/sharder/controllerring/example"), "example");
  EXPECT_EQ(ring_of_webhook_path(webhook_path("a.b")), "a.b");
  for (auto path : {"", "/", "/webhooks/sharder/controllerring/", "/webhooks/sharder/controllerring",
                    "/webhooks/sharder/controllerring/a/b", "/webhooks/sharder/controllerring/a?timeout=5s",
                    "/webhooks/sharder/clusterring/a", "x/webhooks/sharder/controllerring/a"}) {
    EXPECT_EQ(ring_of_webhook_path(path), std::nullopt) << path;
  }
}

TEST(NamesTest, ValidRingNames) {
  for (auto name : {"a", "example", "a-b", "0", "a.b", "my-controller.example.com"})
    EXPECT_TRUE(validate_ring_name(name)) << name;
  EXPECT_TRUE(validate_ring_name(std::string(63, 'a')));
}

TEST(NamesTest, InvalidRingNames) {
  for (auto name : {"", "A", "a_b", "-a", "a-", ".a", "a.", "a..b", "a/b", "a.-b", "\xc3\xa4", "a b"}) {
    EXPECT_FALSE(validate_ring_name(name)) << name;
  }
  auto too_long = validate_ring_name(std::string(64, 'a'));
  ASSERT_FALSE(too_long);
  EXPECT_EQ(too_long.error().kind, ErrorKind::kInvalid);
  EXPECT_THAT(too_long.error().message, testing::HasSubstr("1 to 63"));
}

}  // namespace
}  // namespace ringside::sharding
