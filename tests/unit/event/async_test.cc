#include "event/async.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "event/simulated_loop.h"
#include "tests/support/run_task.h"

namespace ringside::event {
namespace {

using ringside::testing::Started;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;

using Seen = std::vector<std::string>;

// Notes when it is destroyed.
struct Mark {
  Seen& seen;
  std::string name;
  ~Mark() { seen.push_back("~" + name); }
};

Task<int> add(int a, int b) {
  co_return a + b;
}
Task<int> sum(int n) {
  int total = 0;
  for (int i = 1; i <= n; ++i) total = co_await add(total, i);
  co_return total;
}
Task<std::unique_ptr<int>> move_only() {
  co_return std::make_unique<int>(7);
}

TEST(TaskTest, ValuesComeBackThroughManyAwaits) {
  SimulatedLoop loop;
  EXPECT_EQ(ringside::testing::run(loop, sum(10'000)), 50'005'000);  // on a stack of constant depth
  EXPECT_EQ(*ringside::testing::run(loop, move_only()), 7);
}

TEST(TaskTest, DroppedBeforeItStarted) {
  Seen seen;
  auto task = [](Seen& s, Mark mark) -> Task<void> {
    s.push_back("ran " + mark.name);
    co_return;
  };
  {
    auto dropped = task(seen, Mark{seen, "a"});
  }
  EXPECT_EQ(std::count(seen.begin(), seen.end(), "ran a"), 0);
  EXPECT_EQ(seen.back(), "~a");
}

TEST(JobTest, StartsInPhaseThreeAndTellsWhenItIsDone) {
  SimulatedLoop loop;
  Seen seen;
  auto task = [](Seen& s) -> Task<void> {
    s.push_back("ran");
    co_return;
  };
  Job job(loop, task(seen), [&] { seen.push_back("done"); });
  EXPECT_TRUE(job.running());
  EXPECT_THAT(seen, ElementsAre());
  loop.run_ready();
  EXPECT_THAT(seen, ElementsAre("ran", "done"));
  EXPECT_FALSE(job.running());
  EXPECT_FALSE(Job().running());
}

TEST(JobTest, DestructionCancelsInnermostFirst) {
  SimulatedLoop loop;
  Seen seen;
  struct Tasks {
    static Task<void> inner(Loop& l, Seen& s) {
      Mark mark{s, "inner"};
      co_await sleep(l, seconds(1));
      s.push_back("inner ran");
    }
    static Task<void> outer(Loop& l, Seen& s) {
      Mark mark{s, "outer"};
      co_await inner(l, s);
      s.push_back("outer ran");
    }
  };
  {
    Job before(loop, Tasks::outer(loop, seen));  // never started
  }
  EXPECT_THAT(seen, ElementsAre());
  Job job(loop, Tasks::outer(loop, seen));
  loop.run_ready();
  job = Job();
  EXPECT_THAT(seen, ElementsAre("~inner", "~outer"));
  loop.advance(seconds(2));
  EXPECT_EQ(seen.size(), 2u);
}

TEST(JobTest, DestroyedOrReplacedByItsOwnOnDone) {
  SimulatedLoop loop;
  int done = 0;
  auto task = []() -> Task<void> { co_return; };
  std::unique_ptr<Job> job = std::make_unique<Job>(loop, task(), [&] {
    ++done;
    job.reset();
  });
  loop.run_ready();
  EXPECT_EQ(done, 1);

  Job again;
  std::function<void()> restart = [&] {
    if (++done < 5) again = Job(loop, task(), restart);
  };
  again = Job(loop, task(), restart);
  loop.run_ready();
  EXPECT_EQ(done, 5);
}

TEST(JobSetTest, ForgetsJobsThatEndAndCancelsTheRest) {
  SimulatedLoop loop;
  Seen seen;
  auto task = [](Loop& l, Seen& s, int n) -> Task<void> {
    Mark mark{s, std::to_string(n)};
    co_await sleep(l, seconds(n));
  };
  {
    JobSet set(loop);
    for (int n : {1, 2, 3}) set.add(task(loop, seen, n));
    EXPECT_EQ(set.size(), 3u);
    loop.advance(seconds(2));
    EXPECT_EQ(set.size(), 1u);
    EXPECT_THAT(seen, ElementsAre("~1", "~2"));
  }
  EXPECT_THAT(seen, ElementsAre("~1", "~2", "~3"));
}

TEST(JobSetTest, TasksMayAddTasks) {
  SimulatedLoop loop;
  JobSet set(loop);
  int ran = 0;
  struct Tasks {
    static Task<void> spawn(JobSet& s, int& r, int depth) {
      ++r;
      if (depth > 0) s.add(spawn(s, r, depth - 1)), s.add(spawn(s, r, depth - 1));
      co_return;
    }
  };
  set.add(Tasks::spawn(set, ran, 5));
  loop.run_ready();
  EXPECT_EQ(ran, 63);
  EXPECT_EQ(set.size(), 0u);
}

TEST(CompletionTest, BeforeAndAfterTheWaitAndOnlyTheFirst) {
  SimulatedLoop loop;
  Completion<int>* completion = nullptr;
  auto wait = [](Loop& l, Completion<int>*& out, bool early) -> Task<int> {
    Completion<int> done(l);
    out = &done;
    if (early) done.complete(1);
    int value = co_await done;
    out = nullptr;
    co_return value;
  };
  EXPECT_EQ(ringside::testing::run(loop, wait(loop, completion, true)), 1);
  Started started(loop, wait(loop, completion, false));
  loop.run_ready();
  EXPECT_FALSE(started.done());
  completion->complete(2);
  completion->complete(3);
  EXPECT_FALSE(started.done());  // resumed by the loop, not from within complete()
  loop.run_ready();
  EXPECT_EQ(started.result(), 2);
}

TEST(CompletionTest, WaiterDestroyedWhenWokenButNotYetResumed) {
  SimulatedLoop loop;
  Completion<int>* completion = nullptr;
  auto wait = [](Loop& l, Completion<int>*& out) -> Task<int> {
    Completion<int> done(l);
    out = &done;
    co_return co_await done;
  };
  auto started = std::make_unique<Started<int>>(loop, wait(loop, completion));
  loop.run_ready();
  completion->complete(1);
  started.reset();
  loop.run_ready();
}

Task<bool> wait_on(Signal& signal) {
  co_await signal.wait();
  co_return true;
}

TEST(SignalTest, RemembersOneNotification) {
  SimulatedLoop loop;
  Signal signal(loop);
  signal.notify();
  signal.notify();
  EXPECT_TRUE(ringside::testing::run(loop, wait_on(signal)));
  Started second(loop, wait_on(signal));
  loop.run_ready();
  EXPECT_FALSE(second.done());
  signal.notify();
  loop.run_ready();
  EXPECT_TRUE(second.done());
}

TEST(SignalTest, WaiterDestroyedInEachState) {
  SimulatedLoop loop;
  Signal signal(loop);
  for (bool woken : {false, true}) {
    auto waiter = std::make_unique<Started<bool>>(loop, wait_on(signal));
    loop.run_ready();
    if (woken) signal.notify();
    waiter.reset();
    loop.run_ready();
    // A notification that nobody consumed is still there.
    Started next(loop, wait_on(signal));
    loop.run_ready();
    EXPECT_EQ(next.done(), woken);
    signal.notify();
    loop.run_ready();
    EXPECT_TRUE(next.done());
  }
}

TEST(QueueTest, ValuesInOrderAndNoneLostToADestroyedWaiter) {
  SimulatedLoop loop;
  Queue<int> queue(loop);
  auto take = [](Queue<int>& q) -> Task<int> { co_return co_await q.next(); };
  queue.push(1);
  queue.push(2);
  EXPECT_EQ(ringside::testing::run(loop, take(queue)), 1);
  EXPECT_EQ(ringside::testing::run(loop, take(queue)), 2);
  auto waiter = std::make_unique<Started<int>>(loop, take(queue));
  loop.run_ready();
  queue.push(3);
  waiter.reset();
  EXPECT_EQ(ringside::testing::run(loop, take(queue)), 3);
  EXPECT_TRUE(queue.empty());
  Started last(loop, take(queue));
  loop.run_ready();
  queue.push(4);
  loop.run_ready();
  EXPECT_EQ(last.result(), 4);
}

TEST(WaitForTest, SignalOrTime) {
  SimulatedLoop loop;
  Signal signal(loop);
  Started timed_out(loop, wait_for(loop, signal, seconds(5)));
  loop.advance(seconds(5));
  EXPECT_FALSE(timed_out.result());
  signal.notify();  // later: not lost
  EXPECT_TRUE(ringside::testing::run(loop, wait_for(loop, signal, seconds(5))));
  Started came(loop, wait_for(loop, signal, seconds(5)));
  loop.advance(seconds(4));
  signal.notify();
  loop.run_ready();
  EXPECT_TRUE(came.result());
  Started cancelled(loop, wait_for(loop, signal, seconds(5)));
  loop.run_ready();
}

TEST(WithTimeoutTest, ResultErrorOrTime) {
  SimulatedLoop loop;
  Seen seen;
  auto task = [](Loop& l, Seen& s, int n, bool fail) -> Task<Result<int>> {
    Mark mark{s, std::to_string(n)};
    co_await sleep(l, seconds(n));
    if (fail) co_return failure(ErrorKind::kConflict, "own error");
    co_return n;
  };
  Started fast(loop, with_timeout(loop, seconds(5), "fast", task(loop, seen, 4, false)));
  Started failing(loop, with_timeout(loop, seconds(5), "failing", task(loop, seen, 3, true)));
  Started slow(loop, with_timeout(loop, seconds(5), "slow", task(loop, seen, 60, false)));
  loop.advance(seconds(5));
  EXPECT_EQ(fast.result().value(), 4);
  EXPECT_EQ(failing.result().error().kind, ErrorKind::kConflict);
  ASSERT_TRUE(slow.done());
  EXPECT_EQ(slow.result().error().kind, ErrorKind::kTimedOut);
  EXPECT_EQ(slow.result().error().message, "slow: no answer within 5000 ms");
  EXPECT_THAT(seen, ElementsAre("~3", "~4", "~60"));  // cancelled with the time-out
}

TEST(WithTimeoutTest, CancelledAndReadyAtTheSameMoment) {
  SimulatedLoop loop;
  Seen seen;
  auto task = [](Loop& l, Seen& s, Duration time) -> Task<Result<int>> {
    Mark mark{s, "task"};
    co_await sleep(l, time);
    co_return 1;
  };
  {
    Started cancelled(loop, with_timeout(loop, seconds(5), "x", task(loop, seen, seconds(1))));
    loop.run_ready();
  }
  EXPECT_THAT(seen, ElementsAre("~task"));
  Started tie(loop, with_timeout(loop, seconds(5), "x", task(loop, seen, seconds(5))));
  loop.advance(seconds(10));
  EXPECT_TRUE(tie.done());
}

TEST(SleepTest, SleepsAndIsCancelled) {
  SimulatedLoop loop;
  Job job(loop, sleep(loop, milliseconds(1500)));
  loop.advance(milliseconds(1499));
  EXPECT_TRUE(job.running());
  loop.advance(milliseconds(1));
  EXPECT_FALSE(job.running());
}

}  // namespace
}  // namespace ringside::event
