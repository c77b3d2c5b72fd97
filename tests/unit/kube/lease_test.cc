#include "kube/lease.h"

#include <gtest/gtest.h>

#include "base/rfc3339.h"
#include "kube/envelope.h"
#include "support/hex.h"

namespace ringside::kube {
namespace {

using testing::from_hex;
using testing::to_hex;

// Written by k8s.io/apimachinery v0.36.3: a Lease with everything, managedFields included, ...
constexpr std::string_view kFullOfGo =
    "6b3873000a1f0a16636f6f7264696e6174696f6e2e6b38732e696f2f763112054c656173651292010a6a0a046f702d3012001a076465666175"
    "6c7422002a027531320234323800420808d0fb8bd80610005a060a01611201315a060a016212013262060a01781201796a150a03506f641a04"
    "6f702d30220275322a02763130018a01110a016d12065570646174651a003200420012240a046f702d30100f1a0b08d0fb8bd806108094ef3a"
    "220b08d1fb8bd806108094ef3a28001a002200";
// ... and one with an empty holder.
constexpr std::string_view kReleasedOfGo =
    "6b3873000a1f0a16636f6f7264696e6174696f6e2e6b38732e696f2f763112054c6561736512170a110a017812001a0022002a003200380042"
    "0012020a001a002200";

WallTime at(std::string_view text) {
  return *parse_rfc3339(text);
}

Lease sample() {
  Lease lease;
  lease.metadata.name = "op-0";
  lease.metadata.ns = "default";
  lease.metadata.uid = "u1";
  lease.metadata.resource_version = "42";
  lease.metadata.creation_timestamp = at("2026-11-22T14:36:00Z");
  lease.metadata.labels = {{"a", "1"}, {"b", "2"}};
  lease.metadata.annotations = {{"x", "y"}};
  lease.metadata.owner_references = {{"v1", "Pod", "op-0", "u2", true, false}};
  lease.holder_identity = "op-0";
  lease.lease_duration_seconds = 15;
  lease.acquire_time = at("2026-11-22T14:36:00.123456Z");
  lease.renew_time = at("2026-11-22T14:36:01.123456Z");
  lease.lease_transitions = 0;
  return lease;
}

void expect_equal(const Lease& lease, const Lease& expected) {
  EXPECT_EQ(lease.metadata, expected.metadata);
  EXPECT_EQ(lease.holder_identity, expected.holder_identity);
  EXPECT_EQ(lease.lease_duration_seconds, expected.lease_duration_seconds);
  EXPECT_EQ(lease.acquire_time, expected.acquire_time);
  EXPECT_EQ(lease.renew_time, expected.renew_time);
  EXPECT_EQ(lease.lease_transitions, expected.lease_transitions);
  EXPECT_EQ(lease.strategy, expected.strategy);
  EXPECT_EQ(lease.preferred_holder, expected.preferred_holder);
}

TEST(Lease, WritesJson) {
  EXPECT_EQ(to_body(sample(), Encoding::kJson),
            R"({"kind":"Lease","apiVersion":"coordination.k8s.io/v1","metadata":{"name":"op-0","namespace":"default",)"
            R"("uid":"u1","resourceVersion":"42","creationTimestamp":"2026-11-22T14:36:00Z",)"
            R"("labels":{"a":"1","b":"2"},"annotations":{"x":"y"},"ownerReferences":[{"apiVersion":"v1","kind":"Pod",)"
            R"("name":"op-0","uid":"u2","controller":true,"blockOwnerDeletion":false}]},)"
            R"("spec":{"holderIdentity":"op-0","leaseDurationSeconds":15,"acquireTime":"2026-11-22T14:36:00.123456Z",)"
            R"("renewTime":"2026-11-22T14:36:01.123456Z","leaseTransitions":0}})");
}

TEST(Lease, ReadsProtobufOfTheApiServer) {
  auto lease = parse_lease(from_hex(kFullOfGo), Encoding::kProtobuf);
  ASSERT_TRUE(lease) << lease.error().message;
  expect_equal(*lease, sample());
  auto released = parse_lease(from_hex(kReleasedOfGo), Encoding::kProtobuf);
  ASSERT_TRUE(released);
  EXPECT_EQ(released->holder_identity, "");
  EXPECT_EQ(released->metadata.creation_timestamp, std::nullopt);
  EXPECT_EQ(released->renew_time, std::nullopt);
  EXPECT_EQ(released->lease_transitions, std::nullopt);
}

// Decoded by k8s.io/apimachinery v0.36.3 to the same Lease.
TEST(Lease, WritesProtobuf) {
  EXPECT_EQ(
      to_hex(to_body(sample(), Encoding::kProtobuf)),
      "6b3873000a1f0a16636f6f7264696e6174696f6e2e6b38732e696f2f763112054c65617365127c0a540a046f702d3012001a076465666175"
      "6c742a027531320234323800420808d0fb8bd80610005a060a01611201315a060a016212013262060a01781201796a150a03506f641a046f"
      "702d30220275322a027631300112240a046f702d30100f1a0b08d0fb8bd806108094ef3a220b08d1fb8bd806108094ef3a28001a002200");
}

TEST(Lease, ReadsWhatItWrites) {
  Lease full = sample();
  full.metadata.generate_name = "g-";
  full.metadata.generation = 3;
  full.metadata.finalizers = {"a/b"};
  full.metadata.deletion_timestamp = at("2026-11-22T14:37:00Z");
  full.strategy = "OldestEmulationVersion";
  full.preferred_holder = "op-1";
  for (const auto& lease : {Lease(), sample(), full}) {
    for (auto encoding : {Encoding::kJson, Encoding::kProtobuf}) {
      auto parsed = parse_lease(to_body(lease, encoding), encoding);
      ASSERT_TRUE(parsed) << parsed.error().message;
      expect_equal(*parsed, lease);
      EXPECT_EQ(to_body(*parsed, encoding), to_body(lease, encoding));
    }
  }
}

TEST(Lease, KeepsUnknownFieldsOfItsEncoding) {
  auto from_protobuf = parse_lease(from_hex(kFullOfGo), Encoding::kProtobuf);
  ASSERT_TRUE(from_protobuf);
  from_protobuf->holder_identity = "op-1";
  from_protobuf->metadata.labels.erase("a");
  from_protobuf->renew_time.reset();
  std::string body = to_body(*from_protobuf, Encoding::kProtobuf);
  EXPECT_NE(to_hex(body).find("8a01110a016d12065570646174651a0032004200"), std::string::npos) << "managedFields";
  auto again = parse_lease(body, Encoding::kProtobuf);
  ASSERT_TRUE(again);
  expect_equal(*again, *from_protobuf);

  auto from_json = parse_lease(
      R"({"metadata":{"name":"x","labels":{"a":"b"},"managedFields":[1]},"spec":{"holderIdentity":"a","new":{"b":1}}})",
      Encoding::kJson);
  ASSERT_TRUE(from_json);
  from_json->holder_identity.reset();
  from_json->metadata.labels.clear();
  EXPECT_EQ(to_body(*from_json, Encoding::kJson),
            R"({"metadata":{"name":"x","managedFields":[1]},"spec":{"new":{"b":1}},)"
            R"("kind":"Lease","apiVersion":"coordination.k8s.io/v1"})");
}

TEST(Lease, ReadsSparseJson) {
  auto lease = parse_lease(R"({"metadata":null,"spec":{"holderIdentity":null,"renewTime":"2026-01-01T00:00:00Z"}})",
                           Encoding::kJson);
  ASSERT_TRUE(lease) << lease.error().message;
  EXPECT_EQ(lease->holder_identity, std::nullopt);
  EXPECT_EQ(lease->renew_time, at("2026-01-01T00:00:00Z"));
  EXPECT_TRUE(parse_lease("{}", Encoding::kJson));
  EXPECT_EQ(json::to_string(*to_json(*lease).find("metadata")), "{}");
}

TEST(Lease, RefusesMalformedJson) {
  for (auto body : {"", "[]", "1", R"({"kind":"Pod"})", R"({"apiVersion":"v1"})", R"({"metadata":[]})", R"({"spec":1})",
                    R"({"spec":{"holderIdentity":1}})", R"({"spec":{"leaseDurationSeconds":"15"}})",
                    R"({"spec":{"leaseDurationSeconds":15.5}})", R"({"spec":{"leaseTransitions":2147483648}})",
                    R"({"spec":{"renewTime":"yesterday"}})", R"({"spec":{"renewTime":5}})",
                    R"({"spec":{"acquireTime":"0000-01-01T00:00:00Z"}})"}) {
    auto lease = parse_lease(body, Encoding::kJson);
    ASSERT_FALSE(lease) << body;
    EXPECT_EQ(lease.error().kind, ErrorKind::kInvalid);
  }
  EXPECT_EQ(parse_lease(R"({"spec":{"renewTime":5}})", Encoding::kJson).error().message,
            "Lease spec.renewTime: is no RFC 3339 time");
}

TEST(Lease, RefusesMalformedProtobuf) {
  auto envelope = [](std::string_view api_version, std::string_view kind, std::string_view raw_hex) {
    return to_body(Envelope{std::string(api_version), std::string(kind), from_hex(raw_hex)});
  };
  EXPECT_TRUE(parse_lease(envelope("coordination.k8s.io/v1beta1", "Lease", ""), Encoding::kProtobuf));
  EXPECT_TRUE(parse_lease(envelope("", "", ""), Encoding::kProtobuf));
  for (const auto& body : {
           std::string(), std::string("{}"), std::string("k8s\0\xff", 5), envelope("v1", "Lease", ""),
           envelope("coordination.k8s.io/v1", "LeaseCandidate", ""), envelope("", "", "ff"),
           envelope("", "", "12020aff"),                      // truncated
           envelope("", "", "12040a02c328"),                  // a holder that is no UTF-8
           envelope("", "", "120d220b08ffffffffffffffff7f"),  // truncated time
           envelope("", "", "120c220a08ffffffffffffffff7f"),  // a time beyond the year 9999
           envelope("", "", "120a2208080010808080800f"),      // negative nanoseconds
       }) {
    auto lease = parse_lease(body, Encoding::kProtobuf);
    ASSERT_FALSE(lease) << to_hex(body);
    EXPECT_EQ(lease.error().kind, ErrorKind::kInvalid);
  }
}

TEST(Lease, TimesBefore1970) {
  Lease lease;
  lease.renew_time = at("1969-12-31T23:59:59.5Z");
  for (auto encoding : {Encoding::kJson, Encoding::kProtobuf}) {
    EXPECT_EQ(parse_lease(to_body(lease, encoding), encoding)->renew_time, lease.renew_time);
  }
}

}  // namespace
}  // namespace ringside::kube
