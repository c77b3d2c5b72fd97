#include "base/error.h"

namespace ringside {

std::string_view to_string(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kRetry: return "retry";
    case ErrorKind::kConflict: return "conflict";
    case ErrorKind::kNotFound: return "not found";
    case ErrorKind::kExists: return "already exists";
    case ErrorKind::kGone: return "gone";
    case ErrorKind::kUnauthorised: return "unauthorised";
    case ErrorKind::kForbidden: return "forbidden";
    case ErrorKind::kInvalid: return "invalid";
    case ErrorKind::kRefused: return "refused";
    case ErrorKind::kDisconnected: return "disconnected";
    case ErrorKind::kTimedOut: return "timed out";
    case ErrorKind::kCancelled: return "cancelled";
    case ErrorKind::kInternal: return "internal";
  }
  return "unknown";
}

Error Error::with_context(std::string_view context) const {
  Error error = *this;
  error.message = std::string(context) + ": " + message;
  return error;
}

}  // namespace ringside
