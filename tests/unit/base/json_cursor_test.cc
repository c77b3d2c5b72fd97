#include "base/json_cursor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace ringside::json {
namespace {

using testing::ElementsAre;

std::vector<std::string> members(std::string_view text, size_t budget) {
  std::vector<std::string> found;
  Cursor cursor(text);
  if (!cursor.enter_object()) return {"no object"};
  while (auto name = cursor.next_name()) {
    while (!cursor.pass_value(budget)) {
    }
    if (!cursor.failed()) found.push_back(*name + "=" + std::string(cursor.value()));
  }
  if (cursor.failed()) found.push_back("failed");
  return found;
}

TEST(JsonCursor, HandsOutMembersWhateverTheStepsAre) {
  std::string_view text = R"( {"a" : 1,"b":"x\"}\\","c":[{"d":"]"},[]] , "e\n\u00e9":{"f":null} ,"":true} )";
  for (size_t budget = 1; budget < text.size() + 2; ++budget) {
    EXPECT_THAT(members(text, budget),
                ElementsAre("a=1", R"(b="x\"}\\")", R"(c=[{"d":"]"},[]])", "e\n\u00e9={\"f\":null}", "=true"));
  }
  EXPECT_THAT(members("{}", 9), ElementsAre());
}

TEST(JsonCursor, GoesIntoObjectsWithinObjects) {
  Cursor cursor(R"({"a":{"b":2},"c":3})");
  ASSERT_TRUE(cursor.enter_object());
  EXPECT_EQ(cursor.next_name(), "a");
  ASSERT_TRUE(cursor.enter_object());
  EXPECT_EQ(cursor.next_name(), "b");
  EXPECT_FALSE(cursor.enter_object());
  EXPECT_TRUE(cursor.pass_value(100));
  EXPECT_EQ(cursor.next_name(), std::nullopt);
  EXPECT_EQ(cursor.next_name(), "c");
  EXPECT_TRUE(cursor.pass_value(100));
  EXPECT_EQ(cursor.next_name(), std::nullopt);
  EXPECT_FALSE(cursor.failed());
  EXPECT_EQ(cursor.peek(), '\0');
}

TEST(JsonCursor, FailsWhereTheTextIsNoJson) {
  for (std::string_view text :
       {"{", "{\"a", "{\"a\"", "{\"a\":", "{\"a\":}", "{\"a\":1", "{\"a\":1,", "{\"a\":1,}", "{\"a\":1 \"b\":2}",
        "{\"a\":[", "{\"a\":\"", "{\"a\":\"\\\"}", "{a:1}", "{,}", "{\"a\":1,,\"b\":2}", "{\"\\x\":1}"}) {
    for (size_t budget : {1, 2, 100}) {
      auto found = members(text, budget);
      ASSERT_FALSE(found.empty()) << text;
      EXPECT_EQ(found.back(), "failed") << text;
    }
  }
  EXPECT_THAT(members("[]", 5), ElementsAre("no object"));
  EXPECT_THAT(members("", 5), ElementsAre("no object"));
}

}  // namespace
}  // namespace ringside::json
