#include "sidecar/proxy.h"

#include "sidecar/exchange.h"

namespace ringside::sidecar {

Proxy::Proxy(event::Loop& loop, Logger log, MetricsRegistry& metrics, ShardIdentity self, ProxyParts parts)
    : loop_(loop),
      log_(std::move(log)),
      requests_(metrics.counter("ringside_sidecar_requests_total", "Requests of the controller, by verb.")),
      refused_(metrics.counter("ringside_sidecar_refused_requests_total",
                               "Requests of the controller that the sidecar answered with an error, by code.")),
      self_(std::move(self)),
      parts_(std::move(parts)),
      tunnels_(loop, metrics,
               {.lease_held = [this] { return parts_.lease.held(); },
                .is_fenced = [this](const ObjectRef& object) { return parts_.gate.is_fenced(object); }}) {}

Proxy::~Proxy() = default;

http::StreamAcceptor Proxy::acceptor() {
  return [this](std::unique_ptr<http::Stream> client, http::RequestHead head, bool has_body) {
    auto exchange = std::make_unique<Exchange>(*this, std::move(client), std::move(head), has_body);
    exchange->begin();
    return exchange;
  };
}

void Proxy::on_ring_changed() {
  auto watches = watches_;  // ending one takes it out
  for (Exchange* watch : watches) {
    if (!watch->filter_changed()) continue;
    must_relist_.add(watch->watched(), loop_.now());
    watch->end_watch();
  }
}

}  // namespace ringside::sidecar
