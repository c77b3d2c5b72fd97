#include "http/date.h"

#include <gtest/gtest.h>

#include "base/rfc3339.h"

namespace ringside::http {
namespace {

TEST(HttpDate, ReadsTheFormThatIsWritten) {
  EXPECT_EQ(parse_date("Sun, 06 Nov 1994 08:49:37 GMT"), parse_rfc3339("1994-11-06T08:49:37Z").value());
  EXPECT_EQ(parse_date("Thu, 31 Dec 2026 23:59:59 GMT"), parse_rfc3339("2026-12-31T23:59:59Z").value());
  EXPECT_EQ(parse_date("Tue, 29 Feb 2028 00:00:00 GMT"), parse_rfc3339("2028-02-29T00:00:00Z").value());
}

TEST(HttpDate, RefusesAllElse) {
  for (std::string_view text :
       {"", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 anF 1994 08:49:37 GMT", "Sun, 32 Jan 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49-37 GMT"}) {
    EXPECT_EQ(parse_date(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace ringside::http
