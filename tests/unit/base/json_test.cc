#include "base/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace ringside::json {
namespace {

using namespace std::literals;
using ::testing::HasSubstr;

TEST(JsonTest, WhatIsParsedIsWrittenTheSame) {
  for (std::string text : {
           R"(null)",
           R"(true)",
           R"(false)",
           R"(0)",
           R"(-1)",
           R"("")",
           R"([])",
           R"({})",
           R"([null,true,[1,{"a":[]}]])",
           R"({"z":1,"a":{"y":"x"},"m":[]})",
           R"(9223372036854775807)",
           R"(-9223372036854775808)",
           R"(0.1)",
           R"(1.1)",
           R"(123456.789)",
           R"(9007199254740993)",
           R"("\u0001\n\"\\")",
           R"("ünïcödé 🎉")",
       }) {
    auto value = parse(text);
    ASSERT_TRUE(value) << text << value.error().message;
    EXPECT_EQ(to_string(*value), text);
    EXPECT_EQ(parse(to_pretty_string(*value)).value(), *value);
  }
}

TEST(JsonTest, NumbersKeepTheirType) {
  EXPECT_TRUE(parse("1")->as_int());
  EXPECT_TRUE(parse("1.0")->as_double());
  EXPECT_TRUE(parse("1e2")->as_double());
  EXPECT_EQ(*parse("9223372036854775807")->as_int(), std::numeric_limits<int64_t>::max());
  EXPECT_TRUE(parse("9223372036854775808")->as_double());
  EXPECT_TRUE(parse("18446744073709551615")->as_double());
}

TEST(JsonTest, EscapesAndUnicode) {
  EXPECT_EQ(*parse(R"("\u00e9\ud83c\udf89\/\b\f\n\r\t\u0000")")->as_string(), "é🎉/\b\f\n\r\t\0"s);
  for (std::string text : {"\"\xff\"", "\"\xc3\"", "\"\xed\xa0\x80\"", "\"\xc0\x80\"", "\"\\ud83c\"", "\"\\u12g4\"",
                           "\"\\x\"", "\"a\nb\"", "\"a\tb\""}) {
    EXPECT_FALSE(parse(text)) << text;
  }
}

TEST(JsonTest, LastOfDuplicateMembersWins) {
  EXPECT_EQ(to_string(*parse(R"({"a":1,"b":2,"a":{"c":1,"c":2},"d":3,"b":4,"b":5})")), R"({"a":{"c":2},"d":3,"b":5})");
  EXPECT_EQ(to_string(*parse(R"([{"a":1},{"a":2,"a":3}])")), R"([{"a":1},{"a":3}])");
}

TEST(JsonTest, ManyMembersTakeNoQuadraticTime) {
  std::string text = "{";
  for (int i = 0; i < 300'000; ++i) text += (i ? ",\"k" : "\"k") + std::to_string(i) + "\":0";
  auto value = parse(text + "}");  // minutes, were it quadratic
  ASSERT_TRUE(value);
  EXPECT_EQ(value->as_object()->size(), 300'000u);
}

TEST(JsonTest, MalformedIsInvalidWithItsOffset) {
  for (std::string text :
       {""s,          " "s,       "{"s,       "["s,   "}"s,        "{]"s,    "[1,]"s, "{\"a\":1,}"s,
        "{\"a\" 1}"s, "{a:1}"s,   "{'a':1}"s, "01"s,  "+1"s,       "1."s,    ".5"s,   "1e"s,
        "-"s,         "nul"s,     "True"s,    "NaN"s, "Infinity"s, "1e400"s, "{}{}"s, "1 2"s,
        "{}x"s,       "// c\n1"s, "{}\0x"s,   "1\0"s, "\0"s,       "[1\0]"s, "\"a"s,  "\xef\xbb\xbf{}"s}) {
    auto value = parse(text);
    ASSERT_FALSE(value) << text;
    EXPECT_EQ(value.error().kind, ErrorKind::kInvalid);
    EXPECT_THAT(value.error().message, HasSubstr("offset"));
  }
  EXPECT_THAT(parse("[1, x]").error().message, HasSubstr("offset 4"));
}

TEST(JsonTest, DepthIsLimited) {
  auto nested = [](int depth) { return std::string(size_t(depth), '[') + std::string(size_t(depth), ']'); };
  EXPECT_TRUE(parse(nested(kMaxDepth)));
  EXPECT_THAT(parse(nested(kMaxDepth + 1)).error().message, HasSubstr("128 levels"));
  EXPECT_FALSE(parse(std::string(10'000'000, '[')));
  EXPECT_FALSE(parse(std::string(1'000'000, '{')));
}

TEST(JsonTest, LookUps) {
  Value value = parse(R"({"a":{"s":"x","n":5,"b":true,"l":[1],"z":null}})").value();
  EXPECT_EQ(value.string_at({"a", "s"}), "x");
  EXPECT_EQ(value.string_at({"a", "n"}, "fallback"), "fallback");
  EXPECT_EQ(value.string_at({"a", "s", "deeper"}, "fallback"), "fallback");
  EXPECT_EQ(value.int_at({"a", "n"}), 5);
  EXPECT_EQ(value.int_at({"a", "s"}, -1), -1);
  EXPECT_TRUE(value.bool_at({"a", "b"}));
  EXPECT_EQ(value.array_at({"a", "l"}).size(), 1u);
  EXPECT_TRUE(value.array_at({"a", "s"}).empty());
  EXPECT_TRUE(value.at({"a", "z"})->is_null());
  EXPECT_EQ(value.at({"a", "none"}), nullptr);
  EXPECT_EQ(value.find("b"), nullptr);
  EXPECT_EQ(Value(5).find("a"), nullptr);
}

TEST(JsonTest, Changes) {
  Value value;
  value["a"]["b"] = 1;
  value["list"].push_back("x");
  value["list"].push_back(2.5);
  value["a"]["c"] = "y";
  value["a"].erase("b");
  value.erase("none");
  EXPECT_EQ(to_string(value), R"({"a":{"c":"y"},"list":["x",2.5]})");
  EXPECT_EQ(value, Value::object({{"a", Value::object({{"c", "y"}})}, {"list", Value::array({"x", 2.5})}}));
  value["a"] = value["a"]["c"];  // from within itself
  EXPECT_EQ(value.string_at({"a"}), "y");
}

}  // namespace
}  // namespace ringside::json
