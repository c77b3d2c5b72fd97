#include "kube/query.h"

#include <gtest/gtest.h>

namespace ringside::kube {
namespace {

std::string describe(std::string_view query) {
  std::string text;
  for (const auto& parameter : parse_query(query)) {
    text += "[" + parameter.name + (parameter.has_equals ? "=" : "") + parameter.value + "]@" +
            std::to_string(parameter.end);
  }
  return text;
}

TEST(Query, ReadsParametersAsGoDoes) {
  EXPECT_EQ(describe(""), "");
  EXPECT_EQ(describe("a=b&c&d="), "[a=b]@3[c]@5[d=]@8");
  EXPECT_EQ(describe("a=b=c&&=x&=&+=%2B"), "[a=b=c]@5[=x]@9[=]@11[ =+]@17");
  EXPECT_EQ(describe("a;b&c=d;e&f"), "[f]@11");
  EXPECT_EQ(describe("%zz=1&a=%&b%20=%41+&%4=1"), "[b =A ]@19");
}

TEST(Query, FindsTheFirstOfAName) {
  auto parameters = parse_query("a=1&b=2&b=3");
  ASSERT_NE(find_parameter(parameters, "b"), nullptr);
  EXPECT_EQ(find_parameter(parameters, "b")->value, "2");
  EXPECT_EQ(find_parameter(parameters, "c"), nullptr);
}

TEST(Query, FieldSelectorDemandsAValue) {
  EXPECT_EQ(required_field_value("a=1,b==2", "a"), "1");
  EXPECT_EQ(required_field_value("a=1,b==2", "b"), "2");
  EXPECT_EQ(required_field_value("a!=1", "a"), std::nullopt);
  EXPECT_EQ(required_field_value("a!=1,a=2", "a"), "2");
  EXPECT_EQ(required_field_value("a=2,a=1", "a"), "1");
  EXPECT_EQ(required_field_value("a=", "a"), "");
  EXPECT_EQ(required_field_value("", "a"), std::nullopt);
  EXPECT_EQ(required_field_value("a=x\\,y\\=z\\\\", "a"), "x,y=z\\");
  for (auto malformed : {"a=1,b", "a=1,b=c=d", "a=\\x", "a=\\", "a=1,b!==c"}) {
    EXPECT_EQ(required_field_value(malformed, "a"), std::nullopt) << malformed;
  }
}

}  // namespace
}  // namespace ringside::kube
