#include "kube/meta.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/rfc3339.h"

namespace ringside::kube {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

json::Value json_of(std::string_view text) {
  return json::parse(text).value();
}

TEST(ObjectMetaTest, ReadsAllFields) {
  ObjectMeta meta = parse_object_meta(json_of(R"({
    "name": "foo", "generateName": "foo-", "namespace": "default", "uid": "u1", "resourceVersion": "42",
    "generation": 7, "labels": {"a": "1"}, "annotations": {"b": "2"}, "finalizers": ["x/y"],
    "creationTimestamp": "2026-11-22T14:36:00Z", "deletionTimestamp": "2026-11-22T14:37:00Z",
    "ownerReferences": [
      {"apiVersion": "v1", "kind": "Secret", "name": "s", "uid": "u2"},
      {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d", "uid": "u3", "controller": true,
       "blockOwnerDeletion": true}]})"));
  EXPECT_EQ(meta.name, "foo");
  EXPECT_EQ(meta.generate_name, "foo-");
  EXPECT_EQ(meta.ns, "default");
  EXPECT_EQ(meta.uid, "u1");
  EXPECT_EQ(meta.resource_version, "42");
  EXPECT_EQ(meta.generation, 7);
  EXPECT_THAT(meta.labels, ElementsAre(Pair("a", "1")));
  EXPECT_THAT(meta.annotations, ElementsAre(Pair("b", "2")));
  EXPECT_THAT(meta.finalizers, ElementsAre("x/y"));
  EXPECT_EQ(meta.creation_timestamp, parse_rfc3339("2026-11-22T14:36:00Z").value());
  EXPECT_EQ(meta.deletion_timestamp, parse_rfc3339("2026-11-22T14:37:00Z").value());
  ASSERT_EQ(meta.owner_references.size(), 2U);
  EXPECT_EQ(controller_of(meta), &meta.owner_references[1]);
  EXPECT_EQ(controller_of(meta)->kind, "Deployment");
  EXPECT_TRUE(controller_of(meta)->block_owner_deletion);
  EXPECT_EQ(meta.label("a"), "1");
  EXPECT_EQ(meta.label("b"), "");
  EXPECT_EQ(meta.annotation("b"), "2");
}

TEST(ObjectMetaTest, IsLenient) {
  for (auto text : {"null", "[]", "{}", R"({"name": 1, "labels": [], "annotations": {"a": 1}, "finalizers": [1],
                     "ownerReferences": {}, "creationTimestamp": null, "deletionTimestamp": "soon"})"}) {
    EXPECT_EQ(parse_object_meta(json_of(text)), ObjectMeta()) << text;
  }
}

TEST(ObjectMetaTest, WithoutControllerThereIsNone) {
  ObjectMeta meta =
      parse_object_meta(json_of(R"({"ownerReferences": [{"name": "s"}, {"name": "t", "controller": false}]})"));
  EXPECT_EQ(meta.owner_references.size(), 2U);
  EXPECT_EQ(controller_of(meta), nullptr);
}

TEST(TypeMetaTest, Reads) {
  EXPECT_EQ(parse_type_meta(json_of(R"({"apiVersion": "apps/v1", "kind": "Deployment"})")),
            (TypeMeta{"apps/v1", "Deployment"}));
  EXPECT_EQ(parse_type_meta(json_of("[]")), TypeMeta());
}

TEST(GroupTest, OfApiVersion) {
  EXPECT_EQ(group_of("apps/v1"), "apps");
  EXPECT_EQ(group_of("v1"), "");
  EXPECT_EQ(group_of(""), "");
}

TEST(NamesTest, ToString) {
  EXPECT_EQ(to_string(GroupResource{"apps", "deployments"}), "deployments.apps");
  EXPECT_EQ(to_string(GroupResource{"", "secrets"}), "secrets");
  EXPECT_EQ(to_string(NamespacedName{"default", "foo"}), "default/foo");
  EXPECT_EQ(to_string(NamespacedName{"", "foo"}), "foo");
  EXPECT_LT((NamespacedName{"a", "z"}), (NamespacedName{"b", "a"}));
}

LabelSelector selector_of(std::string_view text) {
  return parse_label_selector(json_of(text)).value();
}

bool matches(std::string_view selector, const Labels& labels) {
  return selector_of(selector).matches(labels);
}

TEST(LabelSelectorTest, EmptyMatchesEverything) {
  for (auto text : {"null", "{}", R"({"matchLabels": null, "matchExpressions": null})"}) {
    EXPECT_TRUE(matches(text, {})) << text;
    EXPECT_TRUE(matches(text, {{"a", "1"}})) << text;
  }
}

TEST(LabelSelectorTest, MatchLabels) {
  auto selector = R"({"matchLabels": {"a": "1", "b": "2"}})";
  EXPECT_TRUE(matches(selector, {{"a", "1"}, {"b", "2"}, {"c", "3"}}));
  EXPECT_FALSE(matches(selector, {{"a", "1"}, {"b", "3"}}));
  EXPECT_FALSE(matches(selector, {{"a", "1"}}));
}

TEST(LabelSelectorTest, Operators) {
  auto in = R"({"matchExpressions": [{"key": "a", "operator": "In", "values": ["1", "2"]}]})";
  EXPECT_TRUE(matches(in, {{"a", "2"}}));
  EXPECT_FALSE(matches(in, {{"a", "3"}}));
  EXPECT_FALSE(matches(in, {}));
  auto not_in = R"({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["1", "2"]}]})";
  EXPECT_FALSE(matches(not_in, {{"a", "2"}}));
  EXPECT_TRUE(matches(not_in, {{"a", "3"}}));
  EXPECT_TRUE(matches(not_in, {}));
  auto exists = R"({"matchExpressions": [{"key": "a", "operator": "Exists"}]})";
  EXPECT_TRUE(matches(exists, {{"a", ""}}));
  EXPECT_FALSE(matches(exists, {}));
  auto missing = R"({"matchExpressions": [{"key": "a", "operator": "DoesNotExist", "values": []}]})";
  EXPECT_FALSE(matches(missing, {{"a", ""}}));
  EXPECT_TRUE(matches(missing, {}));
}

TEST(LabelSelectorTest, EverythingMustHold) {
  auto both = R"({"matchLabels": {"a": "1"}, "matchExpressions": [{"key": "b", "operator": "Exists"}]})";
  EXPECT_TRUE(matches(both, {{"a", "1"}, {"b", ""}}));
  EXPECT_FALSE(matches(both, {{"a", "1"}}));
  EXPECT_FALSE(matches(both, {{"b", "1"}}));
}

TEST(LabelSelectorTest, RoundTrip) {
  for (
      auto text :
      {"{}", R"({"matchLabels":{"a":"1"}})",
       R"({"matchExpressions":[{"key":"a","operator":"NotIn","values":["1","2"]},{"key":"b","operator":"Exists"}]})"}) {
    EXPECT_EQ(json::to_string(to_json(selector_of(text))), text);
  }
}

std::string error_of(std::string_view text) {
  auto selector = parse_label_selector(json_of(text));
  EXPECT_FALSE(selector) << text;
  return selector ? "" : selector.error().message;
}

TEST(LabelSelectorTest, ErrorsNameTheField) {
  EXPECT_THAT(error_of("[]"), HasSubstr("must be an object"));
  EXPECT_EQ(error_of(R"({"matchLabels": []})"), "matchLabels: must map strings to strings");
  EXPECT_EQ(error_of(R"({"matchLabels": {"a": 1}})"), "matchLabels.a: must be a string");
  EXPECT_EQ(error_of(R"({"matchExpressions": {}})"), "matchExpressions: must be a list");
  EXPECT_EQ(error_of(R"({"matchExpressions": [{"operator": "Exists"}]})"),
            "matchExpressions[0].key: must be a non-empty string");
  EXPECT_EQ(error_of(R"({"matchExpressions": [{"key": "a", "operator": "Exists"}, {"key": "a", "operator": "Is"}]})"),
            "matchExpressions[1].operator: unknown operator 'Is', use In, NotIn, Exists or DoesNotExist");
  EXPECT_THAT(error_of(R"({"matchExpressions": [{"key": "a", "operator": "In"}]})"), HasSubstr("must not be empty"));
  EXPECT_THAT(error_of(R"({"matchExpressions": [{"key": "a", "operator": "Exists", "values": ["1"]}]})"),
              HasSubstr("must be empty"));
  EXPECT_THAT(error_of(R"({"matchExpressions": [{"key": "a", "operator": "In", "values": [1]}]})"),
              HasSubstr("list of strings"));
}

TEST(ToJsonTest, OwnerReferenceAndLabels) {
  OwnerReference owner{"apps/v1", "Deployment", "d", "u", true, false};
  EXPECT_EQ(
      json::to_string(to_json(owner)),
      R"({"apiVersion":"apps/v1","kind":"Deployment","name":"d","uid":"u","controller":true,"blockOwnerDeletion":false})");
  EXPECT_EQ(json::to_string(kube::to_json(Labels{{"a", "1"}})), R"({"a":"1"})");
  EXPECT_EQ(json::to_string(kube::to_json(Labels{})), "{}");
}

}  // namespace
}  // namespace ringside::kube
