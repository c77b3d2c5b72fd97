#include "kube/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/file.h"
#include "kube/status.h"
#include "tests/support/fake_api.h"
#include "tests/support/run_task.h"

namespace ringside::kube {
namespace {

using ringside::testing::answer;
using ringside::testing::answer_json;
using ringside::testing::FakeApi;
using ringside::testing::query_parameter;
using ringside::testing::Record;
using ringside::testing::run;
using ringside::testing::Started;
using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const ResourceType kSecrets{"", "v1", "secrets"};

json::Value object(std::string name, std::string version = "1") {
  return json::Value::object(
      {{"metadata", json::Value::object({{"name", name}, {"namespace", "ns"}, {"resourceVersion", version}})}});
}

std::string event(std::string type, const json::Value& object) {
  return json::to_string(json::Value::object({{"type", type}, {"object", object}})) + "\n";
}

TEST(KubeClientTest, Paths) {
  EXPECT_EQ(path_of(kSecrets), "/api/v1/secrets");
  EXPECT_EQ(path_of(kSecrets, "ns"), "/api/v1/namespaces/ns/secrets");
  EXPECT_EQ(path_of(leases(), "ns", "a/b", "status"), "/apis/coordination.k8s.io/v1/namespaces/ns/leases/a%2Fb/status");
  EXPECT_EQ(path_of({"apps", "v1", "deployments"}, "", "x"), "/apis/apps/v1/deployments/x");
}

TEST(KubeClientTest, RequestsAsTheApiServerExpectsThem) {
  FakeApi api;
  api.on_request = [](Record& request) { answer_json(request, 200, object("x")); };
  Client& client = api.client;
  auto last = [&]() -> Record& { return *api.requests.back(); };
  auto header = [&](std::string_view name) { return std::string(last().request.headers.get_or(name, "none")); };

  EXPECT_EQ(run(api.loop, client.get(kSecrets, "ns", "x"))->string_at({"metadata", "name"}), "x");
  EXPECT_EQ(last().request.method + " " + last().request.path, "GET /api/v1/namespaces/ns/secrets/x");
  EXPECT_EQ(header("accept"), "application/json");
  EXPECT_EQ(header("user-agent"), "ringside");
  EXPECT_EQ(header("authorization"), "none");

  EXPECT_TRUE(run(api.loop, client.get(kSecrets, "ns", "x", true)));
  EXPECT_EQ(header("accept"), "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1");

  EXPECT_TRUE(run(api.loop, client.create(kSecrets, "ns", object("x"), {.field_manager = "me"})));
  EXPECT_EQ(last().request.method + " " + last().request.path, "POST /api/v1/namespaces/ns/secrets?fieldManager=me");
  EXPECT_EQ(last().body, json::to_string(object("x")));
  EXPECT_EQ(header("content-type"), "application/json");

  EXPECT_TRUE(run(api.loop, client.update(kSecrets, "ns", "x", object("x"), {.subresource = "status"})));
  EXPECT_EQ(last().request.method + " " + last().request.path, "PUT /api/v1/namespaces/ns/secrets/x/status");

  const std::pair<PatchType, std::string> patches[] = {
      {PatchType::kMerge, "application/merge-patch+json"},
      {PatchType::kJson, "application/json-patch+json"},
      {PatchType::kStrategicMerge, "application/strategic-merge-patch+json"}};
  for (const auto& [type, content_type] : patches) {
    EXPECT_TRUE(run(api.loop, client.patch(kSecrets, "ns", "x", type, json::Array())));
    EXPECT_EQ(last().request.method, "PATCH");
    EXPECT_EQ(header("content-type"), content_type);
    EXPECT_EQ(last().body, "[]");
  }

  EXPECT_TRUE(run(api.loop, client.apply(kSecrets, "ns", "x", object("x"), {.field_manager = "me", .force = true})));
  EXPECT_EQ(last().request.path, "/api/v1/namespaces/ns/secrets/x?fieldManager=me&force=true");
  EXPECT_EQ(header("content-type"), "application/apply-patch+yaml");

  EXPECT_TRUE(run(api.loop, client.remove(kSecrets, "ns", "x")));
  EXPECT_EQ(last().request.method, "DELETE");
  EXPECT_FALSE(last().has_body);
  EXPECT_TRUE(run(api.loop, client.remove(kSecrets, "ns", "x", {.uid = "u", .resource_version = "5"})));
  EXPECT_EQ(last().body,
            R"({"kind":"DeleteOptions","apiVersion":"v1","preconditions":{"uid":"u","resourceVersion":"5"}})");

  EXPECT_TRUE(run(api.loop, client.get_raw("/version")));
  EXPECT_EQ(last().request.path, "/version");
}

TEST(KubeClientTest, StatusesBecomeTypedErrors) {
  struct Case {
    int code;
    std::string body;
    ErrorKind kind;
    std::string message;
  };
  const Case cases[] = {
      {404, json::to_string(to_json(not_found("", "secrets", "x"))), ErrorKind::kNotFound, "not found"},
      {409, json::to_string(to_json(conflict("", "secrets", "x", "changed"))), ErrorKind::kConflict, "changed"},
      {409, json::to_string(to_json(already_exists("", "secrets", "x"))), ErrorKind::kExists, "exists"},
      {403, json::to_string(to_json(forbidden("no"))), ErrorKind::kForbidden, "no"},
      {500, "<html>oops</html>", ErrorKind::kRetry, "oops"},
      {503, "", ErrorKind::kRetry, "503"},
      {410, "{}", ErrorKind::kGone, ""},
  };
  for (const Case& c : cases) {
    FakeApi api;
    api.on_request = [&](Record& request) { answer(request, c.code, c.body, {{"retry-after", "7"}}); };
    auto got = run(api.loop, api.client.get(kSecrets, "ns", "x"));
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().kind, c.kind) << c.code;
    EXPECT_THAT(got.error().message, StartsWith("get secrets ns/x: "));
    EXPECT_THAT(got.error().message, HasSubstr(c.message));
    EXPECT_EQ(got.error().retry_after, seconds(7));
    EXPECT_EQ(api.requests.size(), 1u);
  }
}

TEST(KubeClientTest, RefusedTokenIsReadAgainOnce) {
  std::string path = std::filesystem::temp_directory_path() / ("ringside-client-test-" + std::to_string(::getpid()));
  ASSERT_TRUE(write_file_atomically(path, "old", 0600));
  Config config;
  config.token_file = path;
  FakeApi api({}, config);
  api.on_request = [&](Record& request) {
    bool good = request.request.headers.get("authorization") == "Bearer new";
    answer(request, good ? 200 : 401, "{}");
    if (!good) EXPECT_TRUE(write_file_atomically(path, "new", 0600));
  };
  EXPECT_TRUE(run(api.loop, api.client.get(kSecrets, "ns", "x")));
  EXPECT_EQ(api.requests.size(), 2u);

  api.on_request = [&](Record& request) { answer(request, 401, "{}"); };
  EXPECT_EQ(run(api.loop, api.client.get(kSecrets, "ns", "x")).error().kind, ErrorKind::kUnauthorised);
  EXPECT_EQ(api.requests.size(), 4u);
  std::filesystem::remove(path);
}

TEST(KubeClientTest, TimeOutsBoundHeadAndBody) {
  for (bool head : {false, true}) {
    FakeApi api;
    api.on_request = [&](Record& request) {
      if (head) request.stream->send_response({200, {}}, false);
    };
    Started got(api.loop, api.client.get(kSecrets, "ns", "x"));
    api.loop.advance(seconds(9));
    EXPECT_FALSE(got.done());
    api.loop.advance(seconds(1));
    ASSERT_TRUE(got.done());
    EXPECT_EQ(got.result().error().kind, ErrorKind::kTimedOut);
    api.loop.run_ready();
    EXPECT_TRUE(api.requests[0]->closed);  // given up
  }
}

TEST(KubeClientTest, AnswersThatAreNotJson) {
  FakeApi api;
  api.on_request = [](Record& request) { answer(request, 200, "not json"); };
  EXPECT_EQ(run(api.loop, api.client.get(kSecrets, "ns", "x")).error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(run(api.loop, api.client.list(kSecrets, {})).error().kind, ErrorKind::kInvalid);
}

TEST(KubeClientTest, ListsPageByPage) {
  for (size_t per_call : {size_t(1), size_t(1) << 20}) {
    FakeApi api({.max_bytes_per_call = per_call});
    api.on_request = [](Record& request) {
      std::string token = query_parameter(request, "continue");
      int page = token.empty() ? 0 : token.back() - '0';
      EXPECT_EQ(query_parameter(request, "limit"), "2");
      EXPECT_EQ(query_parameter(request, "labelSelector"), "a=b,c in (d, e)");
      EXPECT_EQ(query_parameter(request, "resourceVersion"), page == 0 ? "5" : "");
      auto list = json::Value::object(
          {{"metadata", json::Value::object({{"resourceVersion", "9"}})},
           {"items", json::Value::array({object("a" + std::to_string(page)), object("b" + std::to_string(page))})}});
      if (page < 2) list["metadata"]["continue"] = "tok&n=" + std::to_string(page + 1);
      answer_json(request, 200, list);
    };
    ListOptions options{
        .ns = "ns", .label_selector = "a=b,c in (d, e)", .field_selector = {}, .resource_version = "5", .limit = 2};
    auto list = run(api.loop, api.client.list(kSecrets, options));
    ASSERT_TRUE(list) << list.error().message;
    EXPECT_EQ(list->resource_version, "9");
    ASSERT_EQ(list->items.size(), 6u);
    EXPECT_EQ(list->items[5].string_at({"metadata", "name"}), "b2");

    std::vector<std::string> names;
    auto version = run(api.loop, api.client.for_each_metadata(kSecrets, options,
                                                              [&](ObjectMeta meta) { names.push_back(meta.name); }));
    EXPECT_EQ(version.value(), "9");
    EXPECT_THAT(names, ::testing::ElementsAre("a0", "b0", "a1", "b1", "a2", "b2"));
    EXPECT_THAT(std::string(api.requests.back()->request.headers.get_or("accept", "")),
                HasSubstr("PartialObjectMetadataList"));
  }
}

TEST(KubeClientTest, PageThatExpiredIsGone) {
  FakeApi api;
  api.on_request = [](Record& request) {
    if (!query_parameter(request, "continue").empty())
      return answer(request, 410, R"({"kind":"Status","reason":"Expired","code":410})");
    answer(request, 200, R"({"metadata":{"continue":"x"},"items":[]})");
  };
  EXPECT_EQ(run(api.loop, api.client.list(kSecrets, {})).error().kind, ErrorKind::kGone);
}

TEST(KubeClientTest, WatchEventsWhateverTheirPieces) {
  std::string bytes = event("ADDED", object("a", "1")) + event("MODIFIED", object("a", "2")) +
                      event("DELETED", object("a", "3")) + event("BOOKMARK", object("", "4"));
  for (size_t piece = 1; piece < bytes.size(); piece = piece * 2 + 1) {
    FakeApi api;
    auto watch = Started(
        api.loop,
        api.client.watch(kSecrets, {.ns = "ns", .label_selector = {}, .field_selector = {}, .resource_version = "7"}));
    api.loop.run_ready();
    Record& request = *api.requests[0];
    EXPECT_EQ(query_parameter(request, "watch"), "true");
    EXPECT_EQ(query_parameter(request, "allowWatchBookmarks"), "true");
    EXPECT_EQ(query_parameter(request, "resourceVersion"), "7");
    int64_t timeout = parse_int(query_parameter(request, "timeoutSeconds")).value();
    EXPECT_TRUE(timeout >= 300 && timeout < 600);
    request.stream->send_response({200, {}}, false);
    api.loop.run_ready();
    ASSERT_TRUE(watch.done() && watch.result());
    std::vector<std::string> versions;
    std::vector<WatchEventType> types;
    std::unique_ptr<Started<Result<WatchEvent>>> next;
    for (size_t begin = 0; begin < bytes.size(); begin += piece) {
      request.stream->send_body(std::string_view(bytes).substr(begin, piece));
      for (;;) {
        if (!next) next = std::make_unique<Started<Result<WatchEvent>>>(api.loop, (*watch.result())->next());
        api.loop.run_ready();
        if (!next->done()) break;
        ASSERT_TRUE(next->result());
        types.push_back(next->result()->type);
        versions.emplace_back(next->result()->object.string_at({"metadata", "resourceVersion"}));
        next.reset();
      }
    }
    EXPECT_THAT(versions, ::testing::ElementsAre("1", "2", "3", "4"));
    EXPECT_THAT(types, ::testing::ElementsAre(WatchEventType::kAdded, WatchEventType::kModified,
                                              WatchEventType::kDeleted, WatchEventType::kBookmark));
    request.stream->send_end();
    api.loop.run_ready();
    ASSERT_TRUE(next->done());
    EXPECT_EQ(next->result().error().kind, ErrorKind::kDisconnected);
  }
}

TEST(KubeClientTest, WatchEndsAndErrors) {
  const std::pair<std::string, ErrorKind> cases[] = {
      {event("ERROR", json::parse(R"({"kind":"Status","code":410,"reason":"Expired","message":"too old"})").value()),
       ErrorKind::kGone},
      {event("ERROR", json::parse(R"({"kind":"Status","code":500,"reason":"InternalError"})").value()),
       ErrorKind::kRetry},
      {event("ERROR", json::Object()), ErrorKind::kRetry},
      {event("STRANGE", json::Object()), ErrorKind::kInvalid},
      {"not json\n", ErrorKind::kInvalid},
      {"{\"type\":\"ADDED\"}\n", ErrorKind::kInvalid},
      {"{\"type\":\"ADDED\"", ErrorKind::kDisconnected},  // cut off
  };
  for (const auto& [bytes, kind] : cases) {
    FakeApi api;
    api.on_request = [&, &text = bytes](Record& request) { answer(request, 200, text); };
    auto watch = run(api.loop, api.client.watch(kSecrets, {}));
    ASSERT_TRUE(watch);
    auto next = run(api.loop, (*watch)->next());
    ASSERT_FALSE(next) << bytes;
    EXPECT_EQ(next.error().kind, kind) << bytes << next.error().message;
    EXPECT_THAT(next.error().message, StartsWith("watch secrets"));
  }
  FakeApi api;
  api.on_request = [](Record& request) { answer(request, 410, R"({"kind":"Status","reason":"Expired","code":410})"); };
  EXPECT_EQ(run(api.loop, api.client.watch(kSecrets, {})).error().kind, ErrorKind::kGone);
}

TEST(KubeClientTest, DestroyedWatchEndsTheRequest) {
  FakeApi api;
  api.on_request = [](Record& request) { request.stream->send_response({200, {}}, false); };
  auto watch = run(api.loop, api.client.watch(kSecrets, {}));
  {
    Started next(api.loop, (*watch)->next());
    api.loop.run_ready();
  }
  EXPECT_FALSE(api.requests[0]->closed);
  watch->reset();
  api.loop.run_ready();
  EXPECT_TRUE(api.requests[0]->closed);
}

TEST(KubeClientTest, UnreadWatchHoldsTheApiServerBack) {
  FakeApi api;
  api.on_request = [](Record& request) { request.stream->send_response({200, {}}, false); };
  auto watch = run(api.loop, api.client.watch(kSecrets, {}));
  api.requests[0]->stream->send_body(std::string(4 << 20, 'x'));
  api.loop.run_ready();
  EXPECT_GE(api.requests[0]->stream->unsent(), (4u << 20) - (256u << 10));
}

TEST(KubeClientTest, EventWithoutEndIsRefused) {
  FakeApi api;
  api.on_request = [](Record& request) {
    request.stream->send_response({200, {}}, false);
    request.stream->send_body(std::string(10 << 20, 'x'));
  };
  auto watch = run(api.loop, api.client.watch(kSecrets, {}));
  EXPECT_EQ(run(api.loop, (*watch)->next()).error().kind, ErrorKind::kInvalid);
}

}  // namespace
}  // namespace ringside::kube
