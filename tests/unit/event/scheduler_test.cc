// The order of the phases, and what becomes of handles, on a simulated loop.
#include "event/scheduler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "event/simulated_loop.h"

namespace ringside::event {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

using Seen = std::vector<std::string>;

TEST(SchedulerTest, TimersThenPostsThenTurnEnds) {
  SimulatedLoop loop;
  Seen seen;
  auto end = loop.turn_end([&] { seen.push_back("end"); });
  end->schedule();
  auto inner = std::unique_ptr<Posted>();
  auto post = loop.post([&] {
    seen.push_back("post");
    inner = loop.post([&] { seen.push_back("post of post"); });
  });
  auto timer = loop.timer([&] { seen.push_back("timer"); });
  timer->arm(Duration::zero());
  loop.run_ready();
  EXPECT_THAT(seen, ElementsAre("timer", "post", "post of post", "end"));
}

TEST(SchedulerTest, TimersRunInTheOrderOfTheirDeadlines) {
  SimulatedLoop loop;
  Seen seen;
  std::vector<std::unique_ptr<Timer>> timers;
  for (int delay : {3, 1, 2, 1}) {
    timers.push_back(loop.timer([&, n = timers.size()] { seen.push_back(std::to_string(n)); }));
    timers.back()->arm(seconds(delay));
  }
  EXPECT_TRUE(timers[0]->armed());
  loop.advance(seconds(2));
  EXPECT_THAT(seen, ElementsAre("1", "3", "2"));
  loop.advance(seconds(1));
  EXPECT_THAT(seen, ElementsAre("1", "3", "2", "0"));
  EXPECT_FALSE(timers[0]->armed());
}

TEST(SchedulerTest, TimersAreRearmedDisarmedAndClampedToNow) {
  SimulatedLoop loop;
  int fired = 0;
  auto timer = loop.timer([&] { ++fired; });
  timer->arm(seconds(5));
  timer->arm(seconds(1));
  loop.advance(seconds(10));
  EXPECT_EQ(fired, 1);
  timer->arm(seconds(1));
  timer->disarm();
  loop.advance(seconds(10));
  EXPECT_EQ(fired, 1);
  timer->arm(-seconds(5));
  loop.run_ready();
  EXPECT_EQ(fired, 2);
}

TEST(SchedulerTest, TimeIsThatOfTheDeadline) {
  SimulatedLoop loop;
  TimePoint start = loop.now(), at{};
  WallTime wall = loop.wall_now();
  auto timer = loop.timer([&] { at = loop.now(); });
  timer->arm(seconds(3));
  loop.advance(seconds(10));
  EXPECT_EQ(at, start + seconds(3));
  EXPECT_EQ(loop.now(), start + seconds(10));
  EXPECT_EQ(loop.wall_now() - wall, seconds(10));
}

TEST(SchedulerTest, TimerArmedForZeroByATimerRunsInTheNextTurn) {
  SimulatedLoop loop;
  Seen seen;
  std::unique_ptr<Timer> timer;
  auto end = loop.turn_end([&] { seen.push_back("end"); });
  timer = loop.timer([&] {
    seen.push_back("timer");
    end->schedule();
    if (seen.size() < 5) timer->arm(Duration::zero());
  });
  timer->arm(Duration::zero());
  loop.run_ready();
  EXPECT_THAT(seen, ElementsAre("timer", "end", "timer", "end", "timer", "end"));
}

TEST(SchedulerTest, TurnEndRunsOnceATurnAndAgainIfScheduledFromWithin) {
  SimulatedLoop loop;
  int runs = 0;
  std::unique_ptr<TurnEnd> end;
  end = loop.turn_end([&] {
    if (++runs < 3) end->schedule();
  });
  end->schedule();
  end->schedule();
  loop.run_ready();
  EXPECT_EQ(runs, 3);
}

TEST(SchedulerTest, PostsBeyondTheLimitWaitForTheNextTurn) {
  SimulatedLoop loop;
  int ran = 0, ran_at_end = 0;
  auto end = loop.turn_end([&] { ran_at_end = ran; });
  end->schedule();
  std::vector<std::unique_ptr<Posted>> posts;
  for (int i = 0; i < Loop::kMaxPostsPerTurn + 10; ++i) posts.push_back(loop.post([&] { ++ran; }));
  loop.run_ready();
  EXPECT_EQ(ran_at_end, Loop::kMaxPostsPerTurn);
  EXPECT_EQ(ran, Loop::kMaxPostsPerTurn + 10);
}

TEST(SchedulerTest, DestroyedHandlesDoNotRun) {
  SimulatedLoop loop;
  Seen seen;
  auto timer = loop.timer([&] { seen.push_back("timer"); });
  auto post = loop.post([&] { seen.push_back("post"); });
  auto end = loop.turn_end([&] { seen.push_back("end"); });
  timer->arm(seconds(0));
  end->schedule();
  timer.reset();
  post.reset();
  end.reset();
  loop.advance(seconds(1));
  EXPECT_THAT(seen, IsEmpty());
}

TEST(SchedulerTest, CallbacksDestroyTheirOwnAndOtherHandles) {
  SimulatedLoop loop;
  Seen seen;
  std::unique_ptr<Timer> timers[2];
  std::unique_ptr<Posted> posts[2];
  std::unique_ptr<TurnEnd> ends[2];
  for (int i : {0, 1}) {
    // What the callback captured must live until it returns.
    timers[i] = loop.timer([&, text = std::string(100, 't')] {
      for (auto& timer : timers) timer.reset();
      seen.push_back(text);
    });
    timers[i]->arm(seconds(1));
    posts[i] = loop.post([&, text = std::string(100, 'p')] {
      for (auto& post : posts) post.reset();
      seen.push_back(text);
    });
    ends[i] = loop.turn_end([&, text = std::string(100, 'e')] {
      for (auto& end : ends) end.reset();
      seen.push_back(text);
    });
    ends[i]->schedule();
  }
  loop.advance(seconds(2));
  EXPECT_THAT(seen, ElementsAre(std::string(100, 'p'), std::string(100, 'e'), std::string(100, 't')));
}

TEST(SchedulerTest, TimerDestroyedByAnEarlierOneOfTheSameTurn) {
  SimulatedLoop loop;
  int fired = 0;
  std::unique_ptr<Timer> second;
  auto first = loop.timer([&] { second.reset(); });
  second = loop.timer([&] { ++fired; });
  first->arm(seconds(1));
  second->arm(seconds(1));
  loop.advance(seconds(1));
  EXPECT_EQ(fired, 0);
}

TEST(SchedulerTest, HandlesMayOutliveTheLoop) {
  auto loop = std::make_unique<SimulatedLoop>();
  auto timer = loop->timer([] {});
  auto post = loop->post([] {});
  auto end = loop->turn_end([] {});
  timer->arm(seconds(1));
  end->schedule();
  loop.reset();
}

}  // namespace
}  // namespace ringside::event
