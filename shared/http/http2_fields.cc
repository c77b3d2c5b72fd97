#include "http/http2_fields.h"

#include <algorithm>
#include <cstdint>

#include "base/strings.h"

namespace ringside::http {
namespace {

nghttp2_nv field(std::string_view name, std::string_view value) {
  return {reinterpret_cast<uint8_t*>(const_cast<char*>(name.data())),
          reinterpret_cast<uint8_t*>(const_cast<char*>(value.data())), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

bool is_connection_field(std::string_view name, std::string_view value) {
  return name == "connection" || name == "keep-alive" || name == "proxy-connection" || name == "transfer-encoding" ||
         name == "upgrade" || name == "host" || (name == "te" && value != "trailers");
}

}  // namespace

std::vector<nghttp2_nv> http2_fields(std::initializer_list<std::pair<std::string_view, std::string_view>> pseudo,
                                     const Headers& headers) {
  std::vector<nghttp2_nv> fields;
  fields.reserve(pseudo.size() + headers.size());
  for (const auto& [name, value] : pseudo) fields.push_back(field(name, value));
  // Those too that a Connection field names (RFC 9110 section 7.6.1).
  std::vector<std::string_view> named;
  for (const auto& [name, value] : headers) {
    if (name != "connection") continue;
    for (std::string_view option : split(value, ',')) named.push_back(trim(option));
  }
  for (const auto& [name, value] : headers) {
    auto is_name = [&name](std::string_view option) { return equals_ignoring_case(option, name); };
    if (is_connection_field(name, value) || std::ranges::any_of(named, is_name)) continue;
    fields.push_back(field(name, value));
  }
  return fields;
}

}  // namespace ringside::http
