// What every process answers to the kubelet and to Prometheus.
#pragma once

#include <functional>
#include <string>

#include "base/metrics.h"
#include "http/service.h"

namespace ringside::http {

// GET /healthz: 200 as long as the loop turns. GET /readyz: 200 if `not_ready` returns an empty text, else 503 with it.
Router probe_endpoints(std::function<std::string()> not_ready);

// GET /metrics. `before_scrape` may set gauges. The registry must outlive the router.
Router metrics_endpoint(MetricsRegistry& registry, std::function<void()> before_scrape = [] {});

}  // namespace ringside::http
