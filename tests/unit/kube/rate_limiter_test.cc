#include "kube/rate_limiter.h"

#include <gtest/gtest.h>

#include "event/job.h"
#include "event/simulated_loop.h"
#include "kube/client.h"
#include "tests/support/fake_api.h"

namespace ringside::kube {
namespace {

using namespace std::chrono_literals;

class RateLimiterTest : public ::testing::Test {
 protected:
  void ask(RateLimiter& limiter, int times) {
    for (int i = 0; i < times; ++i) jobs_.add(count(limiter));
    loop_.run_ready();
  }

  event::Task<void> count(RateLimiter& limiter) {
    co_await limiter.pass();
    ++passed_;
  }

  event::SimulatedLoop loop_;
  event::JobSet jobs_{loop_};
  int passed_ = 0;
};

TEST_F(RateLimiterTest, ABurstPassesAndThenSoManyASecond) {
  RateLimiter limiter(loop_, RateLimit{.qps = 2, .burst = 3});
  ask(limiter, 10);
  EXPECT_EQ(passed_, 3);
  loop_.advance(499ms);
  EXPECT_EQ(passed_, 3);
  loop_.advance(1ms);
  EXPECT_EQ(passed_, 4);
  loop_.advance(1s);
  EXPECT_EQ(passed_, 6);
  loop_.advance(2s);
  EXPECT_EQ(passed_, 10);
}

TEST_F(RateLimiterTest, WhatIsSavedIsNoMoreThanABurst) {
  RateLimiter limiter(loop_, RateLimit{.qps = 2, .burst = 3});
  ask(limiter, 3);
  loop_.advance(1h);
  ask(limiter, 10);
  EXPECT_EQ(passed_, 6);
}

TEST_F(RateLimiterTest, LessThanOneASecond) {
  RateLimiter limiter(loop_, RateLimit{.qps = 0.1, .burst = 1});
  ask(limiter, 2);
  loop_.advance(9900ms);
  EXPECT_EQ(passed_, 1);
  loop_.advance(100ms);
  EXPECT_EQ(passed_, 2);
}

TEST_F(RateLimiterTest, WithoutALimitNothingWaits) {
  RateLimiter limiter(loop_, std::nullopt);
  ask(limiter, 10'000);
  EXPECT_EQ(passed_, 10'000);
}

TEST_F(RateLimiterTest, WhoGivesUpHasSpentItsToken) {
  RateLimiter limiter(loop_, RateLimit{.qps = 1, .burst = 1});
  ask(limiter, 1);
  {
    event::Job given_up(loop_, count(limiter));
    loop_.run_ready();
  }
  ask(limiter, 1);
  loop_.advance(1900ms);
  EXPECT_EQ(passed_, 1);
  loop_.advance(100ms);
  EXPECT_EQ(passed_, 2);
}

TEST(LimitedClientTest, EveryRequestPassesTheLimitAndWaitingIsNoTimeOut) {
  ringside::testing::FakeApi api;
  api.on_request = [](ringside::testing::Record& request) { ringside::testing::answer(request, 200, "{}"); };
  Client client(api.loop, api.http, *api.credentials,
                {.timeout = 10s, .rate_limit = RateLimit{.qps = 0.05, .burst = 2}});
  event::JobSet jobs(api.loop);
  int done = 0;
  auto get = [&]() -> event::Task<void> {
    auto answer = co_await client.get({"", "v1", "secrets"}, "ns", "x");
    EXPECT_TRUE(answer);
    ++done;
  };
  for (int i = 0; i < 3; ++i) jobs.add(get());
  api.loop.run_ready();
  EXPECT_EQ(api.requests.size(), 2u);
  api.loop.advance(19s);
  EXPECT_EQ(api.requests.size(), 2u);
  api.loop.advance(1s);
  EXPECT_EQ(api.requests.size(), 3u);
  EXPECT_EQ(done, 3);
}

}  // namespace
}  // namespace ringside::kube
