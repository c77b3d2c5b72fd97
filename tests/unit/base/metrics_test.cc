#include "base/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <utility>

namespace ringside {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(MetricsTest, TextFormat) {
  MetricsRegistry registry;
  CounterFamily& requests = registry.counter("requests_total", "Requests.");
  requests.add({{"code", "200"}});
  requests.add({{"code", "200"}}, 2);
  registry.counter("requests_total", "Requests.").add({{"code", "500"}});
  GaugeFamily& depth = registry.gauge("depth", "Depth \"of\" the queue.");
  depth.set({}, 4);
  depth.set({{"name", "a\"b\\c\nd"}}, 5);
  depth.set({{"name", "gone"}}, 1);
  depth.remove({{"name", "gone"}});
  depth.remove({{"name", "never"}});
  registry.histogram("seconds", "Duration.", {0.1, 1}).observe({}, 0.5);
  std::string text = registry.to_text();
  EXPECT_THAT(text, HasSubstr("# TYPE requests_total counter\n"));
  EXPECT_THAT(text, HasSubstr("\nrequests_total{code=\"200\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("requests_total{code=\"500\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("depth 4\n"));
  EXPECT_THAT(text, HasSubstr(R"(depth{name="a\"b\\c\nd"} 5)"));
  EXPECT_THAT(text, Not(HasSubstr("gone")));
  EXPECT_THAT(text, Not(HasSubstr("never")));
  EXPECT_THAT(text, HasSubstr("seconds_bucket{le=\"0.1\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("seconds_bucket{le=\"1\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("seconds_bucket{le=\"+Inf\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("process_resident_memory_bytes"));
  EXPECT_THAT(text, HasSubstr("process_cpu_seconds_total"));
}

TEST(MetricsTest, WholeText) {
  MetricsRegistry registry;
  HistogramFamily& seconds = registry.histogram("seconds", "Duration\nof \\ \"it\".", {0.1, 1});
  for (double value : {0.1, 0.5, 7.0}) seconds.observe({{"kind", "full"}, {"who", "me"}}, value);
  std::string text = registry.to_text();
  EXPECT_THAT(text, HasSubstr("# HELP seconds Duration\\nof \\\\ \"it\".\n"
                              "# TYPE seconds histogram\n"
                              "seconds_bucket{kind=\"full\",who=\"me\",le=\"0.1\"} 1\n"
                              "seconds_bucket{kind=\"full\",who=\"me\",le=\"1\"} 2\n"
                              "seconds_bucket{kind=\"full\",who=\"me\",le=\"+Inf\"} 3\n"
                              "seconds_sum{kind=\"full\",who=\"me\"} 7.6\n"
                              "seconds_count{kind=\"full\",who=\"me\"} 3\n"));
}

TEST(MetricsTest, Numbers) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  MetricsRegistry registry;
  GaugeFamily& gauge = registry.gauge("g", "");
  for (auto [value, text] : {std::pair{0.0, "0"},
                             {-3, "-3"},
                             {1'234'567'890'123, "1234567890123"},
                             {0.1, "0.1"},
                             {-0.000012345678901234568, "-0.000012345678901234568"},
                             {1e-7, "1e-07"},
                             {1e300, "1e+300"},
                             {kInfinity, "+Inf"},
                             {-kInfinity, "-Inf"},
                             {std::nan(""), "NaN"}}) {
    gauge.set({}, value);
    EXPECT_THAT(registry.to_text(), HasSubstr(std::string("\ng ") + text + "\n"));
  }
}

TEST(MetricsTest, ValueThatIsNoNumberIsInTheLastBucket) {
  MetricsRegistry registry;
  registry.histogram("seconds", "", {1}).observe({}, std::nan(""));
  std::string text = registry.to_text();
  EXPECT_THAT(text, HasSubstr("seconds_bucket{le=\"1\"} 0\nseconds_bucket{le=\"+Inf\"} 1\nseconds_sum NaN\n"));
}

}  // namespace
}  // namespace ringside
