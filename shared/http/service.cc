#include "http/service.h"

namespace ringside::http {

void Router::add(std::string path, Service service) {
  services_.insert_or_assign(std::move(path), std::move(service));
}

event::Task<Response> Router::operator()(const Request& request) const {
  std::string_view path = request.head.path;
  path = path.substr(0, path.find('?'));
  if (auto exact = services_.find(path); exact != services_.end()) co_return co_await exact->second(request);
  for (auto entry = services_.rbegin(); entry != services_.rend(); ++entry) {
    if (entry->first.ends_with('/') && path.starts_with(entry->first)) co_return co_await entry->second(request);
  }
  co_return text_response(404, "no such path: " + std::string(path) + "\n");
}

Response text_response(int status, std::string body, std::string content_type) {
  return Response{.status = status, .headers = {{"content-type", std::move(content_type)}}, .body = std::move(body)};
}

}  // namespace ringside::http
