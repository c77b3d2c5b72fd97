#include "sharding/lease_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "base/rfc3339.h"

namespace ringside::sharding {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr WallTime kWall{hours(24 * 365 * 50)};
constexpr TimePoint kNow{hours(1)};

// Held by its shard, renewed at `renewed`, for 10 s.
LeaseRecord held(WallTime renewed = kWall) {
  return {.name = "shard-0",
          .holder = "shard-0",
          .duration = seconds(10),
          .acquire_time = renewed - hours(1),
          .renew_time = renewed};
}

LeaseRecord with_holder(LeaseRecord lease, std::string holder) {
  lease.holder = std::move(holder);
  return lease;
}

TEST(ShardStateTest, Names) {
  for (auto state :
       {ShardState::kReady, ShardState::kExpired, ShardState::kUncertain, ShardState::kDead, ShardState::kOrphaned}) {
    EXPECT_EQ(parse_shard_state(to_string(state)), state);
  }
  EXPECT_EQ(to_string(ShardState::kUncertain), "uncertain");
  EXPECT_EQ(parse_shard_state("unknown"), std::nullopt);
  EXPECT_EQ(parse_shard_state(""), std::nullopt);
}

TEST(ShardStateTest, Availability) {
  EXPECT_TRUE(is_available(ShardState::kReady));
  EXPECT_TRUE(is_available(ShardState::kExpired));
  EXPECT_TRUE(is_available(ShardState::kUncertain));
  EXPECT_FALSE(is_available(ShardState::kDead));
  EXPECT_FALSE(is_available(ShardState::kOrphaned));
}

TEST(LeaseRecordTest, Parse) {
  auto lease = json::parse(R"({"metadata": {"name": "shard-0"}, "spec": {"holderIdentity": "shard-0",
    "leaseDurationSeconds": 15, "acquireTime": "2026-11-22T14:36:00.000001Z", "renewTime": "2026-11-22T14:37:00.5Z"}})");
  LeaseRecord record = parse_lease_record(*lease);
  EXPECT_EQ(record.name, "shard-0");
  EXPECT_EQ(record.holder, "shard-0");
  EXPECT_EQ(record.duration, seconds(15));
  EXPECT_EQ(record.acquire_time, *parse_rfc3339("2026-11-22T14:36:00.000001Z"));
  EXPECT_EQ(record.renew_time, *parse_rfc3339("2026-11-22T14:37:00.5Z"));
}

TEST(LeaseRecordTest, ParseIsLenient) {
  for (auto text :
       {"{}", "null", R"({"spec": {"holderIdentity": null, "leaseDurationSeconds": 0, "renewTime": "now"}})",
        R"({"spec": {"leaseDurationSeconds": -1}})", R"({"spec": {"leaseDurationSeconds": 4294967296}})"}) {
    EXPECT_EQ(parse_lease_record(*json::parse(text)), LeaseRecord()) << text;
  }
}

struct Case {
  const char* name;
  LeaseRecord lease;
  Duration age;  // since the renewal
  ShardStatus expected;
};

std::ostream& operator<<(std::ostream& out, const Case& each) {
  return out << each.name;
}

LeaseRecord without_renew_time(LeaseRecord lease) {
  return lease.renew_time.reset(), lease;
}
LeaseRecord without_acquire_time(LeaseRecord lease) {
  return lease.acquire_time.reset(), lease;
}
LeaseRecord without_duration(LeaseRecord lease) {
  return lease.duration.reset(), lease;
}

class TableTest : public testing::TestWithParam<Case> {};

TEST_P(TableTest, ByWallClock) {
  const Case& each = GetParam();
  ShardStatus status = status_by_wall_clock(each.lease, kWall + std::chrono::duration_cast<microseconds>(each.age));
  EXPECT_EQ(to_string(status.state), to_string(each.expected.state));
  EXPECT_EQ(status.look_again, each.expected.look_again);
}

using enum ShardState;

INSTANTIATE_TEST_SUITE_P(
    All, TableTest,
    testing::Values(
        Case{"renewed", held(), seconds(0), {kReady, seconds(10)}},
        Case{"before_expiry", held(), seconds(9), {kReady, seconds(1)}},
        Case{"clock_ahead", held(), -seconds(5), {kReady, seconds(15)}},
        Case{"at_expiry", held(), seconds(10), {kExpired, seconds(10)}},
        Case{"expired", held(), seconds(19), {kExpired, seconds(1)}},
        Case{"two_durations", held(), seconds(20), {kUncertain, seconds(10)}},
        Case{"long_expired", held(), hours(1000), {kUncertain, seconds(10)}},
        Case{"released", with_holder(held(), ""), seconds(0), {kDead, seconds(70)}},
        Case{"taken", with_holder(held(), "shardlease-controller"), seconds(0), {kDead, seconds(70)}},
        Case{"other_holder", with_holder(held(), "shard-1"), seconds(69), {kDead, seconds(1)}},
        Case{"orphaned", with_holder(held(), ""), seconds(70), {kOrphaned, seconds(10)}},
        Case{"no_renew_time", without_renew_time(held()), seconds(0), {kExpired, seconds(15)}},
        Case{"no_acquire_time", without_acquire_time(held()), seconds(0), {kExpired, seconds(15)}},
        Case{"no_duration", without_duration(held()), hours(1), {kExpired, seconds(15)}},
        Case{"released_no_times", with_holder(without_renew_time(held()), ""), seconds(0), {kDead, minutes(1)}}),
    [](const auto& test) { return test.param.name; });

TEST(StatusByWallClockTest, TimesThousandsOfYearsApart) {
  LeaseRecord lease = held(*parse_rfc3339("0001-01-01T00:00:00Z"));
  EXPECT_EQ(status_by_wall_clock(lease, kWall).state, kUncertain);
  lease = held(*parse_rfc3339("9999-12-31T23:59:59Z"));
  lease.duration = seconds(std::numeric_limits<int32_t>::max());
  EXPECT_EQ(status_by_wall_clock(lease, kWall).state, kReady);
  EXPECT_GT(status_by_wall_clock(lease, kWall).look_again, hours(24));
}

TEST(LeaseObserverTest, TimesExpiryFromTheChangeThatItSaw) {
  LeaseObserver observer;
  observer.observe(held(), kNow, kWall);
  // The shard's clock jumps an hour back; what counts is that it wrote something.
  observer.observe(held(kWall - hours(1)), kNow + seconds(2), kWall + seconds(2));
  EXPECT_EQ(observer.status(kNow + seconds(2)), (ShardStatus{kReady, seconds(10)}));
  EXPECT_EQ(observer.status(kNow + seconds(11)), (ShardStatus{kReady, seconds(1)}));
  EXPECT_EQ(observer.status(kNow + seconds(12)), (ShardStatus{kExpired, seconds(10)}));
  EXPECT_EQ(observer.status(kNow + seconds(22)), (ShardStatus{kUncertain, seconds(10)}));
}

TEST(LeaseObserverTest, AClockInTheFutureDoesNotKeepAShard) {
  LeaseObserver observer;
  observer.observe(held(kWall + hours(1)), kNow, kWall);
  EXPECT_EQ(observer.status(kNow), (ShardStatus{kReady, seconds(10)}));
  EXPECT_EQ(observer.status(kNow + seconds(20)).state, kUncertain);
}

TEST(LeaseObserverTest, SeeingTheSameAgainIsNoRenewal) {
  LeaseObserver observer;
  for (int i = 0; i <= 20; ++i) observer.observe(held(), kNow + seconds(i), kWall + seconds(i));
  EXPECT_EQ(observer.status(kNow + seconds(20)).state, kUncertain);
}

TEST(LeaseObserverTest, ALeaseThatExpiredLongAgoIsExpiredAtFirstSightAndLivesOneDuration) {
  LeaseObserver observer;
  observer.observe(held(kWall - hours(1)), kNow, kWall);
  EXPECT_EQ(observer.status(kNow), (ShardStatus{kExpired, seconds(10)}));
  EXPECT_EQ(observer.status(kNow + seconds(10)).state, kUncertain);
}

TEST(LeaseObserverTest, TheAgeAtFirstSightCountsUpToOneDuration) {
  LeaseObserver observer;
  observer.observe(held(kWall - seconds(4)), kNow, kWall);
  EXPECT_EQ(observer.status(kNow), (ShardStatus{kReady, seconds(6)}));
}

// With a clock an hour behind, a live shard looks as if it had expired; it renews before it could be taken.
TEST(LeaseObserverTest, SkewAtFirstSightKillsNobody) {
  LeaseObserver observer;
  observer.observe(held(kWall - hours(1)), kNow, kWall);
  EXPECT_TRUE(is_available(observer.status(kNow + seconds(9)).state));
  observer.observe(held(kWall - hours(1) + seconds(9)), kNow + seconds(9), kWall + seconds(9));
  EXPECT_EQ(observer.status(kNow + seconds(9)), (ShardStatus{kReady, seconds(10)}));
}

TEST(LeaseObserverTest, ReleasedOrTakenIsDeadAtFirstSight) {
  for (auto holder : {"", "shardlease-controller"}) {
    LeaseObserver observer;
    observer.observe(with_holder(held(kWall - hours(1)), holder), kNow, kWall);
    EXPECT_EQ(observer.status(kNow), (ShardStatus{kDead, minutes(1)}));
    EXPECT_EQ(observer.status(kNow + minutes(1)), (ShardStatus{kOrphaned, seconds(10)}));
  }
}

TEST(LeaseObserverTest, AReleaseIsDeathAndAReturnIsLife) {
  LeaseObserver observer;
  observer.observe(held(), kNow, kWall);
  observer.observe(with_holder(held(), ""), kNow + seconds(1), kWall);
  EXPECT_EQ(observer.status(kNow + seconds(1)).state, kDead);
  observer.observe(held(), kNow + seconds(40), kWall);
  EXPECT_EQ(observer.status(kNow + seconds(40)), (ShardStatus{kReady, seconds(10)}));
}

TEST(LeaseObserverTest, WithoutItsTimesItHasExpiredWhenItWasSeen) {
  LeaseObserver observer;
  observer.observe(without_renew_time(held()), kNow, kWall);
  EXPECT_EQ(observer.status(kNow), (ShardStatus{kExpired, seconds(15)}));
  EXPECT_EQ(observer.status(kNow + seconds(15)), (ShardStatus{kUncertain, seconds(15)}));
}

TEST(LeaseObserverTest, AfterAGapNobodyIsTakenForOneDuration) {
  LeaseObserver observer;
  observer.observe(held(), kNow, kWall);
  TimePoint back = kNow + minutes(5);
  observer.observe(held(), back, kWall + minutes(5));
  observer.on_gap_ended(back);
  EXPECT_EQ(observer.status(back), (ShardStatus{kExpired, seconds(10)}));
  EXPECT_EQ(observer.status(back + seconds(10)).state, kUncertain);
}

TEST(LeaseObserverTest, AShortGapChangesNothing) {
  LeaseObserver observer;
  observer.observe(held(), kNow, kWall);
  observer.on_gap_ended(kNow + seconds(3));
  EXPECT_EQ(observer.status(kNow + seconds(3)), (ShardStatus{kReady, seconds(7)}));
}

}  // namespace
}  // namespace ringside::sharding
