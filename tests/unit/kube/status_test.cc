#include "kube/status.h"

#include <gtest/gtest.h>

#include "support/hex.h"

namespace ringside::kube {
namespace {

using std::chrono::seconds;

// Written by k8s.io/apimachinery v0.36.3.
constexpr std::string_view kNotFoundOfGo =
    "6b3873000a0c0a0276311206537461747573126e0a060a0012001a0012074661696c7572651a286c65617365732e636f6f7264696e6174696f"
    "6e2e6b38732e696f20227822206e6f7420666f756e6422084e6f74466f756e642a240a01781213636f6f7264696e6174696f6e2e6b38732e69"
    "6f1a066c6561736573280032003094031a002200";

TEST(Status, WritesJson) {
  EXPECT_EQ(to_body(not_found("coordination.k8s.io", "leases", "x"), Encoding::kJson),
            R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure",)"
            R"("message":"leases.coordination.k8s.io \"x\" not found","reason":"NotFound",)"
            R"("details":{"name":"x","group":"coordination.k8s.io","kind":"leases"},"code":404})");
  EXPECT_EQ(to_body(service_unavailable("m", 2), Encoding::kJson),
            R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"m",)"
            R"("reason":"ServiceUnavailable","details":{"retryAfterSeconds":2},"code":503})");
  EXPECT_EQ(to_body(Status{200, "", "done"}, Encoding::kJson),
            R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Success","message":"done","code":200})");
}

TEST(Status, IsTheErrorEventOfAWatch) {
  Status expired{.code = 410, .reason = "Expired", .message = "m"};
  EXPECT_EQ(to_error_event(expired, Encoding::kJson),
            R"({"type":"ERROR","object":)" + to_body(expired, Encoding::kJson) + "}\n");
  EXPECT_EQ(to_error_event(expired, Encoding::kYaml), to_error_event(expired, Encoding::kJson));
  // k8s.io/apimachinery: four bytes of length, WatchEvent{type 1, object 2}, RawExtension{raw 1}.
  std::string object = to_body(expired, Encoding::kProtobuf);
  ASSERT_LT(object.size(), 0x70U) << "so that lengths take one byte";
  std::string event =
      std::string("\x0a\x05") + "ERROR" + "\x12" + char(object.size() + 2) + "\x0a" + char(object.size()) + object;
  EXPECT_EQ(to_error_event(expired, Encoding::kProtobuf), std::string(3, '\0') + char(event.size()) + event);
}

TEST(Status, ReadsWhatItWrites) {
  for (const auto& status :
       {bad_request("a"), forbidden("b"), not_found("", "secrets", "x"), conflict("apps", "deployments", "y", "c"),
        already_exists("apps", "deployments", "z"), too_many_requests("d", 1), internal_error("e"), bad_gateway("f"),
        service_unavailable("g", 30), gateway_timeout("h")}) {
    for (auto encoding : {Encoding::kJson, Encoding::kProtobuf}) {
      auto parsed = parse_status(to_body(status, encoding));
      ASSERT_TRUE(parsed) << parsed.error().message;
      EXPECT_EQ(*parsed, status) << status.message;
    }
  }
}

TEST(Status, ReadsProtobufOfTheApiServer) {
  EXPECT_EQ(parse_status(testing::from_hex(kNotFoundOfGo)), not_found("coordination.k8s.io", "leases", "x"));
}

TEST(Status, WordsMessagesAsKubernetesDoes) {
  EXPECT_EQ(conflict("apps", "deployments", "x", "it is being handed over").message,
            "Operation cannot be fulfilled on deployments.apps \"x\": it is being handed over");
  EXPECT_EQ(already_exists("", "secrets", "x").message, "secrets \"x\" already exists");
}

TEST(Status, RefusesOtherObjects) {
  for (auto body : {"", "x", "[]", "{}", R"({"kind":"Pod"})"}) {
    EXPECT_EQ(parse_status(body).error().kind, ErrorKind::kInvalid) << body;
  }
  EXPECT_FALSE(parse_status(std::string_view("k8s\0", 4)));
  EXPECT_FALSE(parse_status(std::string_view("k8s\0\xff", 5)));
}

TEST(Status, ReadsForeignNumbersWithCare) {
  auto status = parse_status(R"({"kind":"Status","code":99999999999,"details":{"retryAfterSeconds":-5}})");
  ASSERT_TRUE(status);
  EXPECT_EQ(status->code, 0);
  EXPECT_EQ(status->retry_after_seconds, std::nullopt);
}

TEST(Status, ReasonDecidesWhatToDo) {
  struct Case {
    int code;
    std::string reason;
    ErrorKind expected;
  };
  const Case cases[] = {
      {401, "Unauthorized", ErrorKind::kUnauthorised},
      {403, "Forbidden", ErrorKind::kForbidden},
      {404, "NotFound", ErrorKind::kNotFound},
      {409, "AlreadyExists", ErrorKind::kExists},
      {409, "Conflict", ErrorKind::kConflict},
      {410, "Gone", ErrorKind::kGone},
      {410, "Expired", ErrorKind::kGone},
      {422, "Invalid", ErrorKind::kInvalid},
      {400, "BadRequest", ErrorKind::kInvalid},
      {405, "MethodNotAllowed", ErrorKind::kInvalid},
      {413, "RequestEntityTooLarge", ErrorKind::kInvalid},
      {429, "TooManyRequests", ErrorKind::kRetry},
      {500, "ServerTimeout", ErrorKind::kRetry},
      {500, "InternalError", ErrorKind::kRetry},
      {503, "ServiceUnavailable", ErrorKind::kRetry},
      {504, "Timeout", ErrorKind::kTimedOut},
      {409, "", ErrorKind::kConflict},
      {500, "", ErrorKind::kRetry},
      {502, "", ErrorKind::kRetry},
      {418, "NewReason", ErrorKind::kInvalid},
      {408, "", ErrorKind::kTimedOut},
      {429, "", ErrorKind::kRetry},
  };
  for (const auto& test : cases) {
    Status status{test.code, test.reason, "the message"};
    for (auto encoding : {Encoding::kJson, Encoding::kProtobuf}) {
      auto error = to_error(test.code, to_body(status, encoding));
      EXPECT_EQ(error.kind, test.expected) << test.code << " " << test.reason;
      EXPECT_EQ(error.message, "the message");
    }
  }
}

TEST(Status, ErrorOfABodyThatIsNoStatus) {
  auto error = to_error(503, "upstream connect error\n\x01", 3);
  EXPECT_EQ(error.kind, ErrorKind::kRetry);
  EXPECT_EQ(error.message, "HTTP status 503: upstream connect error");
  EXPECT_EQ(error.retry_after, seconds(3));
  EXPECT_EQ(to_error(401, "").message, "HTTP status 401");
  EXPECT_EQ(to_error(401, "").kind, ErrorKind::kUnauthorised);
  EXPECT_LT(to_error(500, std::string(100'000, 'x')).message.size(), 300U);
}

TEST(Status, RetryAfterOfTheHeaderCountsMore) {
  auto body = to_body(too_many_requests("m", 7), Encoding::kJson);
  EXPECT_EQ(to_error(429, body).retry_after, seconds(7));
  EXPECT_EQ(to_error(429, body, 2).retry_after, seconds(2));
  EXPECT_EQ(to_error(forbidden("m")).retry_after, std::nullopt);
}

}  // namespace
}  // namespace ringside::kube
