// Errors as values, classed by what the caller does next. See Result<T>.
#pragma once

#include <chrono>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace ringside {

// What to do about an error. The names are those of the action, not of the place where it happened.
enum class ErrorKind {
  kRetry,         // temporary: the same request may succeed later (429, 5xx)
  kConflict,      // the object changed under us: read again (409)
  kNotFound,      // the object is not there (404)
  kExists,        // the object is there already (409 AlreadyExists)
  kGone,          // the resource version is too old: list again (410)
  kUnauthorised,  // credentials missing or wrong: read the token again (401)
  kForbidden,     // permission missing: a human must grant it (403)
  kInvalid,       // the input is wrong: retrying cannot help (400, 413, 422, malformed bytes)
  kRefused,       // certainly not processed: safe to send again (connection refused, REFUSED_STREAM)
  kDisconnected,  // the connection ended; the request may have been processed
  kTimedOut,      // no answer in time; the request may have been processed
  kCancelled,     // given up by ourselves
  kInternal,      // a bug or an exhausted resource of this process
};

// The kind in words, for logs and metrics: "conflict", "not found".
std::string_view to_string(ErrorKind kind);

struct Error {
  ErrorKind kind = ErrorKind::kInternal;
  std::string message;  // what, where, and what to do; starts with a lower-case letter, has no full stop
  // How long the other side asks to be left alone (Retry-After), if it does.
  std::optional<std::chrono::seconds> retry_after = std::nullopt;

  // The same error with "<context>: " in front of its message.
  Error with_context(std::string_view context) const;
};

template <typename T>
using Result = std::expected<T, Error>;

// return failure(ErrorKind::kInvalid, "port: not a number: 'x'");
inline std::unexpected<Error> failure(ErrorKind kind, std::string message) {
  return std::unexpected(Error{kind, std::move(message)});
}

inline std::unexpected<Error> failure(Error error) {
  return std::unexpected(std::move(error));
}

}  // namespace ringside
