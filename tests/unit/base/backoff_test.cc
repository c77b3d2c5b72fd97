#include "base/backoff.h"

#include <gtest/gtest.h>

#include <random>

namespace ringside {
namespace {

using std::chrono::milliseconds;

TEST(BackoffTest, GrowsToItsLimitWithJitterAndStartsAgain) {
  std::mt19937_64 random(1);
  Backoff backoff({.initial = milliseconds(100), .max = milliseconds(1000)});
  for (int round = 0; round < 3; ++round) {
    for (int full : {100, 200, 400, 800, 1000, 1000, 1000}) {
      Duration wait = backoff.next(random());
      EXPECT_GE(wait, milliseconds(full) / 2);
      EXPECT_LE(wait, milliseconds(full));
    }
    backoff.reset();
  }
  Backoff slow({.initial = std::chrono::hours(1), .max = milliseconds(10)});
  EXPECT_LE(slow.next(1023), milliseconds(10));
  for (int i = 0; i < 10'000; ++i) slow.next(random());  // no overflow
}

}  // namespace
}  // namespace ringside
