#include "base/log.h"

#include <gtest/gtest.h>

namespace ringside {
namespace {

TEST(LogTest, LevelsParse) {
  EXPECT_EQ(parse_log_level("debug"), LogLevel::kDebug);
  EXPECT_EQ(parse_log_level("info"), LogLevel::kInfo);
  EXPECT_EQ(parse_log_level("warn"), LogLevel::kWarning);
  EXPECT_EQ(parse_log_level("error"), LogLevel::kError);
  EXPECT_EQ(parse_log_level("off"), LogLevel::kOff);
  for (std::string text : {"", "Info", "trace", "info "}) {
    ASSERT_FALSE(parse_log_level(text));
    EXPECT_NE(parse_log_level(text).error().message.find("'" + text + "'"), std::string::npos);
  }
}

TEST(LogTest, LinesAreJsonWithFieldsOfTheLogger) {
  ::testing::internal::CaptureStderr();
  Logger logger = Logger::to_stderr(LogLevel::kInfo).with({{"shard", "a"}});
  logger.debug("dropped");
  logger.info("line \"one\"\n", {{"n", 5}, {"list", json::Value::array({1, true})}});
  logger.with({{"more", nullptr}}).error("two");
  EXPECT_FALSE(logger.enabled(LogLevel::kDebug));
  EXPECT_TRUE(logger.enabled(LogLevel::kWarning));
  std::string text = ::testing::internal::GetCapturedStderr();
  size_t end = text.find('\n');
  json::Value first = json::parse(text.substr(0, end)).value();
  EXPECT_EQ(first.string_at({"msg"}), "line \"one\"\n");
  EXPECT_EQ(first.string_at({"level"}), "info");
  EXPECT_EQ(first.string_at({"shard"}), "a");
  EXPECT_EQ(first.int_at({"n"}), 5);
  json::Value second = json::parse(text.substr(end + 1)).value();
  EXPECT_EQ(second.string_at({"level"}), "error");
  EXPECT_NE(second.find("more"), nullptr);
}

TEST(LogTest, DefaultAndOffLogNothing) {
  ::testing::internal::CaptureStderr();
  Logger().error("x");
  Logger::to_stderr(LogLevel::kOff).error("x");
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
  EXPECT_FALSE(Logger().enabled(LogLevel::kError));
}

}  // namespace
}  // namespace ringside
