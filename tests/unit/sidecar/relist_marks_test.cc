#include "sidecar/relist_marks.h"

#include <gtest/gtest.h>

#include <string>

namespace ringside::sidecar {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint kNow = TimePoint(1h);

TEST(RelistMarksTest, EveryWatchIsToldOnce) {
  RelistMarks marks;
  marks.add("/api/v1/secrets", kNow);
  marks.add("/api/v1/secrets", kNow);
  marks.add("/api/v1/configmaps", kNow);
  EXPECT_TRUE(marks.take("/api/v1/secrets", kNow));
  EXPECT_TRUE(marks.take("/api/v1/secrets", kNow));
  EXPECT_FALSE(marks.take("/api/v1/secrets", kNow));
  EXPECT_FALSE(marks.take("/api/v1/pods", kNow));
  EXPECT_EQ(marks.size(), 1u);
}

TEST(RelistMarksTest, MarksAreForgottenAfterTenMinutes) {
  RelistMarks marks;
  marks.add("/a", kNow);
  marks.add("/a", kNow + 5min);
  EXPECT_TRUE(marks.take("/a", kNow + 10min)) << "the younger one";
  EXPECT_FALSE(marks.take("/a", kNow + 10min));
  marks.add("/b", kNow);
  EXPECT_TRUE(marks.take("/b", kNow + 10min - 1ns));
}

TEST(RelistMarksTest, TheirNumberIsBounded) {
  RelistMarks marks({.max_marks = 100});
  for (int i = 0; i < 1000; ++i) marks.add("/" + std::to_string(i), kNow);
  EXPECT_EQ(marks.size(), 100u);
  EXPECT_FALSE(marks.take("/899", kNow));
  EXPECT_TRUE(marks.take("/900", kNow));
  EXPECT_TRUE(marks.take("/999", kNow));
}

}  // namespace
}  // namespace ringside::sidecar
