#include "sidecar/create_guard.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "tests/support/fake_api.h"
#include "tests/support/run_task.h"

namespace ringside::sidecar {
namespace {

using namespace std::chrono_literals;
using testing::answer;
using testing::FakeApi;
using testing::Record;
using testing::run;

constexpr std::string_view kRings = R"({"metadata":{"resourceVersion":"1"},"items":[{"metadata":{"name":"r","uid":"u",
  "resourceVersion":"1"},"spec":{"resources":[{"resource":"secrets","controlledResources":[{"resource":"configmaps"}]}]}}]})";
constexpr std::string_view kCore = R"({"resources":[{"name":"secrets","kind":"Secret","namespaced":true},
  {"name":"configmaps","kind":"ConfigMap","namespaced":true}]})";
constexpr std::string_view kServerTime = "Sun, 22 Nov 2026 12:01:00 GMT";
constexpr std::string_view kDeadLease = R"({"metadata":{"name":"a","namespace":"d","resourceVersion":"1","labels":
  {"alpha.sharding.timebertt.dev/controllerring":"r","alpha.sharding.timebertt.dev/state":"dead"}},
  "spec":{"holderIdentity":"a","leaseDurationSeconds":15}})";
const kube::GroupResource kChildren = {.group = "", .resource = "configmaps"};
constexpr std::string_view kLabel = "shard.alpha.sharding.timebertt.dev/r";

// This replica is shard a.
class CreateGuardTest : public ::testing::Test {
 protected:
  CreateGuardTest() {
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
    http::Headers date;
    date.add("date", std::string(kServerTime));
    if (path == "/api/v1") return answer(request, 200, kCore, date);
    if (path.find("/leases") != path.npos) return answer(request, 200, lease_answer_, date);
    if (path.find("/configmaps?") != path.npos || path.find("/secrets?") != path.npos) {
      lists_.push_back(path);
      return answer(request, children_elsewhere_.empty() ? 500 : 200, children_elsewhere_, date);
    }
    EXPECT_EQ(path, "/api/v1/namespaces/d/secrets/owner");
    ++reads_;
    if (broken_) return answer(request, 500, "{}", date);
    if (owner_.empty()) {
      return answer(request, 404, R"({"kind":"Status","code":404,"reason":"NotFound","message":"not found"})", date);
    }
    answer(request, 200, owner_, date);
  }

  static std::string written_by(std::string_view manager, std::string_view time, std::string_view label = kLabel) {
    return R"({"manager":")" + std::string(manager) + R"(","time":"2026-11-22T12:)" + std::string(time) +
           R"(Z","fieldsV1":{"f:metadata":{"f:labels":{"f:)" + std::string(label) + R"(":{}}}}})";
  }

  void put_owner(std::string_view shard, const std::string& managed_fields = "", std::string_view uid = "uid",
                 std::string_view created = "11:00:00") {
    owner_ = R"({"metadata":{"namespace":"d","name":"owner","uid":")" + std::string(uid) +
             R"(","creationTimestamp":"2026-11-22T)" + std::string(created) + R"(Z","labels":{")" +
             std::string(kLabel) + R"(":")" + std::string(shard) + R"("},"managedFields":[)" + managed_fields + "]}}";
  }

  static std::string list_of_child(std::string_view owner_uid) {
    return R"({"metadata":{"resourceVersion":"1"},"items":[{"metadata":{"name":"child-x","labels":{")" +
           std::string(kLabel) + R"(":"b"},"ownerReferences":[{"uid":")" + std::string(owner_uid) +
           R"(","controller":true}]}}]})";
  }

  static kube::ObjectMeta child(std::string name = "", std::string owner_uid = "uid") {
    kube::ObjectMeta child;
    child.name = std::move(name);
    child.generate_name = "child-";
    child.owner_references = {
        {.api_version = "v1", .kind = "Secret", .name = "owner", .uid = std::move(owner_uid), .controller = true}};
    return child;
  }

  // "" if it may be created, else "<code> <message>".
  std::string check(std::string name = "") { return check_of("uid", std::move(name)); }

  std::string check_of(std::string owner_uid, std::string name = "") {
    auto status = run(api_.loop, guard_.check(kChildren, "d", child(std::move(name), std::move(owner_uid))));
    return status ? std::to_string(status->code) + " " + status->message : "";
  }

  static bool refused(const std::string& text) { return text.starts_with("409 "); }

  FakeApi api_;
  std::string owner_;
  bool broken_ = false;
  int reads_ = 0;
  std::string children_elsewhere_ = list_of_child("other");  // empty: the list fails
  std::vector<std::string> lists_;
  std::string lease_answer_ = std::string(kDeadLease);
  RingView ring_{api_.client, Logger(), "r", {}, [] {}};
  WatchContinuity watches_{api_.loop};
  ShardLease lease_{api_.client, Logger(), {.ring = "r", .shard = "a", .ns = "d"}};
  CreateGuard guard_{api_.client, ring_, watches_, lease_, {.ring = "r", .shard = "a"}};
};

TEST_F(CreateGuardTest, ForAnOwnerThatHasJustComeTheControllerMustAskAgainLater) {
  for (auto [manager, time] : {std::pair("sharding-sidecar", "00:58"), std::pair("controllersharding", "00:59")}) {
    put_owner("a", written_by(manager, time));
    EXPECT_EQ(check(),
              "409 Operation cannot be fulfilled on configmaps \"child-\": sidecar: not created, since its owner "
              "has only just become this replica's; try again");
    api_.loop.advance(499ms);
    EXPECT_TRUE(refused(check()));
    api_.loop.advance(1ms);
    EXPECT_EQ(check(), "");
    EXPECT_EQ(check(), "") << "the next child";
    api_.loop.advance(6s);
    EXPECT_EQ(check(), "") << "and one after a while";
    api_.loop.advance(6s);
  }
}

TEST_F(CreateGuardTest, WhatIsOnItsWayTakesALittleFromTheBeginningOfTheWatch) {
  std::optional<WatchContinuity::Open> watch(std::in_place, watches_, kChildren);
  put_owner("a", written_by("controllersharding", "00:59"));
  EXPECT_TRUE(refused(check()));
  watch.reset();
  api_.loop.advance(5s);  // the API server is away
  EXPECT_TRUE(refused(check())) << "nothing has come meanwhile";
  watch.emplace(watches_, kChildren);
  api_.loop.advance(499ms);
  EXPECT_TRUE(refused(check()));
  api_.loop.advance(1ms);
  EXPECT_EQ(check(), "");
}

TEST_F(CreateGuardTest, AnOwnerThatCameLongAgoIsReadOnceAWhile) {
  put_owner("a", written_by("controllersharding", "00:40"));
  for (int i = 0; i < 10; ++i) EXPECT_EQ(check(), "");
  EXPECT_EQ(reads_, 1);
  api_.loop.advance(5s);
  EXPECT_EQ(check(), "");
  EXPECT_EQ(reads_, 2);
}

TEST_F(CreateGuardTest, OneThatComesAgainIsJudgedAnew) {
  put_owner("a", written_by("controllersharding", "00:45"));
  EXPECT_TRUE(refused(check()));
  api_.loop.advance(500ms);
  EXPECT_EQ(check(), "");
  api_.loop.advance(5s);
  put_owner("a", written_by("controllersharding", "00:59"));
  EXPECT_TRUE(refused(check()));
}

TEST_F(CreateGuardTest, WhoHasItsShardFromItsCreationOnHasNotCome) {
  put_owner("a", written_by("kubectl-create", "00:59"));
  EXPECT_EQ(check(), "");
}

TEST_F(CreateGuardTest, AfterOneThatWasNotAnsweredTheNextMustWaitForWhatTheFirstHasMade) {
  std::optional<WatchContinuity::Open> watch(std::in_place, watches_, kChildren);
  put_owner("a", written_by("kubectl-create", "00:59"));
  api_.loop.advance(1s);
  EXPECT_EQ(check(), "");
  {
    CreateGuard::Pending pending(guard_, child());
    watch.reset();
  }
  api_.loop.advance(30s);  // the API server is away
  EXPECT_EQ(check(),
            "409 Operation cannot be fulfilled on configmaps \"child-\": sidecar: not created, since one for the same "
            "owner ended without a clear answer and may be there; try again");
  watch.emplace(watches_, kChildren);
  api_.loop.advance(499ms);
  EXPECT_TRUE(refused(check()));
  api_.loop.advance(1ms);
  EXPECT_EQ(check(), "");
  {
    CreateGuard::Pending pending(guard_, child());
  }
  EXPECT_TRUE(refused(check())) << "another one, right after one that passed";
  api_.loop.advance(500ms);
  EXPECT_EQ(check(), "");
}

TEST_F(CreateGuardTest, OneThatWasAnsweredOrHasANameIsOfNoConsequence) {
  put_owner("a", written_by("kubectl-create", "00:59"));
  {
    CreateGuard::Pending(guard_, child()).answered();
  }
  {
    CreateGuard::Pending named(guard_, child("child"));
  }
  EXPECT_EQ(check(), "");
}

TEST_F(CreateGuardTest, WhatTheSidecarBeforeThisOneHasLeftUnansweredIsNotKnown) {
  watches_.take_over();
  children_elsewhere_ = list_of_child("other");
  put_owner("a", written_by("kubectl-create", "00:59"));
  EXPECT_TRUE(refused(check()));
  api_.loop.advance(5s);
  EXPECT_TRUE(refused(check())) << "nobody watches yet";
  WatchContinuity::Open watch(watches_, kChildren);
  api_.loop.advance(500ms);
  EXPECT_EQ(check(), "");
}

TEST_F(CreateGuardTest, AShardThatGoesOnWithoutCentralCreatesNothingWhoseSiblingsAreElsewhere) {
  put_owner("a", written_by("kubectl-create", "00:59"));
  for (int seconds = 0; seconds < 12; ++seconds) {
    EXPECT_FALSE(lease_.goes_on_without_central() && seconds < 10);
    testing::Started holding(api_.loop, lease_.hold());
    api_.loop.advance(1s);
  }
  ASSERT_TRUE(lease_.goes_on_without_central());
  children_elsewhere_ = "";
  EXPECT_TRUE(
      check().starts_with("503 sidecar: not created, since it cannot be found out where the children of its "
                          "owner are: "));
  children_elsewhere_ = list_of_child("uid");
  EXPECT_EQ(check(),
            "409 Operation cannot be fulfilled on configmaps \"child-\": sidecar: not created, since children of its "
            "owner are on another shard, or on none yet, until central moves them, or their owner; try again");
  EXPECT_TRUE(lists_.back().starts_with("/api/v1/namespaces/d/configmaps?")) << lists_.back();
  EXPECT_NE(lists_.back().find("labelSelector=shard.alpha.sharding.timebertt.dev%2Fr%21%3Da&"), std::string::npos)
      << lists_.back() << ": those without a shard, too";
  api_.loop.advance(2s);
  children_elsewhere_ = list_of_child("other");
  EXPECT_NE(check().find("children of its owner have only just come back"), std::string::npos);
  api_.loop.advance(500ms);
  EXPECT_EQ(check(), "");
}

TEST_F(CreateGuardTest, ForAMinuteAfterAShardIsBackItsOldOwnersMayBeWithoutTheirChildren) {
  put_owner("a", written_by("kubectl-create", "00:59"));
  for (int seconds = 0; seconds < 12; ++seconds) {
    testing::Started holding(api_.loop, lease_.hold());
    api_.loop.advance(1s);
  }
  lease_answer_.replace(lease_answer_.find(":\"dead\""), 7, ":\"ready\"");
  EXPECT_TRUE(run(api_.loop, lease_.hold()));
  ASSERT_FALSE(lease_.goes_on_without_central());
  children_elsewhere_ = list_of_child("uid");
  EXPECT_NE(check().find("children of its owner are on another shard"), std::string::npos);
  api_.loop.advance(2s);
  children_elsewhere_ = list_of_child("other");
  EXPECT_NE(check().find("children of its owner have only just come back"), std::string::npos);
  api_.loop.advance(500ms);
  EXPECT_EQ(check(), "");
  api_.loop.advance(1min);
  lists_.clear();
  EXPECT_EQ(check(), "");
  EXPECT_TRUE(lists_.empty());
}

TEST_F(CreateGuardTest, AfterAHandoverThatWasGivenUpChildrenMustBeBackFirst) {
  put_owner("a", written_by("kubectl-create", "00:59"));
  EXPECT_EQ(check(), "");
  EXPECT_TRUE(lists_.empty());
  guard_.children_parted("uid");
  children_elsewhere_ = list_of_child("uid");
  for (int seconds = 0; seconds < 30; ++seconds) {
    EXPECT_NE(check().find("children of its owner are on another shard"), std::string::npos);
    api_.loop.advance(1s);
  }
  api_.loop.advance(1s);
  children_elsewhere_ = list_of_child("other");
  EXPECT_NE(check().find("children of its owner have only just come back"), std::string::npos);
  api_.loop.advance(499ms);
  EXPECT_TRUE(refused(check()));
  api_.loop.advance(1ms);
  lists_.clear();
  EXPECT_EQ(check(), "");
  EXPECT_TRUE(lists_.empty()) << "that was all";
}

TEST_F(CreateGuardTest, EachResourceOfChildrenMustBeBack) {
  put_owner("a", written_by("kubectl-create", "00:59"));
  guard_.children_parted("uid");
  children_elsewhere_ = list_of_child("other");
  EXPECT_TRUE(refused(check()));
  api_.loop.advance(500ms);
  EXPECT_EQ(check(), "");
  lists_.clear();
  const kube::GroupResource others = {.group = "", .resource = "secrets"};
  auto status = run(api_.loop, guard_.check(others, "d", child()));
  ASSERT_TRUE(status);
  EXPECT_EQ(lists_.size(), 1U) << "of the other resource";
}

TEST_F(CreateGuardTest, WhatTheSidecarBeforeThisOneHasPartedIsLookedForForAMinute) {
  watches_.take_over();
  WatchContinuity::Open watch(watches_, kChildren);
  put_owner("a", written_by("kubectl-create", "00:59"));
  children_elsewhere_ = list_of_child("uid");
  for (int seconds = 0; seconds < 90; ++seconds) {
    EXPECT_NE(check().find("children of its owner are on another shard"), std::string::npos) << seconds;
    api_.loop.advance(1s);
  }
  put_owner("a", written_by("kubectl-create", "00:59"), "another");
  lists_.clear();
  EXPECT_EQ(check(), "");
  EXPECT_TRUE(lists_.empty()) << "others are not looked for any more";
}

TEST_F(CreateGuardTest, WhatIsNewerThanThisSidecarHasNoChildrenOfTheTimeBefore) {
  watches_.take_over();
  WatchContinuity::Open watch(watches_, kChildren);
  api_.loop.advance(30s);
  put_owner("a", written_by("kubectl-create", "00:59"), "uid", "12:00:50");
  EXPECT_EQ(check(), "");
  EXPECT_TRUE(lists_.empty());
}

TEST_F(CreateGuardTest, WhatAControllerHadMadeWithoutAShardItHasForgottenWhenItComesAnew) {
  put_owner("a");
  EXPECT_EQ(check(), "");
  EXPECT_TRUE(lists_.empty());
  guard_.controller_came();
  children_elsewhere_ = list_of_child("uid");
  for (int seconds = 0; seconds < 90; ++seconds) {
    EXPECT_NE(check().find("or on none yet"), std::string::npos) << seconds << ": central is away for longer";
    api_.loop.advance(1s);
  }
  api_.loop.advance(1s);
  children_elsewhere_ = list_of_child("other");
  EXPECT_NE(check().find("children of its owner have only just come back"), std::string::npos);
  api_.loop.advance(500ms);
  lists_.clear();
  EXPECT_EQ(check(), "");
  EXPECT_TRUE(lists_.empty());
}

TEST_F(CreateGuardTest, OneListIsForAllOwners) {
  put_owner("a");
  guard_.controller_came();
  api_.loop.advance(1ms);
  children_elsewhere_ = list_of_child("uid-3");
  for (int i = 0; i < 100; ++i) {
    std::string uid = "uid-" + std::to_string(i);
    put_owner("a", "", uid);
    EXPECT_EQ(check_of(uid).empty(), i != 3) << i;
  }
  EXPECT_EQ(lists_.size(), 1U);
  api_.loop.advance(2s);
  put_owner("a", "", "uid-100");
  EXPECT_EQ(check_of("uid-100"), "");
  EXPECT_EQ(lists_.size(), 2U) << "that was long ago";
  guard_.children_parted("uid-100");
  EXPECT_EQ(check_of("uid-100").substr(0, 3), "409");
  EXPECT_EQ(lists_.size(), 3U) << "that was before they parted";
}

TEST_F(CreateGuardTest, ChildrenThatHadNoShardDoNotComeWithTheirOwner) {
  put_owner("a", written_by("controllersharding", "00:10"));
  children_elsewhere_ = list_of_child("uid");
  EXPECT_NE(check().find("or on none yet"), std::string::npos) << "it came 50 s ago";
  put_owner("a", written_by("controllersharding", "00:00"), "another");
  lists_.clear();
  EXPECT_EQ(check(), "");
  EXPECT_TRUE(lists_.empty());
}

TEST_F(CreateGuardTest, WhatPartsWhileItIsLookedForCounts) {
  put_owner("a", written_by("kubectl-create", "00:59"));
  guard_.children_parted("uid");
  children_elsewhere_ = list_of_child("other");
  auto serve_all = std::exchange(api_.on_request, nullptr);
  testing::Started<std::optional<kube::Status>> looking(api_.loop, guard_.check(kChildren, "d", child()));
  for (size_t answered = 0; !looking.done(); ++answered) {
    ASSERT_LT(answered, 9U);
    bool lists = api_.requests.back()->request.path.find("/configmaps?") != std::string::npos;
    if (lists) guard_.children_parted("uid");
    serve_all(*api_.requests.back());
    api_.loop.run_ready();
  }
  api_.on_request = serve_all;
  children_elsewhere_ = list_of_child("uid");
  api_.loop.advance(500ms);
  EXPECT_NE(check().find("children of its owner are on another shard"), std::string::npos);
}

TEST_F(CreateGuardTest, ADrainIsNoArrival) {
  put_owner("a", written_by("controllersharding", "00:59", "drain.alpha.sharding.timebertt.dev/r"));
  EXPECT_EQ(check(), "");
}

TEST_F(CreateGuardTest, ChildrenOfAnothersObjectAreRefused) {
  put_owner("b");
  EXPECT_TRUE(refused(check()));
  api_.loop.advance(1s);
  EXPECT_NE(check().find("its owner is not this replica's"), std::string::npos);
}

TEST_F(CreateGuardTest, ANameProtectsItself) {
  put_owner("b");
  EXPECT_EQ(check("child"), "");
  EXPECT_EQ(reads_, 0);
}

TEST_F(CreateGuardTest, WhoseOwnerIsGoneOrNobodysMayBeCreated) {
  EXPECT_EQ(check(), "");
  put_owner("b", "", "of another object of that name");
  EXPECT_EQ(check(), "");
  owner_ = R"({"metadata":{"namespace":"d","name":"owner","uid":"uid"}})";
  EXPECT_EQ(check(), "") << "the ring does not select their namespace";
}

TEST_F(CreateGuardTest, WhatCannotBeFoundOutIsRefusedForNow) {
  broken_ = true;
  EXPECT_EQ(check().substr(0, 4), "503 ");
}

}  // namespace
}  // namespace ringside::sidecar
