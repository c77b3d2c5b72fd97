#include "sidecar/delete_guard.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "tests/support/fake_api.h"
#include "tests/support/run_task.h"

namespace ringside::sidecar {
namespace {

using namespace std::chrono_literals;
using testing::answer;
using testing::FakeApi;
using testing::query_parameter;
using testing::Record;
using testing::run;
using testing::Started;

constexpr std::string_view kRings = R"({"metadata":{"resourceVersion":"1"},"items":[{"metadata":{"name":"r","uid":"u",
  "resourceVersion":"1"},"spec":{"resources":[
  {"group":"x.io","resource":"late","controlledResources":[{"resource":"configmaps"}]},
  {"group":"x.io","resource":"widgets","controlledResources":[{"resource":"configmaps"}]},
  {"group":"x.io","resource":"worlds","controlledResources":[{"resource":"configmaps"}]}]}}]})";
constexpr std::string_view kCore = R"({"resources":[{"name":"configmaps","kind":"ConfigMap","namespaced":true}]})";
constexpr std::string_view kShardLabel = "shard.alpha.sharding.timebertt.dev/r";
constexpr std::string_view kServerTime = "Sun, 22 Nov 2026 12:00:10 GMT";

const kube::GroupResource kConfigMaps = {.group = "", .resource = "configmaps"};
const ObjectRef kChild = {.resource = kConfigMaps, .ns = "d", .name = "child"};
const std::string kChildPath = "/api/v1/namespaces/d/configmaps/child";
const std::string kOwnerPath = "/apis/x.io/v1/namespaces/d/widgets/owner";

// An owner reference to a Widget of that name, whose UID is uid-<name>.
std::string owned_by(std::string_view name, std::string_view kind = "Widget") {
  return R"("ownerReferences":[{"apiVersion":"x.io/v1","controller":true,"kind":")" + std::string(kind) +
         R"(","name":")" + std::string(name) + R"(","uid":"uid-)" + std::string(name) + "\"}]";
}

std::string on_shard(std::string_view shard) {
  return R"("labels":{")" + std::string(kShardLabel) + R"(":")" + std::string(shard) + "\"}";
}

std::string object(std::string_view name, const std::vector<std::string>& members) {
  std::string metadata =
      R"("namespace":"d","name":")" + std::string(name) + R"(","uid":"uid-)" + std::string(name) + "\"";
  for (const std::string& each : members) metadata += "," + each;
  return R"({"metadata":{)" + metadata + "}}";
}

std::string written_by(std::string_view manager, std::string_view time) {
  return R"("managedFields":[{"manager":"kubectl","time":"2026-11-22T12:00:10Z"},{"manager":")" + std::string(manager) +
         R"(","time":")" + std::string(time) + R"(","fieldsV1":{"f:metadata":{"f:labels":{"f:)" +
         std::string(kShardLabel) + "\":{}}}}}]";
}

// This replica is shard a.
class DeleteGuardTest : public ::testing::Test {
 protected:
  DeleteGuardTest() {
    api_.on_request = [this](Record& request) { serve(request); };
    api_.loop.run_ready();
    EXPECT_NE(ring_.ring(), nullptr);
  }

  void serve(Record& request) {
    std::string path = request.request.path;
    if (path.find("controllerrings") != path.npos) {
      if (path.find("watch=") == path.npos) answer(request, 200, kRings);
      return;
    }
    if (!listed_.empty() && path.starts_with("/api/v1/namespaces/d/configmaps?")) return serve_list(request);
    http::Headers date;
    date.add("date", std::string(kServerTime));
    std::string target = path.substr(0, path.find('?'));
    if (target == "/api/v1") return answer(request, 200, kCore, date);
    if (target == "/apis/x.io") return answer(request, 200, group(), date);
    if (target == "/apis/x.io/" + version_) return answer(request, 200, widgets(), date);
    ++object_reads_;
    if (broken_.contains(target)) return answer(request, 500, "{}", date);
    auto found = objects_.find(target);
    if (found == objects_.end()) {
      return answer(request, 404, R"({"kind":"Status","code":404,"reason":"NotFound","message":"not found"})", date);
    }
    answer(request, 200, found->second, date);
  }

  // One object a page.
  void serve_list(Record& request) {
    EXPECT_EQ(query_parameter(request, "labelSelector"), "colour=red");
    std::string token = query_parameter(request, "continue");
    size_t page = token.empty() ? 0 : std::stoul(token);
    std::string next = page + 1 < listed_.size() ? std::to_string(page + 1) : "";
    answer(request, 200,
           R"({"metadata":{"resourceVersion":"1","continue":")" + next + R"("},"items":[)" + listed_[page] + "]}");
  }

  std::string group() const {
    return R"({"name":"x.io","versions":[{"version":")" + version_ + R"("}],"preferredVersion":{"version":")" +
           version_ + "\"}}";
  }

  static std::string widgets() {
    return R"({"resources":[{"name":"widgets","kind":"Widget","namespaced":true},
                            {"name":"worlds","kind":"World","namespaced":false}]})";
  }

  // The child on that shard (or none), of the Widget `owner`.
  void put_child(std::string_view shard) {
    std::vector<std::string> members = {owned_by("owner")};
    if (!shard.empty()) members.push_back(on_shard(shard));
    objects_[kChildPath] = object("child", members);
  }

  void put_owner(std::string_view shard, std::string more = "") {
    std::vector<std::string> members;
    if (!shard.empty()) members.push_back(on_shard(shard));
    if (!more.empty()) members.push_back(std::move(more));
    objects_[kOwnerPath] = object("owner", members);
  }

  // "" if it may be deleted, else "<code> <message>".
  static std::string text_of(const std::optional<kube::Status>& status) {
    return status ? std::to_string(status->code) + " " + status->message : "";
  }

  std::string check() { return text_of(run(api_.loop, guard_.check(kChild))); }

  std::string check_all() {
    kube::ListOptions list;
    list.ns = "d";
    list.label_selector = "colour=red";
    auto version = run(api_.loop, guard_.check_all(kConfigMaps, list));
    return text_of(version ? std::nullopt : std::optional(version.error())) + version.value_or("");
  }

  FakeApi api_;
  std::string version_ = "v1";  // of x.io
  std::map<std::string, std::string> objects_;
  std::set<std::string> broken_;
  std::vector<std::string> listed_;
  int object_reads_ = 0;
  RingView ring_{api_.client, Logger(), "r", {}, [] {}};
  WatchContinuity watches_{api_.loop};
  DeleteGuard guard_{api_.client, ring_, watches_, {.ring = "r", .shard = "a"}};
};

TEST_F(DeleteGuardTest, OursWithAnOwnerOfOursMayGo) {
  put_child("a");
  put_owner("a");
  EXPECT_EQ(check(), "");
  EXPECT_EQ(object_reads_, 2);
  EXPECT_NE(api_.requests.back()->request.headers.get_or("accept", "").find("PartialObjectMetadata"),
            std::string::npos);
}

TEST_F(DeleteGuardTest, AnothersIsRefusedWhoeverOwnsIt) {
  put_child("b");
  put_owner("a");
  EXPECT_EQ(check().substr(0, 4), "409 ");
  EXPECT_NE(check().find("\"child\""), std::string::npos) << check();
}

TEST_F(DeleteGuardTest, OursWithAnothersOwnerIsRefusedAndTheOwnerNamed) {
  put_child("a");
  put_owner("b");
  EXPECT_NE(check().find("the owner widgets.x.io d/owner is not this replica's; try again"), std::string::npos)
      << check();
  EXPECT_EQ(check().substr(0, 4), "409 ");
  put_owner("");
  EXPECT_EQ(check().substr(0, 4), "409 ") << "between two shards";
}

TEST_F(DeleteGuardTest, AChildWithoutShardIsJudgedByItsOwner) {
  put_child("");
  put_owner("b");
  EXPECT_EQ(check().substr(0, 4), "409 ");
  put_owner("a");
  EXPECT_EQ(check(), "");
  put_owner("");
  EXPECT_EQ(check(), "") << "the ring does not select their namespace";
}

TEST_F(DeleteGuardTest, AnOwnerThatHasOnlyJustComeMayNotBeInTheCacheYet) {
  put_child("a");
  for (const char* manager : {"sharding-sidecar", "controllersharding"}) {
    put_owner("a", written_by(manager, "2026-11-22T12:00:08Z"));
    EXPECT_NE(check().find("the owner widgets.x.io d/owner has only just become this replica's"), std::string::npos)
        << check();
    api_.loop.advance(500ms);
    EXPECT_EQ(check().substr(0, 4), "409 ");
  }
  put_owner("a", written_by("kubectl-edit", "2026-11-22T12:00:10Z"));
  EXPECT_EQ(check(), "") << "written by somebody else";
}

// How long a webhook held up the write after that time the API server does not say.
TEST_F(DeleteGuardTest, AnOwnerWhoseLabelWasWrittenAWhileAgoMayHaveComeOnlyNow) {
  put_child("a");
  for (auto [manager, time] : {std::pair("sharding-sidecar", "2026-11-22T11:59:51Z"),
                               std::pair("controllersharding", "2026-11-22T12:00:06Z")}) {
    put_owner("a", written_by(manager, time));
    EXPECT_EQ(check().substr(0, 4), "409 ") << time;
    api_.loop.advance(499ms);
    EXPECT_EQ(check().substr(0, 4), "409 ");
    api_.loop.advance(1ms);
    EXPECT_EQ(check(), "");
    EXPECT_EQ(check(), "") << "the next child";
    put_owner("a", written_by(manager, "2026-11-22T11:59:50Z"));
    EXPECT_EQ(check(), "");
  }
}

TEST_F(DeleteGuardTest, AnOwnerDoesNotComeByAWatchThatHasEnded) {
  const kube::GroupResource widgets = {.group = "x.io", .resource = "widgets"};
  std::optional<WatchContinuity::Open> watch(std::in_place, watches_, widgets);
  put_child("a");
  put_owner("a", written_by("controllersharding", "2026-11-22T11:59:44Z"));
  api_.loop.advance(1s);
  EXPECT_EQ(check(), "") << "26 seconds ago";
  watch.reset();
  api_.loop.advance(6s);
  EXPECT_EQ(check(), "") << "20 seconds before the watch ended";
  api_.loop.advance(1s);
  EXPECT_EQ(check().substr(0, 4), "409 ");
  watch.emplace(watches_, widgets);
  EXPECT_EQ(check().substr(0, 4), "409 ") << "it has only just begun again";
  api_.loop.advance(500ms);
  EXPECT_EQ(check(), "");
}

TEST_F(DeleteGuardTest, WithoutAnOwnerOfTheRingItMayGo) {
  objects_[kChildPath] = object("child", {on_shard("a")});
  EXPECT_EQ(check(), "");
  objects_[kChildPath] = object("child", {on_shard("a"), owned_by("owner", "Gadget")});
  EXPECT_EQ(check(), "") << "no resource of the ring has this kind";
  objects_[kChildPath] = object("child", {on_shard("a"), owned_by("owner", "Late")});
  EXPECT_EQ(check(), "") << "there is no CRD";
}

TEST_F(DeleteGuardTest, WithAnOwnerThatIsGoneItMayGo) {
  put_child("a");
  EXPECT_EQ(check(), "");
  objects_[kOwnerPath] = object("other", {on_shard("b")});
  EXPECT_EQ(check(), "") << "another object of that name";
}

TEST_F(DeleteGuardTest, AChildThatIsGoneIsLeftToTheApiServer) {
  EXPECT_EQ(check(), "");
}

TEST_F(DeleteGuardTest, AnOwnerWithoutNamespaceIsFound) {
  objects_[kChildPath] = object("child", {on_shard("a"), owned_by("owner", "World")});
  objects_["/apis/x.io/v1/worlds/owner"] = object("owner", {on_shard("b")});
  EXPECT_NE(check().find("the owner worlds.x.io owner is not"), std::string::npos) << check();
}

TEST_F(DeleteGuardTest, AnOwnerIsFoundThoughItsVersionIsNotServedAnyMore) {
  put_child("a");
  put_owner("a");
  EXPECT_EQ(check(), "");
  version_ = "v2";
  objects_["/apis/x.io/v2/namespaces/d/widgets/owner"] = object("owner", {on_shard("b")});
  objects_.erase(kOwnerPath);
  EXPECT_EQ(check().substr(0, 4), "409 ") << check();
}

TEST_F(DeleteGuardTest, WhatCannotBeFoundOutIsUnavailable) {
  put_child("a");
  put_owner("a");
  for (const std::string& path : {kChildPath, kOwnerPath}) {
    broken_ = {path};
    EXPECT_NE(check().find("503 sidecar: not deleted, since it cannot be found out"), std::string::npos) << check();
  }
}

TEST_F(DeleteGuardTest, ACollectionIsRefusedForOneOfItOnAnyPage) {
  listed_ = {object("c1", {owned_by("one"), on_shard("a")}), object("c2", {owned_by("one"), on_shard("a")}),
             object("c3", {on_shard("a")}), object("c4", {owned_by("two"), on_shard("a")})};
  objects_["/apis/x.io/v1/namespaces/d/widgets/one"] = object("one", {on_shard("a")});
  objects_["/apis/x.io/v1/namespaces/d/widgets/two"] = object("two", {on_shard("a")});
  EXPECT_EQ(check_all(), "1") << "the resource version that was looked at";
  EXPECT_EQ(object_reads_, 2) << "siblings share their owner";
  objects_["/apis/x.io/v1/namespaces/d/widgets/two"] = object("two", {on_shard("b")});
  EXPECT_NE(check_all().find("409 "), std::string::npos);
  EXPECT_NE(check_all().find("the owner widgets.x.io d/two is not"), std::string::npos) << check_all();
  broken_ = {"/apis/x.io/v1/namespaces/d/widgets/two"};
  EXPECT_EQ(check_all().substr(0, 4), "503 ");
}

TEST_F(DeleteGuardTest, AllOwnersOfACollectionWaitAtTheSameTime) {
  listed_ = {object("c1", {owned_by("one"), on_shard("a")}), object("c2", {owned_by("two"), on_shard("a")})};
  for (const char* owner : {"one", "two"}) {
    objects_["/apis/x.io/v1/namespaces/d/widgets/" + std::string(owner)] =
        object(owner, {on_shard("a"), written_by("controllersharding", "2026-11-22T12:00:05Z")});
  }
  EXPECT_NE(check_all().find("the owner widgets.x.io d/one has only just become"), std::string::npos);
  api_.loop.advance(500ms);
  EXPECT_EQ(check_all(), "1");
}

TEST_F(DeleteGuardTest, MayBeGivenUpAtAnyMoment) {
  put_child("a");
  put_owner("a");
  auto serve_all = std::exchange(api_.on_request, nullptr);
  for (size_t answered = 0; answered < 5; ++answered) {
    DeleteGuard fresh{api_.client, ring_, watches_, {.ring = "r", .shard = "a"}};
    {
      Started<std::optional<kube::Status>> check(api_.loop, fresh.check(kChild));
      for (size_t i = 0; i < answered; ++i) {
        api_.loop.run_ready();
        serve_all(*api_.requests.back());
      }
      api_.loop.run_ready();
      EXPECT_FALSE(check.done()) << answered;
    }
    api_.loop.run_ready();
  }
}

}  // namespace
}  // namespace ringside::sidecar
