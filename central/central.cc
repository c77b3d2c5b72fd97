#include "central/central.h"

#include <algorithm>

#include "event/async.h"
#include "http/probes.h"
#include "sharding/names.h"

namespace ringside::central {
namespace {

// Until every node has heard that this replica is no endpoint of the Service any more.
constexpr Duration kEndpointRemoval = std::chrono::seconds(2);
constexpr Duration kDrainPoll = std::chrono::milliseconds(50);

http::ServerOptions server_options(const BindAddress& address) {
  http::ServerOptions options;
  if (!address.host.empty()) options.address = address.host;
  options.port = address.port;
  return options;
}

// The host of "https://host:port/path".
std::string host_of(std::string url) {
  if (size_t scheme = url.find("://"); scheme != std::string::npos) url.erase(0, scheme + 3);
  url.resize(std::min(url.size(), url.find('/')));
  if (url.starts_with('[')) return url.substr(1, std::min(url.size(), url.find(']')) - 1);
  url.resize(std::min(url.size(), url.find(':')));
  return url;
}

// Whether cert-manager's CA injector is asked to fill in the caBundle.
bool has_injected_ca_bundle(const WebhookSettings& settings) {
  return std::ranges::any_of(settings.annotations,
                             [](const auto& entry) { return entry.first.starts_with("cert-manager.io/inject-"); });
}

kube::ServingCertificate::Options certificate_options(const SharderConfig& config) {
  const ServiceReference& service = config.webhook.client_config.service;
  kube::ServingCertificate::Options options;
  std::string host = service.name + "." + service.ns;
  options.names = {host + ".svc", host, host + ".svc.cluster.local"};
  if (!config.webhook.client_config.url.empty()) options.names.push_back(host_of(config.webhook.client_config.url));
  options.ns = service.ns;
  options.secret = service.name + "-certificate";
  options.cert_dir = config.webhook_server.cert_dir.value_or("");
  options.cert_name = config.webhook_server.cert_name;
  options.key_name = config.webhook_server.key_name;
  options.ca_bundle_by_others = has_injected_ca_bundle(config.webhook);
  options.lifetimes = config.webhook_server.lifetimes;
  return options;
}

kube::LeaderElectionOptions election_options(const LeaderElection& config, const std::string& identity) {
  return {.ns = config.resource_namespace,
          .name = config.resource_name,
          .identity = identity,
          .lease_duration = config.lease_duration,
          .renew_deadline = config.renew_deadline,
          .retry_period = config.retry_period};
}

}  // namespace

Central::Central(Clients clients, Logger log, SharderConfig config, std::string identity,
                 std::function<void(Error)> on_fatal)
    : client_(clients.api),
      election_client_(clients.election),
      log_(std::move(log)),
      config_(std::move(config)),
      identity_(std::move(identity)),
      on_fatal_(std::move(on_fatal)),
      metrics_(registry_),
      rings_(client_, log_, metrics_, [this] { on_synced(); }),
      namespaces_(
          client_, log_, [this] { on_synced(); },
          [this] {
            if (leader_) leader_->on_namespaces_changed();
          }),
      discovery_(client_),
      scopes_(client_.loop(), log_, discovery_, rings_),
      owners_(client_, discovery_),
      webhook_(client_.loop(), log_, rings_, scopes_, owners_, metrics_),
      certificate_(client_, log_, certificate_options(config_), [this] { on_certificate_changed(); }) {
  metrics_.set_leading(false);
}

Result<void> Central::listen() {
  event::Loop& loop = client_.loop();
  if (config_.health) {
    auto server = http::Server::listen(loop, log_, server_options(*config_.health),
                                       http::probe_endpoints([this] { return not_ready(); }));
    if (!server) return failure(server.error().with_context("health.bindAddress"));
    health_server_ = std::move(*server);
  }
  if (config_.metrics) {
    auto collect = [this] { metrics_.collect(rings_, client_.loop().now()); };
    auto server =
        http::Server::listen(loop, log_, server_options(*config_.metrics), http::metrics_endpoint(registry_, collect));
    if (!server) return failure(server.error().with_context("metrics.bindAddress"));
    metrics_server_ = std::move(*server);
  }
  return {};
}

std::string Central::not_ready() {
  if (draining_) return "shutting down";
  if (!rings_.synced()) return "the ControllerRings and shard Leases are still being read";
  if (!namespaces_.synced()) return "the Namespaces are still being read";
  if (!scopes_.asked()) return "the scopes of the rings' resources are still being read";
  if (!webhook_server_) return "there is no serving certificate yet";
  return {};
}

void Central::on_synced() {
  if (!rings_.synced() || !namespaces_.synced() || draining_) return;
  log_.info("rings, shard Leases and namespaces are known", {{"rings", int64_t(rings_.ring_names().size())}});
  if (!config_.leader_election.leader_elect) {
    start_leading();
    return;
  }
  election_.emplace(election_client_, log_, election_options(config_.leader_election, identity_),
                    kube::LeaderElection::Callbacks{.on_started = [this] { start_leading(); },
                                                    .on_stopped = [this] { stop_leading(); }});
}

void Central::on_certificate_changed() {
  if (leader_) leader_->on_certificate_changed();
  if (webhook_server_ || draining_) return;
  http::ServerOptions options = server_options(config_.webhook_server.bind_address);
  options.tls = certificate_.tls();
  http::Router router;
  router.add(std::string(sharding::kWebhookPathPrefix),
             [this](const http::Request& request) { return webhook_.answer(request); });
  auto server = http::Server::listen(client_.loop(), log_, std::move(options), std::move(router));
  if (!server) {
    on_fatal_(server.error().with_context("webhook.server.bindAddress"));
    return;
  }
  webhook_server_ = std::move(*server);
  log_.info("the webhook is served", {{"port", int64_t(webhook_server_->port())}});
}

void Central::start_leading() {
  leader_ = std::make_unique<Leader>(client_, log_, config_, rings_, namespaces_, metrics_,
                                     [this] { return certificate_.ca_bundle(); });
  metrics_.set_leading(true);
}

void Central::stop_leading() {
  leader_.reset();
  metrics_.set_leading(false);
}

event::Task<void> Central::drain() {
  draining_ = true;
  Duration timeout = config_.graceful_shutdown_timeout;
  if (timeout < Duration::zero()) timeout = std::chrono::hours(24);
  TimePoint end = client_.loop().now() + timeout;
  if (election_) co_await election_->release();
  stop_leading();
  Duration left = std::max(Duration::zero(), end - client_.loop().now());
  auto closed = co_await event::with_timeout(client_.loop(), left, "closing the webhook", close_webhook());
  if (!closed) log_.warn("connections to the webhook are still open, going anyway");
}

event::Task<Result<void>> Central::close_webhook() {
  if (!webhook_server_) co_return Result<void>();
  co_await event::sleep(client_.loop(), kEndpointRemoval);
  webhook_server_->drain();
  while (webhook_server_->open_connections() > 0) co_await event::sleep(client_.loop(), kDrainPoll);
  co_return Result<void>();
}

}  // namespace ringside::central
