#include "sidecar/request_target.h"

#include <algorithm>

#include "base/strings.h"
#include "http/service.h"
#include "kube/request_info.h"

namespace ringside::sidecar {

std::optional<http::Response> answer_without_path(const http::RequestHead& head) {
  if (head.method == "OPTIONS" && head.path == "*") return http::Response{};
  if (!head.path.starts_with('/')) return http::text_response(404, "404 page not found\n");
  if (head.method == "CONNECT") return http::text_response(405, "sidecar: there is no proxying by CONNECT\n");
  return std::nullopt;
}

bool resumes_watch(std::string_view target) {
  for (std::string_view parameter : split(kube::split_target(target).query, '&')) {
    constexpr std::string_view kName = "resourceVersion=";
    if (parameter.starts_with(kName)) return parameter != kName && parameter != "resourceVersion=0";
  }
  return false;
}

bool continues_list(std::string_view target) {
  constexpr std::string_view kName = "continue=";
  return std::ranges::any_of(split(kube::split_target(target).query, '&'), [&](std::string_view parameter) {
    return parameter.starts_with(kName) && parameter != kName;
  });
}

}  // namespace ringside::sidecar
