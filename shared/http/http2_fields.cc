#include "http/http2_fields.h"

#include <algorithm>
#include <vector>

#include "base/strings.h"

namespace ringside::http {
namespace {

bool is_connection_field(std::string_view name, std::string_view value) {
  return name == "connection" || name == "keep-alive" || name == "proxy-connection" || name == "transfer-encoding" ||
         name == "upgrade" || name == "host" || (name == "te" && value != "trailers");
}

}  // namespace

void visit_http2_fields(const Headers& headers,
                        const std::function<void(std::string_view name, std::string_view value)>& visit) {
  // Those too that a Connection field names (RFC 9110 section 7.6.1).
  std::vector<std::string_view> named;
  for (const auto& [name, value] : headers) {
    if (name != "connection") continue;
    for (std::string_view option : split(value, ',')) named.push_back(trim(option));
  }
  for (const auto& [name, value] : headers) {
    auto is_name = [&name](std::string_view option) { return equals_ignoring_case(option, name); };
    if (is_connection_field(name, value) || std::ranges::any_of(named, is_name)) continue;
    visit(name, value);
  }
}

}  // namespace ringside::http
