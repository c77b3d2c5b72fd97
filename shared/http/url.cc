#include "http/url.h"

#include <algorithm>

#include "base/strings.h"

namespace ringside::http {
namespace {

std::unexpected<Error> invalid(std::string_view text) {
  return failure(ErrorKind::kInvalid, "'" + std::string(text) + "' is no http://<address>:<port>/<path> (or https://)");
}

bool is_printable(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; });
}

bool is_ipv4_loopback(std::string_view host) {
  auto numbers = split(host, '.');
  return numbers.size() == 4 && numbers[0] == "127" && std::ranges::all_of(numbers, [](std::string_view number) {
           auto value = parse_int(number);
           return number.size() <= 3 && value && *value <= 255;
         });
}

}  // namespace

std::string Url::authority() const {
  bool v6 = host.find(':') != std::string::npos;
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

bool Url::is_loopback() const {
  return host == "localhost" || host == "::1" || is_ipv4_loopback(host);
}

Result<Url> parse_url(std::string_view text) {
  std::string_view rest = text;
  Url url;
  url.tls = rest.starts_with("https://");
  if (!url.tls && !rest.starts_with("http://")) return invalid(text);
  rest.remove_prefix(url.tls ? 8 : 7);
  if (!is_printable(rest) || rest.contains('#')) return invalid(text);
  std::string_view authority = rest.substr(0, rest.find_first_of("/?"));
  url.path = rest.substr(authority.size());
  if (!url.path.starts_with('/')) url.path.insert(0, "/");

  url.port = url.tls ? 443 : 80;
  bool bracketed = authority.starts_with('[');
  size_t host_end = bracketed ? authority.find(']') : authority.find(':');
  if (bracketed && host_end == authority.npos) return invalid(text);
  url.host = bracketed ? authority.substr(1, host_end - 1) : authority.substr(0, host_end);
  std::string_view port = authority.substr(std::min(bracketed ? host_end + 1 : host_end, authority.size()));
  if (!port.empty()) {
    auto number = port.starts_with(':') ? parse_int(port.substr(1)) : std::nullopt;
    if (!number || *number < 1 || *number > 65535) return invalid(text);
    url.port = uint16_t(*number);
  }
  bool plain = url.host.find_first_of("@%[]") == std::string::npos;
  if (url.host.empty() || !plain || (!bracketed && url.host.find(':') != std::string::npos)) return invalid(text);
  return url;
}

}  // namespace ringside::http
