// Structured logs: one JSON object a line on standard error, {"ts","level","msg", fields...}.
#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/json.h"

namespace ringside {

enum class LogLevel { kDebug, kInfo, kWarning, kError, kOff };

// "debug", "info", "warn", "error", "off"; kInvalid names the input and the allowed values.
Result<LogLevel> parse_log_level(std::string_view text);

// A value that is cheap to copy: an immutable sink and the fields that every line of this logger carries. Components
// are handed one; `log.with({{"shard", name}})` makes a narrower one. Default-constructed: logs nothing (tests).
class Logger {
 public:
  using Field = std::pair<std::string, json::Value>;
  using Fields = std::initializer_list<Field>;

  Logger() = default;
  // Writes to standard error, lines below `level` are dropped.
  static Logger to_stderr(LogLevel level);

  Logger with(Fields fields) const;

  void debug(std::string_view message, Fields fields = {}) const { write(LogLevel::kDebug, message, fields); }
  void info(std::string_view message, Fields fields = {}) const { write(LogLevel::kInfo, message, fields); }
  void warn(std::string_view message, Fields fields = {}) const { write(LogLevel::kWarning, message, fields); }
  void error(std::string_view message, Fields fields = {}) const { write(LogLevel::kError, message, fields); }

  // True if lines of that level are written; guards the making of costly fields.
  bool enabled(LogLevel level) const;

 private:
  class Sink;
  void write(LogLevel level, std::string_view message, Fields fields) const;

  std::shared_ptr<Sink> sink_;
  json::Object fields_;
};

}  // namespace ringside
