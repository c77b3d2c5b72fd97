#include "base/go_duration.h"

#include <gtest/gtest.h>

namespace ringside {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::nanoseconds;
using std::chrono::seconds;

TEST(GoDuration, ReadsWhatGoReads) {
  EXPECT_EQ(parse_go_duration("15s"), seconds(15));
  EXPECT_EQ(parse_go_duration("5m"), minutes(5));
  EXPECT_EQ(parse_go_duration("1m30s"), seconds(90));
  EXPECT_EQ(parse_go_duration("2h45m0.5s"), hours(2) + minutes(45) + milliseconds(500));
  EXPECT_EQ(parse_go_duration("1.5h"), minutes(90));
  EXPECT_EQ(parse_go_duration(".5s"), milliseconds(500));
  EXPECT_EQ(parse_go_duration("1.s"), seconds(1));
  EXPECT_EQ(parse_go_duration("0.1s"), milliseconds(100));
  EXPECT_EQ(parse_go_duration("1.000000001s"), seconds(1) + nanoseconds(1));
  EXPECT_EQ(parse_go_duration("3us"), microseconds(3));
  EXPECT_EQ(parse_go_duration("3\xc2\xb5s"), microseconds(3));
  EXPECT_EQ(parse_go_duration("7ns"), nanoseconds(7));
  EXPECT_EQ(parse_go_duration("0"), seconds(0));
  EXPECT_EQ(parse_go_duration("-0"), seconds(0));
  EXPECT_EQ(parse_go_duration("-1s"), -seconds(1));
  EXPECT_EQ(parse_go_duration("+1s"), seconds(1));
}

TEST(GoDuration, Refuses) {
  for (auto text : {"", "-", "5", "s", ".s", "5 s", "5d", "1..5s", "1.2.3s", "5s5", "--5s", "1e3s", "9999999h",
                    "9223372036s9223372036s"}) {
    EXPECT_FALSE(parse_go_duration(text)) << text;
  }
}

TEST(GoDuration, NamesTheBounds) {
  EXPECT_EQ(parse_go_duration("300ms", seconds(0), seconds(5)), milliseconds(300));
  auto late = parse_go_duration("6s", milliseconds(100), seconds(5));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().message, "'6s' is not between 100ms and 5s");
  EXPECT_FALSE(parse_go_duration("-1s", seconds(0), seconds(5)));
  EXPECT_FALSE(parse_go_duration("soon", seconds(0), seconds(5)));
}

}  // namespace
}  // namespace ringside
