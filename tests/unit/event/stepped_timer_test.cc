#include "event/stepped_timer.h"

#include <gtest/gtest.h>

#include <optional>

#include "event/simulated_loop.h"

namespace ringside::event {
namespace {

using namespace std::chrono_literals;

struct SteppedTimerTest : ::testing::Test {
  SimulatedLoop loop;
  int runs = 0;
  std::optional<SteppedTimer> timer{std::in_place, loop, [this] { ++runs; }};
};

TEST_F(SteppedTimerTest, RunsOnceAfterTheDelay) {
  timer->arm(6s);
  loop.advance(6s - 1ns);
  EXPECT_EQ(runs, 0);
  EXPECT_TRUE(timer->armed());
  loop.advance(1ns);
  EXPECT_EQ(runs, 1);
  EXPECT_FALSE(timer->armed());
  loop.advance(1h);
  EXPECT_EQ(runs, 1);
}

TEST_F(SteppedTimerTest, ADelayThatCannotBeDividedIsNotCutShort) {
  timer->arm(7ns);
  loop.advance(6ns);
  EXPECT_EQ(runs, 0);
}

TEST_F(SteppedTimerTest, NothingToWaitForIsOverAtOnce) {
  timer->arm(0s);
  loop.run_ready();
  EXPECT_EQ(runs, 1);
}

TEST_F(SteppedTimerTest, AStepThatWasSleptThroughBeginsAgain) {
  timer->arm(6s);
  loop.advance(6s - 1ms);  // in the last of its steps
  loop.stall(1h);
  loop.run_ready();
  EXPECT_EQ(runs, 0);
  loop.advance(1s - 1ns);
  EXPECT_EQ(runs, 0);
  loop.advance(1ns);
  EXPECT_EQ(runs, 1);
}

TEST_F(SteppedTimerTest, ALoopThatIsSlowIsNotAsleep) {
  timer->arm(6s);
  for (int step = 0; step < SteppedTimer::kSteps; ++step) {
    loop.stall(2s);  // each of the steps twice as long as it should be
    loop.run_ready();
  }
  EXPECT_EQ(runs, 1);
}

TEST_F(SteppedTimerTest, DisarmedOrDestroyedItDoesNotRun) {
  timer->arm(6s);
  loop.advance(3s);
  timer->disarm();
  loop.advance(1h);
  timer->arm(6s);
  timer.reset();
  loop.advance(1h);
  EXPECT_EQ(runs, 0);
}

TEST_F(SteppedTimerTest, ArmedAgainItBeginsAnew) {
  timer->arm(6s);
  loop.advance(5s);
  timer->arm(12s);
  loop.advance(12s - 1ns);
  EXPECT_EQ(runs, 0);
  loop.advance(1ns);
  EXPECT_EQ(runs, 1);
}

TEST_F(SteppedTimerTest, TheCallbackMayDestroyIt) {
  timer.emplace(loop, [this] {
    timer.reset();
    ++runs;
  });
  timer->arm(1s);
  loop.advance(2s);
  EXPECT_EQ(runs, 1);
}

}  // namespace
}  // namespace ringside::event
