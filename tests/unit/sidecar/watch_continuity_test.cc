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
  Duration broken() const { return watches_.broken_for(kPods); }

  event::SimulatedLoop loop_;
  WatchContinuity watches_{loop_};
  std::optional<WatchContinuity::Open> a_, b_;
};

TEST_F(WatchContinuityTest, WhatIsNotWatchedIsNotBroken) {
  EXPECT_EQ(broken(), 0s);
  a_.emplace(watches_, kube::GroupResource{.group = "apps", .resource = "pods"});
  loop_.advance(100ms);
  EXPECT_EQ(broken(), 0s);
}

TEST_F(WatchContinuityTest, AWatchBringsWhatThereIsWithinHalfASecond) {
  a_.emplace(watches_, kPods);
  loop_.advance(499ms);
  EXPECT_EQ(broken(), 499ms);
  loop_.advance(1ms);
  EXPECT_EQ(broken(), 0s);
}

TEST_F(WatchContinuityTest, AllThatEndedMustBeOpenAgain) {
  a_.emplace(watches_, kPods);
  b_.emplace(watches_, kPods);
  loop_.advance(1s);
  a_.reset();
  loop_.advance(1s);
  b_.reset();
  loop_.advance(4s);
  EXPECT_EQ(broken(), 5s);
  a_.emplace(watches_, kPods);
  loop_.advance(1s);
  EXPECT_EQ(broken(), 6s) << "one of two";
  b_.emplace(watches_, kPods);
  loop_.advance(500ms);
  EXPECT_EQ(broken(), 0s);
}

TEST_F(WatchContinuityTest, WhatASidecarBeforeHasServedIsBrokenUntilItIsWatchedAgain) {
  watches_.take_over();
  loop_.advance(3s);
  EXPECT_EQ(broken(), 3s);
  b_.emplace(watches_, kube::GroupResource{.group = "apps", .resource = "pods"});
  a_.emplace(watches_, kPods);
  loop_.advance(499ms);
  EXPECT_EQ(broken(), 3s + 499ms) << "since the start";
  loop_.advance(1ms);
  EXPECT_EQ(broken(), 0s);
  a_.reset();
  loop_.advance(1s);
  EXPECT_EQ(broken(), 1s);
}

TEST_F(WatchContinuityTest, WhatNobodyWatchesAfterATakeOverIsNotWaitedForForEver) {
  watches_.take_over();
  loop_.advance(1min - 1ms);
  EXPECT_EQ(broken(), 1min - 1ms);
  loop_.advance(1ms);
  EXPECT_EQ(broken(), 0s);
  a_.emplace(watches_, kPods);
  loop_.advance(100ms);
  EXPECT_EQ(broken(), 100ms);
}

TEST_F(WatchContinuityTest, WatchesThatComeAndGoAllTheTimeDoNotCountForLong) {
  a_.emplace(watches_, kPods);
  loop_.advance(1s);
  auto come_and_go = [this](int seconds) {
    for (int i = 0; i < 4 * seconds; ++i) {
      b_.emplace(watches_, kPods);
      b_.reset();
      loop_.advance(250ms);
    }
  };
  come_and_go(119);
  EXPECT_EQ(broken(), 119s);
  come_and_go(10);
  EXPECT_EQ(broken(), 0s);
  loop_.advance(1min);
  b_.emplace(watches_, kPods);
  loop_.advance(100ms);
  EXPECT_EQ(broken(), 100ms) << "they have been quiet";
}

TEST_F(WatchContinuityTest, OneThatStaysAwayIsNotWaitedForForEver) {
  a_.emplace(watches_, kPods);
  b_.emplace(watches_, kPods);
  loop_.advance(1s);
  a_.reset();
  loop_.advance(1min - 1ms);
  EXPECT_EQ(broken(), 1min - 1ms);
  loop_.advance(1ms);
  EXPECT_EQ(broken(), 0s);
  b_.reset();
  b_.emplace(watches_, kPods);
  loop_.advance(500ms);
  EXPECT_EQ(broken(), 0s) << "one is what it has now";
}

}  // namespace
}  // namespace ringside::sidecar
