#include "kube/admission_review.h"

#include <gtest/gtest.h>

namespace ringside::kube {
namespace {

constexpr std::string_view kCreate = R"({
  "kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1",
  "request": {
    "uid": "r1",
    "kind": {"group": "apps", "version": "v1", "kind": "Deployment"},
    "resource": {"group": "apps", "version": "v1", "resource": "deployments"},
    "requestKind": {"group": "apps", "version": "v1", "kind": "Deployment"},
    "name": "x", "namespace": "default", "operation": "CREATE",
    "userInfo": {"username": "system:serviceaccount:default:op", "uid": "u", "groups": ["a", "b"],
                 "extra": {"authentication.kubernetes.io/pod-name": ["op-0", "z"], "other": [], "bad": "text"}},
    "object": {
      "kind": "Deployment", "apiVersion": "apps/v1",
      "metadata": {"name": "x", "namespace": "default", "labels": {"a": "1"}, "generation": 2,
                   "ownerReferences": [{"apiVersion": "v1", "kind": "Foo", "name": "f", "uid": "u", "controller": true}],
                   "managedFields": [{"manager": "m", "fieldsV1": {"f:spec": {}}}],
                   "creationTimestamp": "2026-11-22T14:36:00Z"},
      "spec": {"metadata": {"name": "not this"}, "replicas": 18446744073709551615, "list": [[1.5, {"a": null}], true]},
      "status": {}
    },
    "oldObject": null, "dryRun": true,
    "options": {"kind": "CreateOptions", "fieldManager": "kubectl", "more": {"fieldManager": "no"}}
  }
})";

std::string review(std::string_view request) {
  return R"({"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":)" + std::string(request) + "}";
}

TEST(AdmissionReview, ReadsACreate) {
  auto request = parse_admission_review(kCreate);
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->uid, "r1");
  EXPECT_EQ(request->kind, (GroupVersionKind{"apps", "v1", "Deployment"}));
  EXPECT_EQ(request->resource, (GroupVersionResource{"apps", "v1", "deployments"}));
  EXPECT_EQ(request->sub_resource, "");
  EXPECT_EQ(request->name, "x");
  EXPECT_EQ(request->ns, "default");
  EXPECT_EQ(request->operation, Operation::kCreate);
  EXPECT_TRUE(request->dry_run);
  EXPECT_EQ(request->field_manager, "kubectl");
  EXPECT_EQ(request->user.name, "system:serviceaccount:default:op");
  EXPECT_EQ(request->user.extra_value(kPodNameExtra), "op-0");
  EXPECT_EQ(request->user.extra_value("other"), "");
  EXPECT_EQ(request->user.extra_value("none"), "");
  ASSERT_TRUE(request->object_meta);
  EXPECT_EQ(request->object_meta->name, "x");
  EXPECT_EQ(request->object_meta->label("a"), "1");
  EXPECT_EQ(request->object_meta->generation, 2);
  ASSERT_NE(controller_of(*request->object_meta), nullptr);
  EXPECT_EQ(controller_of(*request->object_meta)->name, "f");
  EXPECT_FALSE(request->old_object_meta);
  EXPECT_TRUE(request->object.is_null());
}

TEST(AdmissionReview, KeepsTheWholeObjectIfAsked) {
  auto request = parse_admission_review(kCreate, WholeObject::kKeep);
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->object_meta->name, "x");
  EXPECT_EQ(
      json::to_string(request->object),
      R"({"kind":"Deployment","apiVersion":"apps/v1","metadata":{"name":"x","namespace":"default",)"
      R"("labels":{"a":"1"},"generation":2,"ownerReferences":[{"apiVersion":"v1","kind":"Foo","name":"f",)"
      R"("uid":"u","controller":true}],"creationTimestamp":"2026-11-22T14:36:00Z"},)"
      R"("spec":{"metadata":{"name":"not this"},"replicas":18446744073709553000.0,"list":[[1.5,{"a":null}],true]},)"
      R"("status":{}})");
}

TEST(AdmissionReview, AnnotationsBelongToTheWholeObject) {
  std::string text = review(R"({"uid":"r","operation":"CREATE","object":{"metadata":{
      "name":"x","annotations":{"last-applied":"{\"a\":\"}\"}"},"labels":{"a":"1"}}}})");
  auto request = parse_admission_review(text);
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->object_meta->annotations, Labels());
  EXPECT_EQ(request->object_meta->label("a"), "1");
  EXPECT_EQ(parse_admission_review(text, WholeObject::kKeep)->object_meta->annotation("last-applied"), R"({"a":"}"})");
}

TEST(AdmissionReview, KeepsOfManyLabelsTheFirstAndThoseAskedFor) {
  std::string body = review(
      R"({"uid":"r","operation":"UPDATE","object":{"metadata":{"labels":{"a":"1","b":"2","x.dev/c":"3","d":"4"}}},
          "oldObject":{"metadata":{"labels":{"drain.x.dev\/c":"5"}}}})");
  auto read = [&](std::string_view labels_with) {
    AdmissionReviewParser parser(body, WholeObject::kSkip, labels_with);
    while (!parser.step(10)) {
    }
    return parser.take().value();
  };
  EXPECT_EQ(read("x.dev/").object_meta->labels, (Labels{{"a", "1"}, {"x.dev/c", "3"}}));
  EXPECT_EQ(read("x.dev/").old_object_meta->labels, (Labels{{"drain.x.dev/c", "5"}}));
  EXPECT_EQ(read("none").object_meta->labels, (Labels{{"a", "1"}})) << "there are labels, says the first of them";
  EXPECT_EQ(read("").object_meta->labels.size(), 4u);
}

TEST(AdmissionReview, ReadsUpdatesAndDeletes) {
  auto update = parse_admission_review(review(
      R"({"uid":"r","operation":"UPDATE","subResource":"status","object":{"metadata":{"name":"new"}},
          "oldObject":{"metadata":{"name":"old"},"spec":{}}})"));
  ASSERT_TRUE(update) << update.error().message;
  EXPECT_EQ(update->operation, Operation::kUpdate);
  EXPECT_EQ(update->sub_resource, "status");
  EXPECT_EQ(update->object_meta->name, "new");
  EXPECT_EQ(update->old_object_meta->name, "old");
  EXPECT_FALSE(update->dry_run);
  auto remove = parse_admission_review(review(R"({"uid":"r","operation":"DELETE","object":null,"oldObject":{}})"));
  ASSERT_TRUE(remove);
  EXPECT_FALSE(remove->object_meta);
  EXPECT_TRUE(remove->old_object_meta);
  EXPECT_EQ(parse_admission_review(review(R"({"uid":"r","operation":"CONNECT"})"))->operation, Operation::kConnect);
}

TEST(AdmissionReview, LastOfEqualNamesCounts) {
  auto request = parse_admission_review(review(
      R"({"uid":"a","operation":"CREATE","uid":"b","object":{"metadata":{"name":"x"},"metadata":{"name":"y"}}})"));
  ASSERT_TRUE(request);
  EXPECT_EQ(request->uid, "b");
  EXPECT_EQ(request->object_meta->name, "y");
}

TEST(AdmissionReview, WrongTypesAreAsIfMissing) {
  auto request = parse_admission_review(review(
      R"({"uid":"r","operation":"CREATE","name":1,"userInfo":[],"object":{"metadata":[{"name":"x"}]},"oldObject":[{}],
          "options":"x","dryRun":"yes","kind":"Pod","resource":[1]})"));
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->name, "");
  EXPECT_EQ(request->object_meta->name, "");
  EXPECT_FALSE(request->old_object_meta);
  EXPECT_FALSE(request->dry_run);
}

TEST(AdmissionReview, RefusesWhatIsNone) {
  const std::pair<std::string, std::string_view> cases[] = {
      {"", "AdmissionReview: not valid JSON before offset 0: it is empty"},
      {R"({"kind":"AdmissionReview",)", "AdmissionReview: not valid JSON before offset 26: it ends too early"},
      {"[]", "AdmissionReview: is no JSON object"},
      {"5", "AdmissionReview: is no JSON object"},
      {"{}", "AdmissionReview: kind '' of '' is not AdmissionReview of admission.k8s.io/v1"},
      {R"({"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1beta1"})",
       "AdmissionReview: kind 'AdmissionReview' of 'admission.k8s.io/v1beta1' is not AdmissionReview of "
       "admission.k8s.io/v1"},
      {R"({"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1"})", "AdmissionReview: request is missing"},
      {review("null"), "AdmissionReview: request is missing"},
      {review("[1]"), "AdmissionReview: request is missing"},
      {review("{}"), "AdmissionReview: request.uid is missing"},
      {review(R"({"uid":5,"operation":"CREATE"})"), "AdmissionReview: request.uid is missing"},
      {review(R"({"uid":"r"})"), "AdmissionReview: request.operation is ''"},
      {review(R"({"uid":"r","operation":"create"})"), "AdmissionReview: request.operation is 'create'"},
  };
  for (const auto& [body, message] : cases) {
    auto request = parse_admission_review(body);
    ASSERT_FALSE(request) << body;
    EXPECT_EQ(request.error().kind, ErrorKind::kInvalid);
    EXPECT_EQ(request.error().message, message);
  }
  for (auto body : {R"({"a":1} x)", R"({"a":})", "{\"a\":\"\xff\"}"})
    EXPECT_FALSE(parse_admission_review(body)) << body;
}

TEST(AdmissionReview, StepsOfAnySizeReadTheSame) {
  for (std::string_view body : {std::string_view(kCreate), std::string_view(R"({"a":1} x)"), std::string_view("{")}) {
    auto whole = parse_admission_review(body);
    for (size_t budget = 1; budget < 200; ++budget) {
      AdmissionReviewParser parser(body);
      size_t steps = 1;
      while (!parser.step(budget)) ++steps;
      EXPECT_GE(steps * (budget + 200), body.size());
      auto request = parser.take();
      ASSERT_EQ(request.has_value(), whole.has_value());
      if (!whole) continue;
      EXPECT_EQ(request->uid, whole->uid);
      EXPECT_EQ(request->object_meta, whole->object_meta);
    }
  }
}

TEST(AdmissionReview, DepthIsLimitedWhereItIsKept) {
  auto nested = [](const std::string& front, int depth, const std::string& back) {
    return review(R"({"uid":"r","operation":"CREATE","object":{)" + front + std::string(size_t(depth), '[') +
                  std::string(size_t(depth), ']') + back + "}}");
  };
  EXPECT_TRUE(parse_admission_review(nested(R"("spec":)", 9'000, "")));
  EXPECT_TRUE(parse_admission_review(nested(R"("spec":)", 1'000'000, "")));
  EXPECT_FALSE(parse_admission_review(nested(R"("spec":)", 9'000, ""), WholeObject::kKeep));
  EXPECT_TRUE(parse_admission_review(nested(R"("metadata":{"labels":)", 100, "}")));
  EXPECT_FALSE(parse_admission_review(nested(R"("metadata":{"labels":)", 130, "}")));
}

TEST(AdmissionReview, WritesAnswers) {
  const std::string front = R"({"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","response":{"uid":"r1",)";
  EXPECT_EQ(to_body(allow(), "r1"), front + R"("allowed":true}})");
  EXPECT_EQ(to_body(allow_with_patch("[]"), "r1"), front + R"("allowed":true}})");
  EXPECT_EQ(to_body(allow_with_patch(R"([{"op":"remove","path":"/a"}])"), "r1"),
            front + R"("allowed":true,"patch":"W3sib3AiOiJyZW1vdmUiLCJwYXRoIjoiL2EifV0=","patchType":"JSONPatch"}})");
  EXPECT_EQ(json::parse(to_body(allow(), "a\"b\n"))->string_at({"response", "uid"}), "a\"b\n");
  auto warned = allow();
  warned.warnings = {"a", "b"};
  EXPECT_EQ(to_body(warned, "r1"), front + R"("allowed":true,"warnings":["a","b"]}})");
  EXPECT_EQ(to_body(deny(403, "no"), "r1"),
            front + R"("allowed":false,"status":{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure",)"
                    R"("message":"no","reason":"Forbidden","code":403}}})");
}

TEST(AdmissionReview, PatchIsBase64OfAnyLength) {
  for (std::string value : {"", "1", "12", "123"}) {
    auto body = json::parse(to_body(allow_with_patch("[\"" + value + "\"]"), "r"));
    std::string patch(body->string_at({"response", "patch"}));
    EXPECT_EQ(patch.size() % 4, 0U);
    EXPECT_EQ(patch.substr(0, 3), "WyI");  // '["'
  }
}

}  // namespace
}  // namespace ringside::kube
