#include "base/prometheus_text.h"

#include <gtest/gtest.h>

#include <cmath>

namespace ringside {
namespace {

std::vector<PrometheusSample> samples(std::string_view text) {
  std::vector<PrometheusSample> found;
  auto done = for_each_sample(
      text, [](std::string_view name) { return name == "m"; },
      [&](const PrometheusSample& sample) { found.push_back(sample); });
  EXPECT_TRUE(done) << (done ? "" : done.error().message);
  return found;
}

Result<void> parse(std::string_view text) {
  return for_each_sample(text, [](std::string_view) { return true; }, [](const PrometheusSample&) {});
}

TEST(PrometheusTextTest, ReadsNamesLabelsAndValues) {
  auto found = samples(
      "# HELP m A help text with m in it.\n# TYPE m gauge\n"
      "m 1\nmore 2\nm_total 3\n"
      "m{} 4.5e-3 1700000000000\r\n"
      "m{name=\"a\",other=\"b\",} +7\n"
      "\n  m { name = \"c\" , other=\"\" }\t-8  ");
  ASSERT_EQ(found.size(), 4u);
  EXPECT_EQ(found[0].value, 1);
  EXPECT_EQ(found[1].value, 0.0045);
  EXPECT_EQ(found[2].value, 7);
  EXPECT_EQ(found[2].label("name"), "a");
  EXPECT_EQ(found[2].label("other"), "b");
  EXPECT_EQ(found[2].label("none"), "");
  EXPECT_EQ(found[3].value, -8);
  EXPECT_EQ(found[3].label("name"), "c");
}

TEST(PrometheusTextTest, UnescapesLabels) {
  auto found = samples(R"(m{name="a \"b\" \\ {,} \n"} 1)");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].label("name"), "a \"b\" \\ {,} \n");
}

TEST(PrometheusTextTest, TakesValuesThatAreNoNumbers) {
  auto found = samples("m NaN\nm +Inf\nm -Inf\n");
  ASSERT_EQ(found.size(), 3u);
  EXPECT_TRUE(std::isnan(found[0].value));
  EXPECT_EQ(found[1].value, INFINITY);
  EXPECT_EQ(found[2].value, -INFINITY);
}

TEST(PrometheusTextTest, RefusesMalformedSamplesThatAreWanted) {
  for (std::string_view text : {"m", "m x", "m 1x", "m{ 1", "m{a} 1", "m{a=b} 1", "m{a=\"b} 1", "m{a=\"b\" c=\"d\"} 1",
                                "m{a=\"b\\", "m{=\"b\"} 1", "m{a=\"b\"}"}) {
    auto done = parse(text);
    ASSERT_FALSE(done) << text;
    EXPECT_EQ(done.error().kind, ErrorKind::kInvalid);
    EXPECT_NE(done.error().message.find("line 1 "), std::string::npos) << done.error().message;
  }
  EXPECT_TRUE(samples("broken{ x\nm 1").size() == 1) << "what is not wanted is not looked at";
}

}  // namespace
}  // namespace ringside
