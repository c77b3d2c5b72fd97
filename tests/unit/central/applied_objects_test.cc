#include "central/applied_objects.h"

#include <gtest/gtest.h>

namespace ringside::central {
namespace {

using namespace std::chrono_literals;

class AppliedObjectsTest : public ::testing::Test {
 protected:
  AppliedObjectsTest() { apply("5"); }

  bool is_due() { return objects_.is_due("/x", "text", now_); }
  void apply(std::string version) { objects_.applied("/x", "text", std::move(version), now_); }
  // How long until it is put back; nullopt: it need not be.
  std::optional<Duration> see(std::string_view version) {
    auto due = objects_.seen("/x", version, now_, 1023);
    return due ? std::optional(*due - now_) : std::nullopt;
  }
  // Somebody changes it, and it is put back.
  Duration fight() {
    version_ += 2;
    Duration wait = see(std::to_string(version_)).value();
    now_ += wait;
    EXPECT_TRUE(is_due());
    apply(std::to_string(version_ + 1));
    EXPECT_FALSE(see(std::to_string(version_ + 1)));
    EXPECT_FALSE(is_due());
    return wait;
  }

  TimePoint now_ = TimePoint(1h);
  int version_ = 10;
  AppliedObjects objects_{5min};
};

TEST_F(AppliedObjectsTest, WhatWasAppliedIsLeftAloneForATime) {
  EXPECT_TRUE(objects_.is_due("/y", "text", now_));
  EXPECT_TRUE(objects_.is_due("/x", "other", now_));
  EXPECT_FALSE(is_due());
  now_ += 5min;
  EXPECT_TRUE(is_due());
  objects_.forget("/x");
  apply("5");
  EXPECT_FALSE(is_due());
}

TEST_F(AppliedObjectsTest, OwnWritesAreNobodysChange) {
  EXPECT_FALSE(see("5"));
  EXPECT_FALSE(see("4")) << "the watch is behind";
  EXPECT_FALSE(objects_.seen("/y", "", now_, 0)) << "not ours";
  EXPECT_FALSE(is_due());
  EXPECT_FALSE(objects_.next_due(now_));
}

TEST_F(AppliedObjectsTest, AChangeAndADeletionArePutBackAtOnce) {
  EXPECT_EQ(see("6"), Duration::zero());
  EXPECT_TRUE(is_due());
  apply("7");
  EXPECT_FALSE(is_due());
  now_ += 6min;
  apply("7");
  EXPECT_EQ(see(""), Duration::zero());
  EXPECT_TRUE(is_due());
  apply("20");
  EXPECT_FALSE(is_due());
}

TEST_F(AppliedObjectsTest, AFightIsFoughtAtGrowingIntervals) {
  EXPECT_EQ(fight(), Duration::zero());
  Duration last = 500ms;
  for (int i = 0; i < 8; ++i) {
    Duration wait = fight();
    EXPECT_GT(wait, last);
    last = wait;
  }
  EXPECT_GT(last, 1min);
  for (int i = 0; i < 5; ++i) EXPECT_LE(fight(), 5min);
  now_ += 6min;
  EXPECT_EQ(fight(), Duration::zero()) << "after a time of peace";
}

TEST_F(AppliedObjectsTest, MoreChangesBeforeItIsPutBackDoNotProlongTheWait) {
  fight();
  TimePoint due = now_ + see("90").value();
  EXPECT_FALSE(is_due());
  EXPECT_EQ(objects_.next_due(now_), due);
  now_ += 100ms;
  EXPECT_EQ(now_ + see("91").value(), due);
  EXPECT_EQ(now_ + see("").value(), due);
  now_ = due;
  EXPECT_TRUE(is_due());
  EXPECT_FALSE(objects_.next_due(now_)) << "the caller has been woken for it";
}

TEST_F(AppliedObjectsTest, AChangeThatIsSeenBeforeOurOwnAnswerStaysToBePutBack) {
  for (const char* change : {"92", ""}) {
    see("90");
    TimePoint asked = now_;
    now_ += 10ms;
    see(change);
    objects_.applied("/x", "text", "91", asked);
    EXPECT_FALSE(see("91"));
    EXPECT_FALSE(is_due()) << "it is a fight";
    EXPECT_GE(objects_.next_due(now_).value(), now_ + 500ms);
    now_ = *objects_.next_due(now_);
    EXPECT_TRUE(is_due());
    apply("93");
    now_ += 6min;
    apply("89");
  }
}

TEST_F(AppliedObjectsTest, OurOwnWriteMayBeSeenBeforeItsAnswer) {
  fight();
  see("90");
  now_ += 1s;
  TimePoint asked = now_;
  now_ += 10ms;
  see("91");
  objects_.applied("/x", "text", "91", asked);
  EXPECT_FALSE(is_due());
  EXPECT_GE(see("92"), 500ms) << "the fight goes on";
  now_ += 6min;
  apply("93");
  asked = now_;
  now_ += 10ms;
  see("94");
  objects_.applied("/x", "other text", "94", asked);
  apply("95");
  EXPECT_EQ(see("96"), Duration::zero()) << "that was no change of anybody else";
}

TEST_F(AppliedObjectsTest, WhatNeedsNoPuttingBackIsNoFight) {
  for (int i = 0; i < 10; ++i) {
    std::string version = std::to_string(30 + i);
    EXPECT_EQ(see(version), Duration::zero());
    apply(version);  // the API server had nothing to change: somebody has written the status, say
  }
}

TEST_F(AppliedObjectsTest, OfVersionsThatAreNoNumbersAnyOtherIsAChange) {
  apply("b");
  EXPECT_FALSE(see("b"));
  EXPECT_EQ(see("a"), Duration::zero());
}

}  // namespace
}  // namespace ringside::central
