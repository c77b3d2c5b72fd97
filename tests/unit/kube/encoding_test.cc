#include "kube/encoding.h"

#include <gtest/gtest.h>

namespace ringside::kube {
namespace {

constexpr auto kJson = Encoding::kJson;
constexpr auto kProtobuf = Encoding::kProtobuf;

TEST(Encoding, OfContentType) {
  EXPECT_EQ(encoding_of_content_type("application/json"), kJson);
  EXPECT_EQ(encoding_of_content_type(" Application/JSON ; charset=utf-8"), kJson);
  EXPECT_EQ(encoding_of_content_type(""), kJson);
  EXPECT_EQ(encoding_of_content_type("application/vnd.kubernetes.protobuf"), kProtobuf);
  EXPECT_EQ(encoding_of_content_type("application/vnd.kubernetes.protobuf;stream=watch"), kProtobuf);
  for (auto other : {"application/cbor", "application/merge-patch+json", "application/yaml", "text/plain", "json"}) {
    EXPECT_EQ(encoding_of_content_type(other).error().kind, ErrorKind::kInvalid) << other;
  }
}

TEST(Encoding, OfBody) {
  EXPECT_EQ(encoding_of_body(std::string_view("k8s\0x", 5)), kProtobuf);
  EXPECT_EQ(encoding_of_body("{}"), kJson);
  EXPECT_EQ(encoding_of_body("k8s"), kJson);
  EXPECT_EQ(encoding_of_body(""), kJson);
}

TEST(Encoding, ContentTypeOfWhatWeWrite) {
  EXPECT_EQ(content_type(kJson), "application/json");
  EXPECT_EQ(content_type(kProtobuf), "application/vnd.kubernetes.protobuf");
}

TEST(Encoding, ChoosesFromAccept) {
  struct Case {
    std::string_view accept;
    Encoding expected;
  };
  const Case cases[] = {
      {"", kJson},
      {"*/*", kJson},
      {"application/*", kJson},
      {"application/json", kJson},
      {"application/vnd.kubernetes.protobuf", kProtobuf},
      {"application/yaml", Encoding::kYaml},
      {"application/yaml;q=0.5, application/json", kJson},
      {"application/yaml, */*", Encoding::kYaml},
      {"application/vnd.kubernetes.protobuf,application/json", kProtobuf},
      {"application/vnd.kubernetes.protobuf, */*", kProtobuf},
      {"*/*, application/vnd.kubernetes.protobuf", kProtobuf},
      {"application/json,application/vnd.kubernetes.protobuf", kJson},
      {"application/cbor,application/json", kJson},
      {"application/cbor, application/vnd.kubernetes.protobuf, application/json", kProtobuf},
      {"application/cbor", kJson},
      {"text/html", kJson},
      {"application/json;q=0.5,application/vnd.kubernetes.protobuf;q=0.9", kProtobuf},
      {"application/json;q=0.9,application/vnd.kubernetes.protobuf;q=0.5", kJson},
      {"application/vnd.kubernetes.protobuf;q=0, application/json", kJson},
      {"application/vnd.kubernetes.protobuf;q=0", kJson},
      {"application/vnd.kubernetes.protobuf;q=x", kJson},
      {"application/vnd.kubernetes.protobuf;q=nan", kJson},
      {"application/vnd.kubernetes.protobuf;q=2", kJson},
      {"application/vnd.kubernetes.protobuf; Q=0.1 , */*;q=0.2", kJson},
      {"application/json;as=Table;v=v1;g=meta.k8s.io,application/json", kJson},
      {"application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json", kProtobuf},
      {"application/vnd.kubernetes.protobuf;stream=watch", kProtobuf},
      {"APPLICATION/VND.KUBERNETES.PROTOBUF", kProtobuf},
      {",,;,application/vnd.kubernetes.protobuf", kProtobuf},
  };
  for (const auto& test : cases) EXPECT_EQ(choose_encoding(test.accept), test.expected) << test.accept;
}

}  // namespace
}  // namespace ringside::kube
