// Input: a method, a line feed, a request target.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "kube/request_info.h"
#include "tests/fuzz/require.h"

using ringside::fuzz::require;
using ringside::kube::RequestInfo;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  size_t end = text.find('\n');
  std::string_view method = text.substr(0, end);
  std::string_view target = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  RequestInfo info = ringside::kube::parse_request_info(method, target);
  if (!info.is_resource) {
    require(info.resource.empty() && info.parts.empty() && info.group.empty());
    return 0;
  }
  require(info.api_prefix == "api" ? info.group.empty() : info.api_prefix == "apis");
  if (info.parts.empty()) return 0;
  require(info.resource == info.parts[0]);
  // A verb for one object always has its name; the others have one only where the request names it.
  bool selects = info.verb == "list" || info.verb == "watch" || info.verb == "deletecollection";
  require(selects || info.label_selector.empty());
  require(info.verb != "get" || !info.name.empty());
  require(info.verb != "delete" || !info.name.empty());
  require(info.verb != "deletecollection" || info.name.empty());
  return 0;
}
