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

// Byte by byte, what a container is; empty if it does not end.
std::string_view container_in(std::string_view text) {
  bool quoted = false;
  size_t depth = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (quoted && c == '\\') {
      ++i;
    } else if (c == '"') {
      quoted = !quoted;
    } else if (!quoted && (c == '{' || c == '[')) {
      ++depth;
    } else if (!quoted && (c == '}' || c == ']') && --depth == 0) {
      return text.substr(0, i + 1);
    }
  }
  return {};
}

// Containers are passed in blocks of 64 bytes: nothing may depend on where in them something is.
TEST(JsonCursor, ContainersEndWhereverTheirQuotesBackslashesAndBracketsAre) {
  std::vector<std::string> items = {R"("")", R"("]")", R"("\"]")", "{}", "[[]]", R"({"a":[1]})"};
  for (int backslashes = 1; backslashes < 140; ++backslashes) {
    std::string run(size_t(backslashes), '\\');
    items.push_back("\"" + run + (backslashes % 2 == 0 ? "\"" : "\"]\""));
    items.push_back("\"x" + run + (backslashes % 2 == 0 ? "" : "\\") + "\", \"}\"");
  }
  for (const std::string& item : items) {
    for (size_t before = 0; before < 70; ++before) {
      std::string text = "[" + std::string(before, ' ') + item + "]]}\"";
      std::string_view expected = container_in(text);
      ASSERT_FALSE(expected.empty()) << text;
      for (size_t budget : {size_t(1), size_t(63), size_t(64), size_t(65), text.size()}) {
        Cursor cursor(text);
        while (!cursor.pass_value(budget)) {
        }
        ASSERT_FALSE(cursor.failed()) << text;
        ASSERT_EQ(cursor.value(), expected) << text;
      }
    }
  }
}

TEST(JsonCursor, ContainersThatDoNotEndFailWhereverTheyStop) {
  std::string text = R"(["a\"b]", {"c": "\\\\"}, [[{}], "ends only here: ]"], "\\"])";
  for (size_t size = 1; size < text.size(); ++size) {
    for (size_t before = 0; before < 70; ++before) {
      std::string cut = "[" + std::string(before, ' ') + text.substr(0, size);
      Cursor cursor(cut);
      while (!cursor.pass_value(50)) {
      }
      ASSERT_TRUE(cursor.failed()) << cut;
    }
  }
}

TEST(JsonCursor, FailsWhereTheTextIsNoJson) {
  for (std::string_view text : {"{",
                                "{\"a",
                                "{\"a\"",
                                "{\"a\":",
                                "{\"a\":}",
                                "{\"a\":1",
                                "{\"a\":1,",
                                "{\"a\":1,}",
                                "{\"a\":1 \"b\":2}",
                                "{\"a\":[",
                                "{\"a\":\"",
                                "{\"a\":\"\\\"}",
                                "{a:1}",
                                "{,}",
                                "{\"a\":1,,\"b\":2}",
                                "{\"\\x\":1}",
                                "{\"\xff\":1}",
                                "{\"\n\":1}",
                                "{\"a\":[\\]}",
                                "{\"a\":[\\\"]}"}) {
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
