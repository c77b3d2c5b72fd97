// http:// and https:// URLs with an address, as options have them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace ringside::http {

struct Url {
  bool tls = false;
  std::string host;  // without brackets
  uint16_t port = 0;
  std::string path;  // and query; begins with '/'

  // "127.0.0.1:8080", "[::1]:8080".
  std::string authority() const;
  // localhost, 127.0.0.0/8 or ::1: the same network namespace, so the same pod.
  bool is_loopback() const;
};

// "http://127.0.0.1:8080/metrics". Port and path may be missing: 80 or 443, "/". kInvalid for anything else, user
// information, fragments and characters that do not belong into a request line included.
Result<Url> parse_url(std::string_view text);

}  // namespace ringside::http
