// The target of an HTTP/1.1 request (RFC 9112 section 3.2), in each of its forms.
#pragma once

#include <optional>
#include <string_view>

namespace ringside::http {

struct RequestTarget {
  std::optional<std::string_view> authority;  // that the target names itself: it takes precedence over Host
  std::string_view path;                      // see RequestHead::path
};

// The parts of the target, byte for byte, as Go's net/http reads them, which is what API servers are made of: any
// scheme will do, a URL without "//" has no authority, and one without '/' behind that has no path. nullopt if it has
// none of the forms. The views are of `target`.
std::optional<RequestTarget> parse_request_target(std::string_view method, std::string_view target);

}  // namespace ringside::http
