#include "central/fence_reconciler.h"

#include <gmock/gmock.h>

#include "tests/unit/central/ring_world.h"

namespace ringside::central {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// What it writes, and an API server that tells its watches of it.
class FenceReconcilerTest : public RingWorld {
 protected:
  void start(const kube::Labels& annotations = {}) {
    kube::Labels all = annotations;
    all.emplace("alpha.sharding.timebertt.dev/label-protection", "off");
    objects_["controllerrings"] = {ring(all)};
    on_write_ = [this](Record& request, const std::string& name) { write(request, name); };
    RingWorld::start();
    reconciler_.emplace(api_.client, Logger(), *store_, selector_,
                        [this](const std::string&, std::optional<Error> problem) { problem_ = std::move(problem); });
    api_.loop.run_ready();
  }

  void write(Record& request, const std::string& name) {
    std::string_view path = request.request.path;
    bool is_binding = path.find(kBindings) != path.npos;
    std::string what = request.request.method + (is_binding ? " binding" : " policy");
    if (refuse_) {
      writes_.push_back(what + " refused");
      return ringside::testing::answer_json(request, 403, forbidden());
    }
    if (request.request.method == "DELETE") {
      writes_.push_back(what);
      if (is_binding) events_.push_back({"DELETED", binding("")});
      return ringside::testing::answer_json(request, 200, json::Value::object({}));
    }
    json::Value applied = json::parse(request.body).value();
    std::string in_force(applied.string_at({"metadata", "annotations", "alpha.sharding.timebertt.dev/fence-in-force"}));
    writes_.push_back(what + (in_force.empty() ? "" : " in force for " + in_force));
    EXPECT_EQ(name, "controllerring-r");
    applied["metadata"]["resourceVersion"] = std::to_string(++version_);
    if (is_binding) events_.push_back({"MODIFIED", applied});
    ringside::testing::answer_json(request, 200, applied);
  }

  // The writes since the last call; the watch has told of them.
  std::vector<std::string> take() {
    api_.loop.run_ready();
    for (auto& [type, object] : std::exchange(events_, {})) send(kBindings, type, std::move(object));
    return std::exchange(writes_, {});
  }

  json::Value policy(const std::string& name, int64_t generation) {
    json::Value value = object("", name);
    value["metadata"]["generation"] = generation;
    return value;
  }

  kube::LabelSelector selector_;
  bool refuse_ = false;
  std::vector<std::string> writes_;
  std::vector<std::pair<std::string, json::Value>> events_;
  std::optional<Error> problem_;
  std::optional<FenceReconciler> reconciler_;
};

TEST_F(FenceReconcilerTest, RaisesTheFenceThenSaysThatItIsInForce) {
  start();
  EXPECT_THAT(take(), IsEmpty()) << "whom should it fence?";
  see_lease(lease("a", "x"));
  EXPECT_THAT(take(), ElementsAre("PATCH policy", "PATCH binding"));
  EXPECT_THAT(shards(), IsEmpty());
  api_.loop.advance(milliseconds(1900));
  EXPECT_THAT(take(), IsEmpty());
  api_.loop.advance(milliseconds(200));
  EXPECT_THAT(take(), ElementsAre("PATCH binding in force for ns/x"));
  EXPECT_THAT(shards(), ElementsAre("a"));

  see_lease(lease("b", "y"));
  EXPECT_THAT(take(), ElementsAre("PATCH policy", "PATCH binding in force for ns/x"));
  EXPECT_THAT(shards(), ElementsAre("a"));
  api_.loop.advance(seconds(3));
  EXPECT_THAT(take(), ElementsAre("PATCH binding in force for ns/x,ns/y"));
  EXPECT_THAT(shards(), ElementsAre("a", "b"));
  EXPECT_FALSE(problem_);
}

TEST_F(FenceReconcilerTest, RenewalsAreNoReasonToWrite) {
  start();
  see_lease(lease("a", "x"));
  api_.loop.advance(seconds(3));
  take();
  for (int i = 0; i < 20; ++i) {
    see_lease(lease("a", "x"));
    api_.loop.advance(seconds(2));
  }
  EXPECT_THAT(take(), IsEmpty());
  api_.loop.advance(std::chrono::minutes(5));
  EXPECT_THAT(take(), ElementsAre("PATCH policy", "PATCH binding in force for ns/x")) << "against changes by others";
}

TEST_F(FenceReconcilerTest, LiftsTheFenceWithTheLastShard) {
  start();
  see_lease(lease("a", "x"));
  api_.loop.advance(seconds(3));
  take();
  see_lease(lease("a", "x", seconds(0), 0, "", 1));
  EXPECT_THAT(take(), IsEmpty());
  api_.loop.advance(seconds(1));
  EXPECT_THAT(take(), ElementsAre("DELETE binding", "DELETE policy")) << "what has the effect first";
  api_.loop.advance(seconds(60));
  EXPECT_THAT(take(), IsEmpty());
  see_lease(lease("a", "x"));
  EXPECT_THAT(take(), ElementsAre("PATCH policy", "PATCH binding")) << "it has to come into force anew";
}

TEST_F(FenceReconcilerTest, KeepsTheFenceForAsLongAsAShardMayBeBack) {
  start();
  see_lease(lease("a", "x"));
  see_lease(lease("b", "x"));
  api_.loop.advance(seconds(3));
  take();
  see_lease(lease("a", "x", seconds(0), 0, ""));
  see_lease(lease("b", "x", seconds(0), 0, "", 31));
  see_lease(lease("c", "x", seconds(0), 0, "shardlease-controller", 60));
  api_.loop.advance(seconds(14));
  EXPECT_THAT(take(), IsEmpty());
  see_lease(lease("a", "x", seconds(0), 1));
  EXPECT_THAT(shards(), ElementsAre("a")) << "it need not come into force anew";
  EXPECT_THAT(take(), IsEmpty());
  see_lease(lease("a", "x", seconds(0), 1, "", 1));
  api_.loop.advance(seconds(15));
  EXPECT_THAT(take(), IsEmpty()) << "the other one may be back";
  api_.loop.advance(seconds(2));
  EXPECT_THAT(take(), ElementsAre("DELETE binding", "DELETE policy")) << "who did not renew has had its time";
}

TEST_F(FenceReconcilerTest, WhoMayBeBackRaisesNoFence) {
  objects_["leases"] = {lease("a", "x", seconds(0), 0, "")};
  start();
  EXPECT_THAT(take(), IsEmpty());
}

TEST_F(FenceReconcilerTest, ANewLeaderFindsTheFenceInForce) {
  objects_[kBindings] = {binding("ns/x")};
  objects_["leases"] = {lease("a", "x")};
  start();
  EXPECT_THAT(take(), ElementsAre("PATCH policy", "PATCH binding in force for ns/x"));
  api_.loop.advance(seconds(10));
  EXPECT_THAT(take(), IsEmpty());
}

TEST_F(FenceReconcilerTest, AFailureIsReportedAndTriedAgainEverMoreSeldom) {
  start();
  refuse_ = true;
  see_lease(lease("a", "x"));
  for (int i = 0; i < 30; ++i) {
    see_lease(lease("a", "x"));
    api_.loop.advance(seconds(2));
  }
  size_t tries = take().size();
  EXPECT_GE(tries, 5u);
  EXPECT_LE(tries, 15u) << "not with every renewal";
  ASSERT_TRUE(problem_);
  EXPECT_EQ(problem_->kind, ErrorKind::kForbidden);
  EXPECT_NE(problem_->message.find("validatingadmissionpolicies"), std::string::npos) << problem_->message;
  EXPECT_NE(problem_->message.find("objects are assigned, but"), std::string::npos) << problem_->message;
  refuse_ = false;
  api_.loop.advance(seconds(33));
  EXPECT_THAT(take(), ElementsAre("PATCH policy", "PATCH binding", "PATCH binding in force for ns/x"));
  EXPECT_FALSE(problem_);
}

TEST_F(FenceReconcilerTest, WhatSomebodyDeletesComesBack) {
  start();
  see_lease(lease("a", "x"));
  api_.loop.advance(seconds(3));
  take();
  send(kBindings, "DELETED", binding(""));
  EXPECT_THAT(take(), ElementsAre("PATCH binding"));
  EXPECT_THAT(shards(), ElementsAre("a"));
  json::Value policy = object("", "controllerring-r");
  policy["metadata"]["resourceVersion"] = "1";  // as the watch showed it long ago
  send(kPolicies, "ADDED", policy);
  EXPECT_THAT(take(), IsEmpty());
  send(kPolicies, "DELETED", policy);
  EXPECT_THAT(take(), ElementsAre("PATCH policy"));
}

TEST_F(FenceReconcilerTest, WhatSomebodyChangesIsPutBackAndWhoDoesItAgainWaits) {
  start();
  see_lease(lease("a", "x"));
  api_.loop.advance(seconds(3));
  take();
  send(kPolicies, "MODIFIED", policy("controllerring-r", 2));
  EXPECT_THAT(take(), ElementsAre("PATCH policy"));
  send(kPolicies, "MODIFIED", policy("controllerring-r", 2));
  EXPECT_THAT(take(), IsEmpty()) << "the status alone has changed";
  send(kPolicies, "MODIFIED", policy("controllerring-other", 1));
  send(kBindings, "MODIFIED", binding("ns/x,ns/y"));
  EXPECT_THAT(take(), ElementsAre("PATCH binding in force for ns/x"));
  EXPECT_THAT(take(), IsEmpty()) << "its own writes are nobody's change";
  send(kPolicies, "MODIFIED", policy("controllerring-r", 3));
  see_lease(lease("a", "x"));
  EXPECT_THAT(take(), IsEmpty()) << "the second time within minutes";
  api_.loop.advance(seconds(2));
  EXPECT_THAT(take(), ElementsAre("PATCH policy"));
  api_.loop.advance(seconds(60));
  EXPECT_THAT(take(), IsEmpty());
}

TEST_F(FenceReconcilerTest, WarningsNeedNotComeIntoForce) {
  start({{"alpha.sharding.timebertt.dev/fence", "warn"}});
  see_lease(lease("a", "x"));
  api_.loop.advance(seconds(5));
  EXPECT_THAT(take(), ElementsAre("PATCH policy", "PATCH binding"));
}

TEST_F(FenceReconcilerTest, DestroyedWhileWritingItWritesNoMore) {
  start();
  on_write_ = [this](Record&, const std::string&) { writes_.push_back("not answered"); };
  see_lease(lease("a", "x"));
  EXPECT_THAT(take(), ElementsAre("not answered"));
  reconciler_.reset();
  api_.loop.advance(seconds(60));
  EXPECT_THAT(take(), IsEmpty());
}

}  // namespace
}  // namespace ringside::central
