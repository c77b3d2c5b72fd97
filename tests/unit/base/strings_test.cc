#include "base/strings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ringside {
namespace {

using namespace std::literals;
using ::testing::ElementsAre;

TEST(StringsTest, Split) {
  EXPECT_THAT(split("a,,b", ','), ElementsAre("a", "", "b"));
  EXPECT_THAT(split("", ','), ElementsAre(""));
  EXPECT_THAT(split(",", ','), ElementsAre("", ""));
  EXPECT_THAT(split("abc", ','), ElementsAre("abc"));
}

TEST(StringsTest, CaseAndSpace) {
  EXPECT_TRUE(equals_ignoring_case("Content-Type", "content-tYPE"));
  EXPECT_FALSE(equals_ignoring_case("a", "ab"));
  EXPECT_FALSE(equals_ignoring_case("@", "`"));
  EXPECT_EQ(to_lower("AbZ[\xc4"), "abz[\xc4");
  EXPECT_EQ(trim(" \t a b\t "), "a b");
  EXPECT_EQ(trim(" \t"), "");
  EXPECT_EQ(trim("a\n"), "a\n");
}

TEST(StringsTest, PercentCoding) {
  EXPECT_EQ(percent_encode("aZ0-._~ /+%\xc3\xa9"), "aZ0-._~%20%2F%2B%25%C3%A9");
  EXPECT_EQ(percent_decode("%20%2f%2B+%C3%A9"), " /++\xc3\xa9");
  EXPECT_EQ(percent_decode("%00"), "\0"s);
  for (std::string text : {"%", "%4", "a%", "%zz", "%4g", "%%41"})
    EXPECT_EQ(percent_decode(text), std::nullopt) << text;
  std::string all;
  for (int i = 0; i < 256; ++i) all.push_back(char(i));
  EXPECT_EQ(percent_decode(percent_encode(all)), all);
}

TEST(StringsTest, ParseInt) {
  EXPECT_EQ(parse_int("0"), 0);
  EXPECT_EQ(parse_int("007"), 7);
  EXPECT_EQ(parse_int("9223372036854775807"), 9223372036854775807);
  for (std::string text : {"", "-1", "+1", " 1", "1 ", "1x", "0x1", "9223372036854775808", "1.0"}) {
    EXPECT_EQ(parse_int(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace ringside
