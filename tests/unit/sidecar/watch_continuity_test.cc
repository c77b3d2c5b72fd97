#include "sidecar/watch_continuity.h"

#include <gtest/gtest.h>

#include <optional>

#include "event/simulated_loop.h"

namespace ringside::sidecar {
namespace {

using namespace std::chrono_literals;

const kube::GroupResource kPods = {.group = "", .resource = "pods"};

class WatchContinuityTest : public ::testing::Test {
 protected:
  bool unbroken() const { return watches_.unbroken_for(500ms, kPods); }

  event::SimulatedLoop loop_;
  WatchContinuity watches_{loop_};
  std::optional<WatchContinuity::Open> a_, b_;
};

TEST_F(WatchContinuityTest, WhatIsNotWatchedMissesNothing) {
  EXPECT_TRUE(unbroken());
  a_.emplace(watches_, kube::GroupResource{.group = "apps", .resource = "pods"});
  EXPECT_TRUE(unbroken());
}

TEST_F(WatchContinuityTest, FromTheBeginningOfAWatch) {
  a_.emplace(watches_, kPods);
  loop_.advance(499ms);
  EXPECT_FALSE(unbroken());
  loop_.advance(1ms);
  EXPECT_TRUE(unbroken());
  EXPECT_FALSE(watches_.unbroken_for(1s, kPods));
}

TEST_F(WatchContinuityTest, AllThatEndedMustBeOpenAgain) {
  a_.emplace(watches_, kPods);
  b_.emplace(watches_, kPods);
  loop_.advance(1min);
  a_.reset();
  b_.reset();
  loop_.advance(5s);
  EXPECT_FALSE(unbroken());
  a_.emplace(watches_, kPods);
  loop_.advance(1s);
  EXPECT_FALSE(unbroken()) << "one of two";
  b_.emplace(watches_, kPods);
  loop_.advance(500ms);
  EXPECT_TRUE(unbroken());
}

TEST_F(WatchContinuityTest, OneThatStaysAwayIsNotWaitedForForEver) {
  a_.emplace(watches_, kPods);
  b_.emplace(watches_, kPods);
  loop_.advance(1min);
  a_.reset();
  loop_.advance(20s - 1ms);
  EXPECT_FALSE(unbroken());
  loop_.advance(1ms);
  EXPECT_TRUE(unbroken());
  b_.reset();
  b_.emplace(watches_, kPods);
  loop_.advance(500ms);
  EXPECT_TRUE(unbroken()) << "one is what it has now";
}

}  // namespace
}  // namespace ringside::sidecar
