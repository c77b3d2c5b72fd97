#include "base/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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

}  // namespace
}  // namespace ringside
