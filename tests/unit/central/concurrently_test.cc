#include "central/concurrently.h"

#include <gtest/gtest.h>

#include "event/simulated_loop.h"

namespace ringside::central {
namespace {

using std::chrono::seconds;

struct Counted {
  size_t running = 0;
  size_t most = 0;
  size_t ended = 0;
};

event::Task<void> work(event::Loop& loop, Counted& counted) {
  counted.most = std::max(counted.most, ++counted.running);
  co_await event::sleep(loop, seconds(1));
  --counted.running;
  ++counted.ended;
}

auto some(event::Loop& loop, Counted& counted, size_t count) {
  return [&loop, &counted, left = count]() mutable -> std::optional<event::Task<void>> {
    if (left == 0) return std::nullopt;
    --left;
    return work(loop, counted);
  };
}

TEST(ConcurrentlyTest, RunsAllAndNeverMoreThanTheLimit) {
  event::SimulatedLoop loop;
  Counted counted;
  bool done = false;
  event::Job job(loop, concurrently(loop, 3, some(loop, counted, 10)), [&] { done = true; });
  loop.advance(seconds(3));
  EXPECT_FALSE(done);
  loop.advance(seconds(2));
  EXPECT_TRUE(done);
  EXPECT_EQ(counted.ended, 10u);
  EXPECT_EQ(counted.most, 3u);
}

TEST(ConcurrentlyTest, EndsWithNothingToDo) {
  event::SimulatedLoop loop;
  Counted counted;
  event::Job job(loop, concurrently(loop, 3, some(loop, counted, 0)));
  loop.run_ready();
  EXPECT_FALSE(job.running());
}

TEST(ConcurrentlyTest, DestroyingItCancelsWhatIsUnderWay) {
  event::SimulatedLoop loop;
  Counted counted;
  {
    event::Job job(loop, concurrently(loop, 3, some(loop, counted, 10)));
    loop.run_ready();
    EXPECT_EQ(counted.running, 3u);
  }
  loop.advance(seconds(10));
  EXPECT_EQ(counted.ended, 0u);
}

}  // namespace
}  // namespace ringside::central
