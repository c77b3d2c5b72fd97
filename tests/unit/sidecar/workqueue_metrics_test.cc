#include "sidecar/workqueue_metrics.h"

#include <gtest/gtest.h>

namespace ringside::sidecar {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint kSent = TimePoint(1h);

WorkerStates parse(std::string_view text) {
  auto states = parse_worker_states(text);
  EXPECT_TRUE(states) << (states ? "" : states.error().message);
  return states.value_or(WorkerStates());
}

TEST(WorkerStatesTest, FindsControllersAndQueuesByName) {
  WorkerStates states = parse(
      "workqueue_longest_running_processor_seconds{controller=\"secret\",name=\"secret\"} 0.25\n"
      "workqueue_longest_running_processor_seconds{name=\"plain\"} 3\n"
      "workqueue_depth{name=\"plain\"} 9\n"
      "controller_runtime_active_workers{controller=\"secret\"} 1\n");
  ASSERT_EQ(states.size(), 2u);
  EXPECT_EQ(states["secret"].active, 1);
  EXPECT_EQ(states["secret"].longest_running, 0.25);
  EXPECT_EQ(states["plain"].active, std::nullopt);
  EXPECT_EQ(states["plain"].longest_running, 3);
}

TEST(WorkerStatesTest, TheWorstOfANameCountsAndNonsenseIsWorse) {
  WorkerStates states = parse(
      "controller_runtime_active_workers{controller=\"a\",pod=\"1\"} 2\n"
      "controller_runtime_active_workers{controller=\"a\",pod=\"2\"} 0\n"
      "controller_runtime_active_workers{controller=\"b\"} NaN\n"
      "controller_runtime_active_workers{controller=\"c\"} -1\n");
  EXPECT_EQ(states["a"].active, 2);
  EXPECT_GT(states["b"].active, 1e6);
  EXPECT_GT(states["c"].active, 1e6);
}

TEST(WorkerStatesTest, OtherMetricsAreNoneAndMalformedOnesAnError) {
  EXPECT_TRUE(parse("go_goroutines 7\n").empty());
  EXPECT_FALSE(parse_worker_states("controller_runtime_active_workers{controller=\"a\"} many\n"));
}

class ProcessingProofTest : public ::testing::Test {
 protected:
  static constexpr TimePoint kNever = TimePoint::min();
  // After `at`, answered 5 ms later.
  TimePoint scrape(const WorkerStates& states, Duration at, Duration took = 5ms) {
    return proof_.scraped(states, kSent + at, kSent + at + took).value_or(kNever);
  }
  ProcessingProof proof_;
};

TEST_F(ProcessingProofTest, NobodyActiveIsExact) {
  EXPECT_EQ(scrape({{"a", {.active = 0, .longest_running = 0.4}}}, 0s), kSent);
  EXPECT_EQ(scrape({{"a", {.active = 0}}}, 1s, 900ms), kSent + 1s) << "also if it took long";
}

TEST_F(ProcessingProofTest, AQueuesGaugeMayBeOld) {
  EXPECT_EQ(scrape({{"a", {.longest_running = 0}}}, 0s), kSent - 750ms);
  EXPECT_EQ(scrape({{"a", {.longest_running = 2.5}}}, 1s), kSent - 750ms) << "what was proven stays";
  EXPECT_EQ(scrape({{"a", {.longest_running = 0.5}}}, 2s), kSent + 2s - 1250ms);
}

TEST_F(ProcessingProofTest, AQueuesGaugeFromAProcessThatHungProvesNothing) {
  EXPECT_EQ(scrape({{"a", {.longest_running = 0}}}, 0s, 251ms), kNever);
}

TEST_F(ProcessingProofTest, ABusyControllerIsProvenByItsQueue) {
  EXPECT_EQ(scrape({{"a", {.active = 3, .longest_running = 1}}}, 0s), kSent - 1750ms);
  EXPECT_EQ(scrape({{"b", {.active = 1}}}, 0s), kNever);
}

TEST_F(ProcessingProofTest, EveryControllerMustHaveBeenQuietOnceNotAllAtATime) {
  EXPECT_EQ(scrape({{"a", {.active = 0}}, {"b", {.active = 1}}}, 0s), kNever);
  EXPECT_EQ(scrape({{"a", {.active = 1}}, {"b", {.active = 0}}}, 1s), kSent);
  EXPECT_EQ(scrape({{"a", {.active = 1}}, {"b", {.active = 0}}}, 2s), kSent);
  EXPECT_EQ(scrape({{"a", {.active = 0}}, {"b", {.active = 1}}}, 3s), kSent + 2s);
}

TEST_F(ProcessingProofTest, ControllersComeAndGo) {
  EXPECT_EQ(scrape({{"a", {.active = 0}}}, 0s), kSent);
  EXPECT_EQ(scrape({{"a", {.active = 0}}, {"new", {.active = 1}}}, 1s), kNever);
  EXPECT_EQ(scrape({{"new", {.active = 0}}}, 2s), kSent + 2s);
  EXPECT_EQ(scrape({{"a", {.active = 1}}, {"new", {.active = 0}}}, 3s), kNever) << "nothing is remembered of the old a";
  EXPECT_EQ(scrape({}, 4s), kNever);
}

TEST_F(ProcessingProofTest, AbsurdAgesProveNothing) {
  EXPECT_EQ(scrape({{"a", {.longest_running = 1e300}}}, 0s), kNever);
}

}  // namespace
}  // namespace ringside::sidecar
