#include "kube/informer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_api.h"

namespace ringside::kube {
namespace {

using ringside::testing::answer;
using ringside::testing::answer_json;
using ringside::testing::FakeApi;
using ringside::testing::query_parameter;
using ringside::testing::Record;
using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::ElementsAre;

const ResourceType kSecrets{"", "v1", "secrets"};

json::Value object(std::string name, std::string version) {
  return json::Value::object(
      {{"metadata", json::Value::object({{"name", name}, {"namespace", "ns"}, {"resourceVersion", version}})}});
}

// An API server whose lists hold `objects` at `version`, and whose watches are fed by hand.
struct World {
  World() {
    api.on_request = [this](Record& request) {
      if (query_parameter(request, "watch").empty()) return list(request);
      watches.push_back(&request);
      request.stream->send_response({200, {}}, false);
    };
    informer = std::make_unique<Informer>(
        api.client, Logger(), kSecrets, ListOptions{.ns = "ns", .label_selector = "a=b"},
        Informer::Handler{
            .on_upsert = [this](const json::Value& o) { note("+", o); },
            .on_delete =
                [this](const NamespacedName& name, const json::Value& last) {
                  EXPECT_EQ(last.string_at({"metadata", "name"}), name.name);
                  note("-", last);
                },
            .on_synced = [this] { seen.push_back("synced"); },
            .on_error = [this](const Error& error) { seen.push_back("error " + std::string(to_string(error.kind))); }});
    api.loop.run_ready();
  }

  void list(Record& request) {
    ++lists;
    if (fail_lists > 0) {
      --fail_lists;
      return answer(request, 500, "{}");
    }
    EXPECT_EQ(query_parameter(request, "labelSelector"), "a=b");
    answer_json(
        request, 200,
        json::Value::object({{"metadata", json::Value::object({{"resourceVersion", version}})}, {"items", objects}}));
  }
  void note(std::string what, const json::Value& o) {
    seen.push_back(what + std::string(o.string_at({"metadata", "name"})) + "@" +
                   std::string(o.string_at({"metadata", "resourceVersion"})));
  }
  void send(std::string type, const json::Value& o) {
    watches.back()->stream->send_body(json::to_string(json::Value::object({{"type", type}, {"object", o}})) + "\n");
    api.loop.run_ready();
  }
  std::vector<std::string> take() { return std::exchange(seen, {}); }

  FakeApi api;
  json::Array objects;
  std::string version = "10";
  int lists = 0, fail_lists = 0;
  std::vector<Record*> watches;
  std::vector<std::string> seen;
  std::unique_ptr<Informer> informer;
};

TEST(InformerTest, ListThenChangesInOrder) {
  World world;
  EXPECT_THAT(world.take(), ElementsAre("synced"));
  EXPECT_TRUE(world.informer->synced());
  ASSERT_EQ(world.watches.size(), 1u);
  EXPECT_EQ(query_parameter(*world.watches[0], "resourceVersion"), "10");
  EXPECT_EQ(query_parameter(*world.watches[0], "labelSelector"), "a=b");
  world.send("ADDED", object("a", "11"));
  world.send("MODIFIED", object("a", "12"));
  world.send("ADDED", object("b", "13"));
  world.send("DELETED", object("a", "14"));
  world.send("DELETED", object("unknown", "15"));
  EXPECT_THAT(world.take(), ElementsAre("+a@11", "+a@12", "+b@13", "-a@12"));
  EXPECT_EQ(world.informer->objects().size(), 1u);
  EXPECT_EQ(world.informer->find({"ns", "a"}), nullptr);
  EXPECT_EQ(world.informer->find({"ns", "b"})->string_at({"metadata", "resourceVersion"}), "13");
}

TEST(InformerTest, WatchThatEndedIsResumedFromTheBookmark) {
  World world;
  world.send("ADDED", object("a", "11"));
  world.send("BOOKMARK", object("", "50"));
  world.watches[0]->stream->send_end();
  world.api.loop.advance(seconds(1));
  ASSERT_EQ(world.watches.size(), 2u);
  EXPECT_EQ(query_parameter(*world.watches[1], "resourceVersion"), "50");
  EXPECT_EQ(world.lists, 1);
  // The same state again is not told twice.
  world.send("ADDED", object("a", "11"));
  world.send("MODIFIED", object("a", "51"));
  EXPECT_THAT(world.take(), ElementsAre("synced", "+a@11", "+a@51"));
}

TEST(InformerTest, ConnectionLostIsResumed) {
  World world;
  world.send("ADDED", object("a", "11"));
  world.api.server.cut();
  world.api.loop.advance(seconds(1));
  ASSERT_EQ(world.watches.size(), 2u);
  EXPECT_EQ(query_parameter(*world.watches[1], "resourceVersion"), "11");
  EXPECT_EQ(world.lists, 1);
}

TEST(InformerTest, GoneListsAgainAndTellsTheDifference) {
  for (bool as_event : {false, true}) {
    World world;
    world.send("ADDED", object("kept", "11"));
    world.send("ADDED", object("changed", "12"));
    world.send("ADDED", object("deleted", "13"));
    world.take();
    world.objects = {object("kept", "11"), object("changed", "22"), object("new", "21")};
    world.version = "30";
    json::Value gone = json::parse(R"({"kind":"Status","code":410,"reason":"Expired","message":"too old"})").value();
    if (as_event) {
      world.send("ERROR", gone);
    } else {
      auto before = world.api.on_request;
      world.api.on_request = [&, before](Record& request) {
        if (query_parameter(request, "resourceVersion") == "13") return answer_json(request, 410, gone);
        before(request);
      };
      world.watches[0]->stream->send_end();
    }
    world.api.loop.advance(seconds(2));
    EXPECT_EQ(world.lists, 2);
    EXPECT_THAT(world.take(), ElementsAre("error gone", "+changed@22", "+new@21", "-deleted@13"));
    EXPECT_EQ(query_parameter(*world.watches.back(), "resourceVersion"), "30");
  }
}

TEST(InformerTest, FailedListsAreTriedAgainWithBackoff) {
  World world;
  world.informer.reset();
  World failing;
  failing.fail_lists = 5;
  failing.informer.reset();
  failing.lists = 0;
  failing.seen.clear();
  std::vector<std::string> errors;
  failing.informer = std::make_unique<Informer>(
      failing.api.client, Logger(), kSecrets, ListOptions{.ns = "ns", .label_selector = "a=b"},
      Informer::Handler{.on_upsert = [](const json::Value&) {},
                        .on_delete = [](const NamespacedName&, const json::Value&) {},
                        .on_synced = [&] { errors.push_back("synced"); },
                        .on_error = [&](const Error& error) { errors.push_back(std::string(to_string(error.kind))); }});
  failing.api.loop.run_ready();
  EXPECT_EQ(failing.lists, 1);
  EXPECT_FALSE(failing.informer->synced());
  failing.api.loop.advance(seconds(1));
  EXPECT_GE(failing.lists, 2);
  EXPECT_LE(failing.lists, 5);
  failing.api.loop.advance(seconds(20));
  EXPECT_TRUE(failing.informer->synced());
  EXPECT_THAT(errors, ElementsAre("retry", "retry", "retry", "retry", "retry", "synced"));
}

TEST(InformerTest, ApiServerThatStallsAndComesBack) {
  World world;
  world.send("ADDED", object("a", "11"));
  world.api.server.refuse = true;
  world.api.server.cut();
  world.api.loop.advance(minutes(10));
  size_t dials = world.api.server.dials;
  EXPECT_GE(dials, 100u);  // at most 5 s apart
  EXPECT_LE(dials, 600u);
  world.api.server.refuse = false;
  world.api.loop.advance(seconds(6));
  ASSERT_EQ(world.watches.size(), 2u);
  EXPECT_EQ(query_parameter(*world.watches[1], "resourceVersion"), "11");
}

TEST(InformerTest, WatchesThatEndAtOnceAreNotStartedInALoop) {
  World world;
  world.api.on_request = [&](Record& request) { answer(request, 200, ""); };
  world.watches[0]->stream->send_end();
  size_t before = world.api.requests.size();
  world.api.loop.advance(seconds(60));
  EXPECT_LE(world.api.requests.size() - before, 40u);
}

TEST(InformerTest, DestroyedInEveryState) {
  for (int state = 0; state < 3; ++state) {
    World world;
    if (state == 1) world.watches[0]->stream->send_end();
    if (state == 2) world.api.server.cut();
    world.api.loop.run_ready();
    world.informer.reset();
    world.api.loop.advance(minutes(1));
    if (state == 0) EXPECT_TRUE(world.watches[0]->closed);
    EXPECT_EQ(world.lists, 1);
  }
}

}  // namespace
}  // namespace ringside::kube
