#include "central/ring_queue.h"

#include <gmock/gmock.h>

#include <map>
#include <optional>
#include <vector>

#include "event/simulated_loop.h"

namespace ringside::central {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

// Work takes a second, or for ever.
class RingQueueTest : public ::testing::Test {
 protected:
  event::Task<bool> work(std::string ring) {
    began_.push_back(ring);
    if (++running_[ring] > 1) ADD_FAILURE() << ring << " is worked on twice at a time";
    if (on_begin_) on_begin_(ring);
    co_await event::sleep(loop_, ring == slow_ ? Duration(minutes(60)) : Duration(seconds(1)));
    --running_[ring];
    co_return failures_ <= 0 || --failures_ < 0;
  }

  // What has begun since the last call.
  std::vector<std::string> take() { return std::exchange(began_, {}); }

  event::SimulatedLoop loop_;
  std::string slow_;
  int failures_ = 0;  // how many more times work fails
  std::function<void(const std::string&)> on_begin_;
  std::map<std::string, int> running_;
  std::vector<std::string> began_;
  std::optional<RingQueue> queue_{
      std::in_place, loop_,
      RingQueue::Options{.resync = minutes(5), .backoff = {.initial = seconds(4), .max = seconds(30)}, .at_once = 2},
      [this](std::string ring) { return work(std::move(ring)); }};
};

TEST_F(RingQueueTest, ASlowRingKeepsNoOtherOneWaiting) {
  slow_ = "a";
  for (const char* ring : {"a", "b", "c"}) queue_->add(ring);
  loop_.run_ready();
  EXPECT_THAT(take(), ElementsAre("a", "b")) << "two at once";
  loop_.advance(milliseconds(1100));
  EXPECT_THAT(take(), ElementsAre("c"));
}

TEST_F(RingQueueTest, WhoHasWaitedLongestIsNext) {
  slow_ = "a";
  queue_->add("a");
  queue_->add("b");
  loop_.advance(milliseconds(500));
  queue_->add("z");
  loop_.advance(milliseconds(100));
  queue_->add("c");
  take();
  loop_.advance(milliseconds(500));
  EXPECT_THAT(take(), ElementsAre("z"));
  loop_.advance(milliseconds(1000));
  EXPECT_THAT(take(), ElementsAre("c"));
}

TEST_F(RingQueueTest, WhatIsAddedMeanwhileComesAfterwards) {
  queue_->add("a");
  loop_.advance(milliseconds(500));
  queue_->add("a");
  queue_->add("a");
  loop_.run_ready();
  EXPECT_THAT(take(), ElementsAre("a"));
  loop_.advance(milliseconds(600));
  EXPECT_THAT(take(), ElementsAre("a")) << "once, however often it was added";
  loop_.advance(minutes(1));
  EXPECT_THAT(take(), IsEmpty());
}

TEST_F(RingQueueTest, ComesAtTheEarliestOfItsTimes) {
  queue_->add_at("a", loop_.now() + seconds(20));
  queue_->add_at("a", loop_.now() + seconds(10));
  queue_->add_at("a", loop_.now() + seconds(30));
  loop_.advance(milliseconds(9900));
  EXPECT_THAT(take(), IsEmpty());
  loop_.advance(milliseconds(200));
  EXPECT_THAT(take(), ElementsAre("a"));
  loop_.advance(minutes(4));
  EXPECT_THAT(take(), IsEmpty());
  loop_.advance(minutes(1));
  EXPECT_THAT(take(), ElementsAre("a")) << "and again after the resync period";
}

TEST_F(RingQueueTest, FailuresAreTriedAgainAtGrowingIntervals) {
  failures_ = 2;
  queue_->add("a");
  loop_.advance(milliseconds(1500));
  EXPECT_THAT(take(), ElementsAre("a"));
  loop_.advance(milliseconds(1400));  // 1 s of work, and a wait of 2 to 4 s
  EXPECT_THAT(take(), IsEmpty());
  loop_.advance(milliseconds(2200));
  EXPECT_THAT(take(), ElementsAre("a"));
  loop_.advance(seconds(10));  // 4 to 8 s
  EXPECT_THAT(take(), ElementsAre("a"));
  loop_.advance(minutes(2));
  EXPECT_THAT(take(), IsEmpty()) << "it is done";
}

TEST_F(RingQueueTest, WhatIsForgottenDoesNotComeAgain) {
  failures_ = 1;
  queue_->add("running");
  queue_->add_at("waiting", loop_.now() + seconds(5));
  loop_.run_ready();
  take();
  queue_->forget("running");
  queue_->forget("waiting");
  queue_->forget("unknown");
  loop_.advance(minutes(20));
  EXPECT_THAT(take(), IsEmpty());
  queue_->add("running");
  loop_.run_ready();
  EXPECT_THAT(take(), ElementsAre("running"));
}

TEST_F(RingQueueTest, ARingForgottenByItsOwnWorkAndAddedAgainComesAgain) {
  bool first = true;
  on_begin_ = [&](const std::string& ring) {
    if (!std::exchange(first, false)) return;
    queue_->forget(ring);
    queue_->add(ring);
  };
  queue_->add("a");
  loop_.advance(milliseconds(1500));
  EXPECT_THAT(take(), ElementsAre("a", "a"));
}

TEST_F(RingQueueTest, NothingRunsAfterItsDestruction) {
  queue_->add("a");
  queue_->add("b");
  queue_->add("c");
  loop_.run_ready();
  EXPECT_THAT(take(), UnorderedElementsAre("a", "b"));
  queue_.reset();
  loop_.advance(minutes(20));
  EXPECT_THAT(take(), IsEmpty());
}

}  // namespace
}  // namespace ringside::central
