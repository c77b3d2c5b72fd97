// Which shards objects are assigned to: those that hold their Leases and are fenced.
#include "central/ring_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/rfc3339.h"
#include "tests/support/fake_api.h"

namespace ringside::central {
namespace {

using ringside::testing::answer;
using ringside::testing::answer_json;
using ringside::testing::FakeApi;
using ringside::testing::query_parameter;
using ringside::testing::Record;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr const char* kBindings = "validatingadmissionpolicybindings";

// An API server with the ring "r" in the first lists; what changes is told by the watches.
class RingStoreTest : public ::testing::Test {
 protected:
  void start() {
    api_.on_request = [this](Record& request) { serve(request); };
    store_.emplace(api_.client, Logger(), metrics_, [this] { ++synced_; });
    api_.loop.run_ready();
  }

  void serve(Record& request) {
    std::string_view path = request.request.path;
    std::string resource(path.substr(0, path.find('?')));
    resource.erase(0, resource.rfind('/') + 1);
    if (bindings_forbidden_ && resource == kBindings) return answer_json(request, 403, forbidden());
    if (!query_parameter(request, "watch").empty()) {
      watches_[resource] = &request;
      request.stream->send_response({200, {}}, false);
      return;
    }
    answer_json(request, 200,
                json::Value::object(
                    {{"metadata", json::Value::object({{"resourceVersion", "1"}})}, {"items", objects_[resource]}}));
  }

  static json::Value forbidden() {
    return json::Value::object({{"kind", "Status"},
                                {"apiVersion", "v1"},
                                {"status", "Failure"},
                                {"code", 403},
                                {"reason", "Forbidden"},
                                {"message", "not allowed"}});
  }

  json::Value object(std::string ns, std::string name, const kube::Labels& annotations = {}) {
    kube::Labels labels = {{"alpha.sharding.timebertt.dev/controllerring", "r"}};
    return json::Value::object({{"metadata", json::Value::object({{"namespace", ns},
                                                                  {"name", name},
                                                                  {"uid", name},
                                                                  {"resourceVersion", std::to_string(++version_)},
                                                                  {"labels", kube::to_json(labels)},
                                                                  {"annotations", kube::to_json(annotations)}})}});
  }

  json::Value ring(const kube::Labels& annotations = {}) {
    json::Value ring = object("", "r", annotations);
    ring["spec"]["resources"] = json::Value::array({json::Value::object({{"group", ""}, {"resource", "secrets"}})});
    return ring;
  }

  // Held by its shard since `age`; published by it, if not empty, is the ServiceAccount.
  json::Value lease(std::string name, std::string serviceaccount, seconds age = seconds(0), int transitions = 0,
                    std::string holder = "itself") {
    kube::Labels annotations;
    if (!serviceaccount.empty()) annotations["alpha.sharding.timebertt.dev/serviceaccount"] = serviceaccount;
    json::Value lease = object("ns", name, annotations);
    lease["spec"] = json::Value::object({{"holderIdentity", holder == "itself" ? name : holder},
                                         {"leaseDurationSeconds", 15},
                                         {"acquireTime", to_rfc3339_micro(api_.loop.wall_now() - age)},
                                         {"renewTime", to_rfc3339_micro(api_.loop.wall_now())},
                                         {"leaseTransitions", transitions}});
    return lease;
  }

  json::Value binding(std::string in_force) {
    return object("", "controllerring-r", {{"alpha.sharding.timebertt.dev/fence-in-force", in_force}});
  }

  void send(std::string resource, std::string type, json::Value item) {
    json::Value event = json::Value::object({{"type", type}, {"object", std::move(item)}});
    watches_[resource]->stream->send_body(json::to_string(event) + "\n");
    api_.loop.run_ready();
  }
  void see_lease(json::Value item) { send("leases", "MODIFIED", std::move(item)); }

  std::vector<std::string> shards() { return store_->find("r")->shards->shards(); }

  FakeApi api_;
  MetricsRegistry registry_;
  Metrics metrics_{registry_};
  std::map<std::string, json::Array> objects_;
  std::map<std::string, Record*> watches_;
  bool bindings_forbidden_ = false;
  int version_ = 1;
  int synced_ = 0;
  std::optional<RingStore> store_;
};

TEST_F(RingStoreTest, AShardThatPublishesNoServiceAccountNeedsNoFence) {
  objects_["controllerrings"] = {ring()};
  start();
  see_lease(lease("a", ""));
  EXPECT_THAT(shards(), ElementsAre("a"));
}

TEST_F(RingStoreTest, AShardIsAssignedToWhenItsFenceIsInForce) {
  objects_["controllerrings"] = {ring()};
  start();
  see_lease(lease("a", "x"));
  EXPECT_THAT(shards(), IsEmpty());
  EXPECT_EQ(store_->available_count("r"), 1);
  send(kBindings, "ADDED", binding("ns/other"));
  EXPECT_THAT(shards(), IsEmpty());
  send(kBindings, "MODIFIED", binding("ns/other,ns/x"));
  EXPECT_THAT(shards(), ElementsAre("a"));
  see_lease(lease("b", "x"));
  EXPECT_THAT(shards(), ElementsAre("a", "b"));
}

TEST_F(RingStoreTest, OnlyAnEnforcedFenceIsWaitedFor) {
  for (const char* mode : {"off", "warn"}) {
    objects_["controllerrings"] = {ring({{"alpha.sharding.timebertt.dev/fence", mode}})};
    start();
    see_lease(lease("a", "x"));
    EXPECT_THAT(shards(), ElementsAre("a")) << mode;
    // Enforced from now on: a shard that works is not taken out.
    send("controllerrings", "MODIFIED", ring());
    see_lease(lease("b", "x"));
    EXPECT_THAT(shards(), ElementsAre("a")) << mode;
    store_.reset();
  }
}

TEST_F(RingStoreTest, AShardThatWorksStaysWhateverBecomesOfTheFence) {
  objects_["controllerrings"] = {ring()};
  objects_[kBindings] = {binding("ns/x")};
  objects_["leases"] = {lease("a", "x")};
  start();
  EXPECT_THAT(shards(), ElementsAre("a"));
  send(kBindings, "DELETED", binding("ns/x"));
  see_lease(lease("a", "x"));
  EXPECT_THAT(shards(), ElementsAre("a"));
  see_lease(lease("a", "x", seconds(0), 0, ""));
  EXPECT_THAT(shards(), IsEmpty());
  see_lease(lease("a", "x"));
  EXPECT_THAT(shards(), IsEmpty()) << "it comes as a new one";
}

TEST_F(RingStoreTest, AShardThatWasLostBetweenTwoLooksIsANewOne) {
  objects_["controllerrings"] = {ring()};
  objects_[kBindings] = {binding("ns/x")};
  objects_["leases"] = {lease("a", "x")};
  start();
  send(kBindings, "DELETED", binding("ns/x"));
  see_lease(lease("a", "x", seconds(0), 1));
  EXPECT_THAT(shards(), IsEmpty());
}

TEST_F(RingStoreTest, NoShardWaitsForEver) {
  objects_["controllerrings"] = {ring()};
  start();
  see_lease(lease("a", "x"));
  api_.loop.advance(RingStore::kFencePatience - milliseconds(100));
  EXPECT_THAT(shards(), IsEmpty());
  api_.loop.advance(milliseconds(200));
  EXPECT_THAT(shards(), ElementsAre("a")) << "availability wins, and no event is needed for that";
}

TEST_F(RingStoreTest, AfterARestartNoShardWaitsAgain) {
  objects_["controllerrings"] = {ring()};
  objects_["leases"] = {lease("a", "x", seconds(31)), lease("b", "x", seconds(29)), lease("c", "x", seconds(-3600))};
  start();
  EXPECT_THAT(shards(), ElementsAre("a"));
  api_.loop.advance(milliseconds(1100));
  see_lease(lease("b", "x", seconds(30)));
  EXPECT_THAT(shards(), ElementsAre("a", "b"));
  api_.loop.advance(seconds(30));
  EXPECT_THAT(shards(), ElementsAre("a", "b", "c")) << "whatever its clock says";
}

TEST_F(RingStoreTest, WithoutPermissionForBindingsThereAreNoFences) {
  bindings_forbidden_ = true;
  objects_["controllerrings"] = {ring()};
  objects_["leases"] = {lease("a", "x")};
  start();
  EXPECT_EQ(synced_, 1);
  EXPECT_TRUE(store_->synced());
  EXPECT_THAT(shards(), ElementsAre("a"));
  ASSERT_TRUE(store_->fence_problem());
  EXPECT_NE(store_->fence_problem()->message.find(kBindings), std::string::npos);

  bindings_forbidden_ = false;
  api_.loop.advance(seconds(10));
  EXPECT_FALSE(store_->fence_problem());
  EXPECT_EQ(synced_, 1);
  EXPECT_THAT(shards(), ElementsAre("a"));
  see_lease(lease("b", "x"));
  EXPECT_THAT(shards(), ElementsAre("a")) << "new ones wait from now on";
}

TEST_F(RingStoreTest, ServiceAccountsAreThoseOfAllItsLeases) {
  objects_["controllerrings"] = {ring()};
  objects_["leases"] = {lease("a", "x"), lease("b", "y", seconds(0), 0, ""), lease("c", "bad'name"), lease("d", "")};
  start();
  EXPECT_EQ(store_->serviceaccounts("r"), (ServiceAccounts{{"ns", "x"}, {"ns", "y"}}));
  EXPECT_EQ(store_->available_count("r"), 3);
}

}  // namespace
}  // namespace ringside::central
