#include "sidecar/election_bridge.h"

#include <gtest/gtest.h>

#include "sharding/names.h"
#include "tests/support/fake_leases.h"
#include "tests/support/run_task.h"

namespace ringside::sidecar {
namespace {

using namespace std::chrono_literals;
using testing::FakeLeases;
using testing::run;
using testing::Started;

const std::string kShard = "ns/op-0";
const std::string kReal = "ns/election";

class ElectionBridgeTest : public ::testing::Test {
 protected:
  using Answer = std::optional<http::Response>;

  void use(std::string_view options) {
    bridge_.emplace(api_.api.client, Logger(), "r", parse_election_options(options).value(), lease_);
  }
  ElectionBridgeTest() { use("auto"); }

  event::SimulatedLoop& loop() { return api_.api.loop; }

  static http::Request request_for(const kube::Lease* lease, kube::Encoding encoding = kube::Encoding::kJson) {
    http::Request request;
    request.head.headers.add("accept", std::string(kube::content_type(encoding)));
    if (lease != nullptr) {
      request.head.headers.add("content-type", std::string(kube::content_type(encoding)));
      request.body = kube::to_body(*lease, encoding);
    }
    return request;
  }

  // As client-go's election writes it: on top of what it read.
  static kube::Lease lease_of(const std::string& holder, kube::Lease lease = {}, const std::string& name = "election") {
    lease.metadata.ns = "ns";
    lease.metadata.name = name;
    lease.holder_identity = holder;
    lease.lease_duration_seconds = holder.empty() ? 1 : 15;
    return lease;
  }

  Answer get(const std::string& name = "election") {
    http::Request request = request_for(nullptr);
    return run(loop(), bridge_->handle("ns", name, "get", request));
  }
  Answer create(const kube::Lease& lease) {
    http::Request request = request_for(&lease);
    return run(loop(), bridge_->handle("ns", "", "create", request));
  }
  Answer update(const kube::Lease& lease) {
    http::Request request = request_for(&lease);
    return run(loop(), bridge_->handle("ns", lease.metadata.name, "update", request));
  }

  static int code(const Answer& answer) { return answer ? answer->status : 0; }  // 0: it goes on to the API server
  static kube::Lease shown(const Answer& answer) {
    return kube::parse_lease(answer->body, kube::Encoding::kJson).value();
  }
  static std::string message(const Answer& answer) { return kube::parse_status(answer->body).value().message; }

  // A controller has read, created and leads.
  void lead(const std::string& holder = "me") {
    ASSERT_EQ(code(get()), 404);
    ASSERT_EQ(code(create(lease_of(holder))), 201);
  }

  FakeLeases api_;
  ShardLease lease_{api_.api.client, Logger(), {.ring = "r", .shard = "op-0", .ns = "ns"}};
  std::optional<ElectionBridge> bridge_;
};

TEST_F(ElectionBridgeTest, LeadingIsHoldingTheShardLease) {
  EXPECT_FALSE(bridge_->in_use());
  EXPECT_EQ(code(get()), 404);
  EXPECT_TRUE(bridge_->in_use());
  Answer made = create(lease_of("me"));
  ASSERT_EQ(code(made), 201);
  EXPECT_EQ(shown(made).holder_identity, "me");
  EXPECT_TRUE(bridge_->leading());
  EXPECT_TRUE(lease_.held());
  EXPECT_EQ(api_.holder(kReal), "controllerring/r") << "the real Lease is the ring's";

  Answer read = get();
  ASSERT_EQ(code(read), 200);
  EXPECT_EQ(shown(read).holder_identity, "me") << "it reads what it wrote";
  EXPECT_EQ(shown(read).metadata.resource_version, shown(made).metadata.resource_version);
  EXPECT_EQ(code(update(lease_of("me", shown(read)))), 200);
}

TEST_F(ElectionBridgeTest, RenewalsRenewTheShardLeaseAndSeldomTheRealOne) {
  lead();
  WallTime first = *api_.lease(kReal).renew_time;
  for (int i = 0; i < 4; ++i) {
    loop().advance(1s);
    ASSERT_EQ(code(update(lease_of("me"))), 200);
    EXPECT_EQ(*api_.lease(kShard).renew_time, loop().wall_now());
  }
  EXPECT_EQ(*api_.lease(kReal).renew_time, first);
  loop().advance(1s);
  ASSERT_EQ(code(update(lease_of("me"))), 200);
  EXPECT_EQ(*api_.lease(kReal).renew_time, first + 5s) << "a third of its duration";
}

TEST_F(ElectionBridgeTest, ALostShardLeaseFailsTheRenewalAsALostElectionDoes) {
  lead();
  api_.hold_by(kShard, "shardlease-controller", 30);
  Answer lost = update(lease_of("me"));
  ASSERT_EQ(code(lost), 409);
  EXPECT_NE(message(lost).find("sidecar: Lease ns/op-0 is held by 'shardlease-controller'"), std::string::npos);
  EXPECT_FALSE(bridge_->leading());
  Answer read = get();
  ASSERT_EQ(code(read), 200);
  EXPECT_EQ(shown(read).holder_identity, "") << "free, so that it tries again";
  loop().advance(30s);
  EXPECT_EQ(code(update(lease_of("me", shown(read)))), 200);
  EXPECT_TRUE(lease_.held());
}

TEST_F(ElectionBridgeTest, AnUnreachableApiServerIsNoLostElection) {
  lead();
  api_.fault = kube::service_unavailable("down", 1);
  Answer failed = update(lease_of("me"));
  EXPECT_EQ(code(failed), 503);
  EXPECT_TRUE(bridge_->leading()) << "its renew deadline decides, as it was written to";
  EXPECT_EQ(shown(get()).holder_identity, "me");
  EXPECT_TRUE(lease_.held());
}

TEST_F(ElectionBridgeTest, AnUnshardedLeaderIsWaitedFor) {
  api_.hold_by(kReal, "unsharded", 15);
  EXPECT_EQ(get(), std::nullopt) << "the controller reads the real Lease";
  Answer refused = update(lease_of("me"));
  ASSERT_EQ(code(refused), 409);
  EXPECT_NE(message(refused).find("held by 'unsharded'"), std::string::npos);
  EXPECT_FALSE(lease_.held());
  EXPECT_EQ(api_.holder(kReal), "unsharded");
  loop().advance(15s);
  EXPECT_EQ(code(update(lease_of("me"))), 200);
  EXPECT_EQ(api_.holder(kReal), "controllerring/r");
  EXPECT_TRUE(lease_.held());
}

TEST_F(ElectionBridgeTest, ReleaseReleasesTheShardLeaseAtOnceButNotTheRealOne) {
  lead();
  Answer released = update(lease_of("", shown(get())));
  ASSERT_EQ(code(released), 200);
  EXPECT_FALSE(lease_.held());
  EXPECT_EQ(api_.holder(kShard), "");
  EXPECT_EQ(api_.holder(kReal), "controllerring/r");
  EXPECT_FALSE(bridge_->leading());
}

TEST_F(ElectionBridgeTest, ReleaseWhileARenewalIsUnderWayWins) {
  lead();
  api_.hold_back = true;
  kube::Lease renewal = lease_of("me"), release = lease_of("");
  http::Request renewing = request_for(&renewal), releasing = request_for(&release);
  Started<Answer> first(loop(), bridge_->handle("ns", "election", "update", renewing));
  Started<Answer> second(loop(), bridge_->handle("ns", "election", "update", releasing));
  loop().run_ready();
  while (api_.waiting() > 0) api_.serve_next();
  ASSERT_TRUE(first.done() && second.done());
  EXPECT_EQ(code(second.result()), 200);
  EXPECT_FALSE(bridge_->leading());
  EXPECT_FALSE(lease_.held());
  EXPECT_EQ(api_.holder(kShard), "");
}

TEST_F(ElectionBridgeTest, AReleaseThatFailsIsNotTakenForOne) {
  lead();
  api_.fault = kube::service_unavailable("down", 1);
  EXPECT_EQ(code(update(lease_of(""))), 503);
  EXPECT_TRUE(bridge_->leading());
}

TEST_F(ElectionBridgeTest, TwoControllersOfOnePodDoNotLeadTheSameElection) {
  lead("first");
  Answer refused = update(lease_of("second"));
  ASSERT_EQ(code(refused), 409);
  EXPECT_NE(message(refused).find("'first' leads in this pod already"), std::string::npos);
}

TEST_F(ElectionBridgeTest, ARestartedControllerNeedNotWaitForItsPredecessor) {
  lead("first");
  bridge_->forget_holders();
  EXPECT_FALSE(bridge_->leading());
  EXPECT_EQ(code(update(lease_of("second", shown(get())))), 200);
  EXPECT_TRUE(bridge_->leading());
}

TEST_F(ElectionBridgeTest, TwoElectionsOfOnePodShareTheShardLease) {
  lead();
  ASSERT_EQ(code(create(lease_of("other-me", {}, "another"))), 201);
  EXPECT_EQ(api_.holder("ns/another"), "controllerring/r");
  // Which of them is about the ring's objects cannot be known: the end of either gives the shard up, and what goes on
  // takes it again. The annotation leader-election names the one.
  ASSERT_EQ(code(update(lease_of("", {}, "another"))), 200);
  EXPECT_FALSE(lease_.held());
  EXPECT_TRUE(bridge_->leading());
  api_.change(kShard, [](kube::Lease& lease) { lease.metadata.labels[std::string(sharding::kStateLabel)] = "ready"; });
  ASSERT_EQ(code(update(lease_of("me"))), 200);
  EXPECT_TRUE(lease_.held());
}

TEST_F(ElectionBridgeTest, ANamedElectionIsTheOnlyOne) {
  use("ns/election");
  EXPECT_EQ(create(lease_of("me", {}, "another")), std::nullopt);
  EXPECT_EQ(get("another"), std::nullopt);
  EXPECT_FALSE(bridge_->in_use());
  EXPECT_EQ(code(create(lease_of("me"))), 201);
}

TEST_F(ElectionBridgeTest, SwitchedOffEverythingPasses) {
  use("off");
  EXPECT_EQ(get(), std::nullopt);
  EXPECT_EQ(create(lease_of("me")), std::nullopt);
  EXPECT_EQ(api_.requests, 0u);
}

TEST_F(ElectionBridgeTest, OtherLeasesPass) {
  EXPECT_EQ(update(lease_of("")), std::nullopt) << "a heartbeat without holder";
  kube::Lease shard = lease_of("op-1", {}, "op-1");
  shard.metadata.labels["alpha.sharding.timebertt.dev/controllerring"] = "r";
  EXPECT_EQ(create(shard), std::nullopt) << "another shard's Lease";
  http::Request garbage = request_for(nullptr);
  garbage.head.headers.add("content-type", "application/json");
  garbage.body = "{";
  EXPECT_EQ(run(loop(), bridge_->handle("ns", "election", "update", garbage)), std::nullopt)
      << "the API server says what is wrong with it";
  EXPECT_FALSE(bridge_->in_use());
}

TEST_F(ElectionBridgeTest, WhileTheRingIsNotKnownNobodyLeads) {
  bridge_->set_blocked("the ControllerRing 'r' does not exist");
  ASSERT_EQ(code(get()), 404);
  Answer refused = create(lease_of("me"));
  ASSERT_EQ(code(refused), 503);
  EXPECT_NE(message(refused).find("does not exist"), std::string::npos);
  EXPECT_FALSE(api_.exists(kShard) || api_.exists(kReal));
  bridge_->set_blocked(std::nullopt);
  EXPECT_EQ(code(create(lease_of("me"))), 201);
}

TEST_F(ElectionBridgeTest, MergePatchesAndProtobufAreUnderstood) {
  kube::Lease wanted = lease_of("me");
  http::Request request = request_for(&wanted, kube::Encoding::kProtobuf);
  Answer made = run(loop(), bridge_->handle("ns", "", "create", request));
  ASSERT_EQ(code(made), 201);
  auto answer = kube::parse_lease(made->body, kube::Encoding::kProtobuf);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->holder_identity, "me");

  http::Request patch = request_for(nullptr);
  patch.head.headers.add("content-type", "application/merge-patch+json");
  patch.body = R"({"spec":{"renewTime":"2026-01-01T00:00:09.000000Z"}})";
  Answer patched = run(loop(), bridge_->handle("ns", "election", "patch", patch));
  ASSERT_EQ(code(patched), 200);
  EXPECT_EQ(shown(patched).holder_identity, "me");
  EXPECT_TRUE(shown(patched).renew_time);
}

}  // namespace
}  // namespace ringside::sidecar
