#include "base/log.h"

#include <unistd.h>

#include <cerrno>
#include <chrono>

#include "base/rfc3339.h"

namespace ringside {
namespace {

std::string_view name_of(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug: return "debug";
    case LogLevel::kInfo: return "info";
    case LogLevel::kWarning: return "warn";
    case LogLevel::kError: return "error";
    case LogLevel::kOff: return "off";
  }
  return "unknown";
}

}  // namespace

class Logger::Sink {
 public:
  explicit Sink(LogLevel level) : level_(level) {}
  bool enabled(LogLevel level) const { return level >= level_ && level_ != LogLevel::kOff; }
  // In one call, so that lines of several processes do not mix; where nobody takes them they are lost.
  void write(std::string line) {
    line += '\n';
    std::string_view rest = line;
    while (!rest.empty()) {
      ssize_t n = ::write(STDERR_FILENO, rest.data(), rest.size());
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return;
      rest.remove_prefix(size_t(n));
    }
  }

 private:
  LogLevel level_;
};

Result<LogLevel> parse_log_level(std::string_view text) {
  for (auto level : {LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarning, LogLevel::kError, LogLevel::kOff}) {
    if (text == name_of(level)) return level;
  }
  return failure(ErrorKind::kInvalid,
                 "unknown log level '" + std::string(text) + "', use debug, info, warn, error or off");
}

Logger Logger::to_stderr(LogLevel level) {
  Logger logger;
  logger.sink_ = std::make_shared<Sink>(level);
  return logger;
}

Logger Logger::with(Fields fields) const {
  Logger logger = *this;
  logger.fields_.insert(logger.fields_.end(), fields.begin(), fields.end());
  return logger;
}

bool Logger::enabled(LogLevel level) const {
  return sink_ && sink_->enabled(level);
}

void Logger::write(LogLevel level, std::string_view message, Fields fields) const {
  if (!enabled(level)) return;
  // The one clock outside the loop: the time of a log line is when it was written.
  auto now = std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now());
  json::Object line = {{"ts", to_rfc3339_micro(now)}, {"level", name_of(level)}, {"msg", message}};
  line.insert(line.end(), fields_.begin(), fields_.end());
  line.insert(line.end(), fields.begin(), fields.end());
  sink_->write(json::to_string(json::Value(std::move(line))));
}

}  // namespace ringside
