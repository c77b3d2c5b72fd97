#include "central/work_pool.h"

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

event::Task<void> add(event::Loop& loop, WorkPool& pool, Counted& counted, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    co_await pool.room();
    pool.add(work(loop, counted));
  }
  co_await pool.idle();
}

TEST(WorkPoolTest, RunsAllAndNeverMoreThanTheLimit) {
  event::SimulatedLoop loop;
  Counted counted;
  WorkPool pool(loop, 3);
  event::Job job(loop, add(loop, pool, counted, 10));
  loop.advance(seconds(3));
  EXPECT_TRUE(job.running());
  loop.advance(seconds(2));
  EXPECT_FALSE(job.running());
  EXPECT_EQ(counted.ended, 10u);
  EXPECT_EQ(counted.most, 3u);
}

TEST(WorkPoolTest, IsIdleWithoutWork) {
  event::SimulatedLoop loop;
  Counted counted;
  WorkPool pool(loop, 3);
  event::Job job(loop, add(loop, pool, counted, 0));
  loop.run_ready();
  EXPECT_FALSE(job.running());
}

TEST(WorkPoolTest, WorkGoesOnWhenWhoAddedItIsGoneAndCountsAgainstTheNextOne) {
  event::SimulatedLoop loop;
  Counted counted;
  WorkPool pool(loop, 3);
  {
    event::Job job(loop, add(loop, pool, counted, 10));
    loop.run_ready();
  }
  EXPECT_EQ(counted.running, 3u);
  event::Job next(loop, add(loop, pool, counted, 2));
  loop.run_ready();
  EXPECT_EQ(counted.running, 3u);
  loop.advance(seconds(1));
  EXPECT_EQ(counted.ended, 3u);
  loop.advance(seconds(1));
  EXPECT_EQ(counted.ended, 5u);
  EXPECT_EQ(counted.most, 3u);
  EXPECT_FALSE(next.running());
}

TEST(WorkPoolTest, DestroyingItCancelsWhatIsUnderWay) {
  event::SimulatedLoop loop;
  Counted counted;
  {
    WorkPool pool(loop, 3);
    event::Job job(loop, add(loop, pool, counted, 3));
    loop.run_ready();
    job = event::Job();
  }
  loop.advance(seconds(5));
  EXPECT_EQ(counted.ended, 0u);
}

}  // namespace
}  // namespace ringside::central
