// Everything of the process between the API client and the sockets, wired together.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/log.h"
#include "base/metrics.h"
#include "event/task.h"
#include "http/server.h"
#include "injector/ca_bundle_patcher.h"
#include "injector/options.h"
#include "injector/pod_webhook.h"
#include "kube/client.h"
#include "kube/informer.h"
#include "kube/serving_certificate.h"

namespace ringside::injector {

class Injector {
 public:
  // The client must outlive it. on_fatal is called at most once, from the loop, with what makes it useless to go on.
  Injector(kube::Client& client, Logger log, Options options, std::function<void(Error)> on_fatal);

  // Serves health and metrics; the webhook follows as soon as there is a certificate. kRefused if a port is taken.
  Result<void> listen();

  // Not ready any more; answers the webhook's requests until no more come. Takes a few seconds.
  event::Task<void> drain();

 private:
  std::string not_ready() const;
  std::optional<std::vector<std::string>> ring_names() const;
  void on_certificate_changed();
  event::Task<Result<void>> close_webhook();

  kube::Client& client_;
  Logger log_;
  Options options_;
  std::function<void(Error)> on_fatal_;
  bool draining_ = false;

  MetricsRegistry registry_;
  kube::Informer rings_;
  PodWebhook webhook_;
  kube::ServingCertificate certificate_;
  CaBundlePatcher patcher_;

  std::unique_ptr<http::Server> health_server_;
  std::unique_ptr<http::Server> metrics_server_;
  std::unique_ptr<http::Server> webhook_server_;
};

}  // namespace ringside::injector
