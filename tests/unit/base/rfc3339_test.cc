#include "base/rfc3339.h"

#include <gtest/gtest.h>

namespace ringside {
namespace {

using std::chrono::microseconds;
using std::chrono::seconds;

TEST(Rfc3339Test, WritesAndReadsBack) {
  struct Case {
    int64_t micros;
    std::string text, micro_text;
  };
  const Case cases[] = {
      {0, "1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000000Z"},
      {1'790'000'000'123'456, "2026-09-21T14:13:20Z", "2026-09-21T14:13:20.123456Z"},
      {-1, "1969-12-31T23:59:59Z", "1969-12-31T23:59:59.999999Z"},
      {951'827'696'000'001, "2000-02-29T12:34:56Z", "2000-02-29T12:34:56.000001Z"},
      {253'402'300'799'999'999, "9999-12-31T23:59:59Z", "9999-12-31T23:59:59.999999Z"},
      {-62'135'596'800'000'000, "0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000000Z"},
  };
  for (const Case& c : cases) {
    WallTime time{microseconds(c.micros)};
    EXPECT_EQ(to_rfc3339(time), c.text);
    EXPECT_EQ(to_rfc3339_micro(time), c.micro_text);
    EXPECT_EQ(parse_rfc3339(c.micro_text).value(), time);
    EXPECT_EQ(parse_rfc3339(c.text).value(), std::chrono::floor<seconds>(time));
  }
}

TEST(Rfc3339Test, OffsetsAndFractions) {
  const std::pair<std::string, std::string> cases[] = {
      {"2026-01-01T00:30:00+01:00", "2025-12-31T23:30:00.000000Z"},
      {"2026-01-01T00:00:00-05:30", "2026-01-01T05:30:00.000000Z"},
      {"2026-01-01T00:00:00.1Z", "2026-01-01T00:00:00.100000Z"},
      {"2026-01-01T00:00:00.123456789Z", "2026-01-01T00:00:00.123456Z"},
      {"2026-01-01t00:00:00z", "2026-01-01T00:00:00.000000Z"},
      {"2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000000Z"},
      {"0000-01-01T00:01:00+00:01", "0000-01-01T00:00:00.000000Z"},
  };
  for (const auto& [text, expected] : cases) EXPECT_EQ(to_rfc3339_micro(parse_rfc3339(text).value()), expected) << text;
}

TEST(Rfc3339Test, MalformedIsInvalid) {
  for (std::string text : {"",
                           "2026",
                           "2026-01-01",
                           "2026-01-01T00:00:00",
                           "2026-01-01 00:00:00Z",
                           "2026-13-01T00:00:00Z",
                           "2026-02-29T00:00:00Z",
                           "2026-00-01T00:00:00Z",
                           "2026-01-32T00:00:00Z",
                           "2026-01-01T24:00:00Z",
                           "2026-01-01T00:60:00Z",
                           "2026-01-01T00:00:61Z",
                           "2026-01-01T00:00:00.Z",
                           "2026-01-01T00:00:00+1:00",
                           "2026-01-01T00:00:00+0100",
                           "2026-01-01T00:00:00+24:00",
                           "2026-01-01T00:00:00Zx",
                           "26-01-01T00:00:00Z",
                           "-026-01-01T00:00:00Z",
                           "0000-01-01T00:00:00+00:01",
                           "9999-12-31T23:59:59-00:01",
                           "9999-12-31T23:59:60Z",
                           "2026-1-01T00:00:00Z",
                           "now"}) {
    auto time = parse_rfc3339(text);
    ASSERT_FALSE(time) << text;
    EXPECT_EQ(time.error().kind, ErrorKind::kInvalid);
  }
}

}  // namespace
}  // namespace ringside
