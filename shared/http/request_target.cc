#include "http/request_target.h"

#include <algorithm>

namespace ringside::http {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_alpha(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_scheme(std::string_view text) {
  auto is_allowed = [](char c) { return is_alpha(c) || is_digit(c) || c == '+' || c == '-' || c == '.'; };
  return !text.empty() && is_alpha(text[0]) && std::ranges::all_of(text, is_allowed);
}

// A host, in brackets if there are colons in it, perhaps with user information in front and a port behind it.
bool is_authority(std::string_view text) {
  text.remove_prefix(text.rfind('@') + 1);  // npos + 1 is 0
  bool bracketed = text.starts_with('[');
  size_t host_end = bracketed ? text.find(']') : text.find(':');
  if (bracketed && host_end == text.npos) return false;
  if (bracketed) ++host_end;
  std::string_view host = text.substr(bracketed ? 1 : 0, host_end - (bracketed ? 2 : 0));
  std::string_view port = text.substr(std::min(host_end, text.size()));
  if (!port.empty() && (port[0] != ':' || !std::ranges::all_of(port.substr(1), is_digit))) return false;
  return host.find_first_of("%[]#\\^`{|}") == host.npos;
}

// Of what is behind the scheme and its colon.
std::optional<RequestTarget> parse_absolute(std::string_view rest) {
  if (!rest.starts_with('/')) return RequestTarget{};  // "mailto:x"
  if (!rest.starts_with("//")) return RequestTarget{.authority = std::nullopt, .path = rest};
  rest.remove_prefix(2);
  std::string_view authority = rest.substr(0, rest.find_first_of("/?"));
  if (!is_authority(authority)) return std::nullopt;
  RequestTarget target;
  if (!authority.empty()) target.authority = authority;
  if (rest.substr(authority.size()).starts_with('/')) target.path = rest.substr(authority.size());
  return target;
}

}  // namespace

std::optional<RequestTarget> parse_request_target(std::string_view method, std::string_view target) {
  if (target.starts_with('/') || target == "*") return RequestTarget{.authority = std::nullopt, .path = target};
  if (method == "CONNECT") {
    std::string_view authority = target.substr(0, target.find_first_of("/?"));
    if (!is_authority(authority)) return std::nullopt;
    return RequestTarget{.authority = authority, .path = {}};
  }
  size_t colon = target.find(':');
  if (colon == target.npos || !is_scheme(target.substr(0, colon))) return std::nullopt;
  return parse_absolute(target.substr(colon + 1));
}

}  // namespace ringside::http
