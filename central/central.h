// Everything of the process between the API client and the sockets, wired together.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/log.h"
#include "base/metrics.h"
#include "central/assignment_webhook.h"
#include "central/config.h"
#include "central/leader.h"
#include "central/main_scopes.h"
#include "central/metrics.h"
#include "central/namespace_store.h"
#include "central/owner_reader.h"
#include "central/ring_store.h"
#include "event/task.h"
#include "http/server.h"
#include "kube/client.h"
#include "kube/discovery.h"
#include "kube/leader_election.h"
#include "kube/serving_certificate.h"

namespace ringside::central {

// Each with a connection of its own.
struct Clients {
  kube::Client& api;
  kube::Client& election;  // a renewal must not wait behind lists of objects
};

class Central {
 public:
  // The clients must outlive it. `identity` is unique to this process. on_fatal is called at most once, from the loop,
  // with what makes it useless to go on (a port that is taken).
  Central(Clients clients, Logger log, SharderConfig config, std::string identity, std::function<void(Error)> on_fatal);

  // Serves health and metrics; the webhook follows as soon as there is a certificate. kRefused if a port is taken.
  Result<void> listen();

  // Not ready any more and no leader; answers the webhook's requests until no more come, then its connections are
  // closed. Takes at most the graceful shutdown timeout.
  event::Task<void> drain();

 private:
  std::string not_ready();
  void on_synced();
  void on_certificate_changed();
  void start_leading();
  void stop_leading();
  event::Task<Result<void>> close_webhook();

  kube::Client& client_;
  kube::Client& election_client_;
  Logger log_;
  SharderConfig config_;
  std::string identity_;
  std::function<void(Error)> on_fatal_;
  bool draining_ = false;

  MetricsRegistry registry_;
  Metrics metrics_;
  RingStore rings_;
  NamespaceStore namespaces_;
  kube::Discovery discovery_;
  MainScopes scopes_;
  OwnerReader owners_;
  AssignmentWebhook webhook_;
  kube::ServingCertificate certificate_;
  std::unique_ptr<Leader> leader_;
  std::optional<kube::LeaderElection> election_;  // from the first sync on

  std::unique_ptr<http::Server> health_server_;
  std::unique_ptr<http::Server> metrics_server_;
  std::unique_ptr<http::Server> webhook_server_;
};

}  // namespace ringside::central
