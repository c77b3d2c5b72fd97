#include "http/message.h"

#include <gtest/gtest.h>

namespace ringside::http {
namespace {

TEST(HeadersTest, NamesMayOccurMoreThanOnceAndKeepTheirOrder) {
  Headers headers = {{"a", "1"}, {"b", "2"}, {"a", "3"}};
  EXPECT_EQ(headers.get("a"), "1");
  EXPECT_EQ(headers.get("c"), std::nullopt);
  EXPECT_EQ(headers.get_or("c", "none"), "none");
  headers.add("c", "4");
  EXPECT_EQ(headers.size(), 4u);
  headers.set("a", "5");
  EXPECT_EQ(headers.size(), 3u);
  EXPECT_EQ(headers.get("a"), "5");
  headers.erase("b");
  EXPECT_EQ(headers.begin()->first, "c");
}

}  // namespace
}  // namespace ringside::http
