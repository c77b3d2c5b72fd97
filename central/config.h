// The configuration file of central: SharderConfig (config.sharding.timebertt.dev/v1alpha1), YAML, as the reference
// reads it (protocol.md, "Configuration").
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "kube/meta.h"
#include "kube/rate_limiter.h"
#include "kube/serving_certificate.h"
#include "sharding/controller_ring.h"
#include "sharding/names.h"

namespace ringside::central {

// "host:port" as Go's net.Listen takes it. An empty host is every address.
struct BindAddress {
  std::string host;
  uint16_t port = 0;

  bool operator==(const BindAddress&) const = default;
};

struct ClientConnection {
  std::string kubeconfig;  // path; empty: that of the pod
  double qps = 0;          // requests a second, on average; 0 (the default) and less: no limit
  int64_t burst = 0;       // requests at once, where there is a limit; 0: kDefaultBurst
};

inline constexpr int64_t kDefaultBurst = 150;

// Of the client connection; nullopt: none.
std::optional<kube::RateLimit> rate_limit_of(const ClientConnection& connection);

struct LeaderElection {
  bool leader_elect = true;
  std::string resource_name{sharding::kSharderName};
  std::string resource_namespace{sharding::kSystemNamespace};
  // lease_duration > renew_deadline > 1.2 * retry_period, as client-go demands.
  Duration lease_duration = std::chrono::seconds(15);
  Duration renew_deadline = std::chrono::seconds(10);
  Duration retry_period = std::chrono::seconds(2);
};

struct SharderController {
  Duration sync_period = std::chrono::minutes(5);
  int64_t concurrent_moves = 100;  // requests in flight for one ring
};

struct WebhookServer {
  BindAddress bind_address = {.host = "", .port = 9443};
  std::optional<std::string> cert_dir;  // where certificates are mounted; nullopt: not said
  std::string cert_name = "tls.crt";
  std::string key_name = "tls.key";
  kube::CertificateLifetimes lifetimes;  // of those that central makes
};

struct ServiceReference {
  std::string ns{sharding::kSystemNamespace};
  std::string name{sharding::kSharderName};
  std::string path;             // in front of the ring's own path
  std::optional<int64_t> port;  // nullopt: the API server's default, 443
};

// Where the API server finds the webhook: the url if it is not empty, else the service.
struct ClientConfig {
  std::string url;
  ServiceReference service;
  std::string ca_bundle;  // PEM in base64; may be empty
};

// For all webhook configurations that central writes.
struct WebhookSettings {
  kube::Labels annotations;
  ClientConfig client_config;
  // For rings that have none of their own.
  kube::LabelSelector namespace_selector = sharding::default_namespace_selector();
};

struct SharderConfig {
  ClientConnection client_connection;
  LeaderElection leader_election;
  std::optional<BindAddress> health = BindAddress{.host = "", .port = 8081};   // nullopt: not served
  std::optional<BindAddress> metrics = BindAddress{.host = "", .port = 8080};  // nullopt: not served
  SharderController sharder;
  WebhookServer webhook_server;
  WebhookSettings webhook;
  // Zero: do not wait. Negative: wait without limit.
  Duration graceful_shutdown_timeout = std::chrono::seconds(15);
};

// The defaults where the text says nothing; apiVersion and kind must be there. kInvalid for text that is empty or no
// YAML, unknown or repeated fields, wrong types and impossible values, with line, field and what is allowed: "line 4:
// controller.sharder.syncPeriod: 'soon' is no duration, use one such as 15s, 5m or 1m30s".
//
// The reference's JSON name of the last field, gracefulShutDown, is understood too. Its fields that have no meaning
// here are accepted without effect: debugging, clientConnection.acceptContentTypes and contentType;
// leaderElection.resourceLock must be "leases".
Result<SharderConfig> parse_sharder_config(std::string_view yaml);

}  // namespace ringside::central
