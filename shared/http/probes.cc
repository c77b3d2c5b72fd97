#include "http/probes.h"

namespace ringside::http {
namespace {

// The functions are called at once; the tasks hold nothing but their answers.
event::Task<Response> answer(Response response) {
  co_return response;
}

Service on_get(std::function<Response()> respond) {
  return [respond = std::move(respond)](const Request& request) {
    const std::string& method = request.head.method;
    return answer(method == "GET" || method == "HEAD" ? respond() : text_response(405, "only GET is answered here\n"));
  };
}

}  // namespace

Router probe_endpoints(std::function<std::string()> not_ready) {
  Router router;
  router.add("/healthz", on_get([] { return text_response(200, "ok\n"); }));
  router.add("/readyz", on_get([not_ready = std::move(not_ready)] {
               std::string reason = not_ready();
               return reason.empty() ? text_response(200, "ok\n") : text_response(503, reason + "\n");
             }));
  return router;
}

Router metrics_endpoint(MetricsRegistry& registry, std::function<void()> before_scrape) {
  Router router;
  router.add("/metrics", on_get([&registry, before_scrape = std::move(before_scrape)] {
               before_scrape();
               return text_response(200, registry.to_text(), "text/plain; version=0.0.4; charset=utf-8");
             }));
  return router;
}

}  // namespace ringside::http
