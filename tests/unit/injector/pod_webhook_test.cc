#include "injector/pod_webhook.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "injector/ca_bundle_patcher.h"
#include "injector/options.h"

namespace ringside::injector {
namespace {

using testing::HasSubstr;

const InjectionOptions kOptions = {.image = "sidecar:test"};

kube::AdmissionRequest pod_create(std::string annotations) {
  std::string metadata = R"({"name":"app","namespace":"default","annotations":{)" + annotations + "}}";
  std::string body = R"({"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"1",)"
                     R"("kind":{"group":"","version":"v1","kind":"Pod"},)"
                     R"("resource":{"group":"","version":"v1","resource":"pods"},"operation":"CREATE",)"
                     R"("object":{"apiVersion":"v1","kind":"Pod","metadata":)" +
                     metadata +
                     R"(,"spec":{"containers":[{"name":"app","image":"app:1"}],"volumes":[{"name":"token"}]}}}})";
  return kube::parse_admission_review(body, kube::WholeObject::kKeep).value();
}

TEST(PodWebhookTest, PodWithoutTheAnnotationIsAllowedAsItIs) {
  auto response = decide(pod_create(""), {"example"}, kOptions);
  EXPECT_TRUE(response.allowed);
  EXPECT_EQ(response.patch, "");
}

TEST(PodWebhookTest, UnknownRingIsDeniedWithTheNamesThereAreAndTheWayOut) {
  auto review = pod_create(R"("sidecar.alpha.sharding.timebertt.dev/controllerring":"nobody")");
  auto response = decide(review, {"a", "b"}, kOptions);
  ASSERT_FALSE(response.allowed);
  EXPECT_THAT(response.status->message, HasSubstr("\"nobody\""));
  EXPECT_THAT(response.status->message, HasSubstr("a, b"));
  EXPECT_THAT(response.status->message, HasSubstr("Create the ControllerRing"));
  EXPECT_THAT(decide(review, {}, kOptions).status->message, HasSubstr("nor any other"));
}

TEST(PodWebhookTest, OtherOperationsAndResourcesAreAllowed) {
  auto review = pod_create(R"("sidecar.alpha.sharding.timebertt.dev/controllerring":"nobody")");
  review.operation = kube::Operation::kUpdate;
  EXPECT_TRUE(decide(review, {}, kOptions).allowed);
  review.operation = kube::Operation::kCreate;
  review.sub_resource = "eviction";
  EXPECT_TRUE(decide(review, {}, kOptions).allowed);
}

TEST(CaBundlePatchTest, EveryWebhookThatLacksItGetsIt) {
  auto configuration = json::parse(R"({"webhooks":[{"name":"a","clientConfig":{"caBundle":"eA=="}},
                                                   {"name":"b","clientConfig":{}}]})")
                           .value();
  EXPECT_EQ(json::to_string(make_ca_bundle_patch(configuration, "eA==")),
            R"([{"op":"test","path":"/webhooks/1/name","value":"b"},)"
            R"({"op":"add","path":"/webhooks/1/clientConfig/caBundle","value":"eA=="}])");
  EXPECT_EQ(json::to_string(make_ca_bundle_patch(json::Value(), "eA==")), "[]");
}

TEST(OptionsTest, Addresses) {
  EXPECT_EQ(parse_address(":9443").value(), (Address{"", 9443}));
  EXPECT_EQ(parse_address("127.0.0.1:80").value(), (Address{"127.0.0.1", 80}));
  EXPECT_EQ(parse_address("[::1]:80").value(), (Address{"::1", 80}));
  for (std::string text : {"", "9443", ":", ":x", ":65536", "host:"}) EXPECT_FALSE(parse_address(text)) << text;
}

}  // namespace
}  // namespace ringside::injector
