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

TEST(HeaderListSizeTest, CountsAsHttp2Does) {
  EXPECT_EQ(field_list_size("a", "bc"), 35u);
  RequestHead head{.method = "GET", .authority = "h", .path = "/", .headers = {{"a", "bc"}}};
  EXPECT_EQ(header_list_size(head), (7 + 3 + 32) + (7 + 5 + 32) + (10 + 1 + 32) + (5 + 1 + 32) + 35u);
}

}  // namespace
}  // namespace ringside::http
