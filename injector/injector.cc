#include "injector/injector.h"

#include "event/async.h"
#include "http/probes.h"
#include "sharding/names.h"

namespace ringside::injector {
namespace {

// Until every node has heard that this replica is no endpoint of the Service any more.
constexpr Duration kEndpointRemoval = std::chrono::seconds(2);
constexpr Duration kDrainPoll = std::chrono::milliseconds(50);
constexpr Duration kDrainTimeout = std::chrono::seconds(15);

http::ServerOptions server_options(const Address& address) {
  http::ServerOptions options;
  if (!address.host.empty()) options.address = address.host;
  options.port = address.port;
  return options;
}

kube::ResourceType controller_rings() {
  return {std::string(sharding::kApiGroup), "v1alpha1", std::string(sharding::kControllerRingResource)};
}

// Names are all that is needed of the rings.
kube::ListOptions metadata_only() {
  kube::ListOptions options;
  options.metadata_only = true;
  return options;
}

kube::ServingCertificate::Options certificate_options(const Options& options) {
  kube::ServingCertificate::Options certificate;
  std::string host = options.service_name + "." + options.ns;
  certificate.names = {host + ".svc", host, host + ".svc.cluster.local"};
  for (const std::string& name : options.certificate_names) certificate.names.push_back(name);
  certificate.ns = options.ns;
  certificate.secret = options.service_name + "-certificate";
  certificate.cert_dir = options.cert_dir;
  certificate.lifetimes = options.lifetimes;
  return certificate;
}

event::Task<http::Response> ready(http::Response response) {
  co_return response;
}

}  // namespace

Injector::Injector(kube::Client& client, Logger log, Options options, std::function<void(Error)> on_fatal)
    : client_(client),
      log_(std::move(log)),
      options_(std::move(options)),
      on_fatal_(std::move(on_fatal)),
      rings_(client, log_, controller_rings(), metadata_only(),
             {.on_upsert = [](const json::Value&) {},
              .on_delete = [](const kube::NamespacedName&, const json::Value&) {}}),
      webhook_(log_, registry_, {.image = options_.sidecar_image, .image_pull_policy = options_.image_pull_policy},
               [this] { return ring_names(); }),
      certificate_(client, log_, certificate_options(options_), [this] { on_certificate_changed(); }),
      patcher_(client, log_, options_.webhook_configuration, [this] { return certificate_.ca_bundle(); }) {}

Result<void> Injector::listen() {
  event::Loop& loop = client_.loop();
  auto health = http::Server::listen(loop, log_, server_options(options_.health),
                                     http::probe_endpoints([this] { return not_ready(); }));
  if (!health) return failure(health.error().with_context("--health"));
  health_server_ = std::move(*health);
  auto metrics = http::Server::listen(loop, log_, server_options(options_.metrics), http::metrics_endpoint(registry_));
  if (!metrics) return failure(metrics.error().with_context("--metrics"));
  metrics_server_ = std::move(*metrics);
  return {};
}

std::string Injector::not_ready() const {
  if (draining_) return "shutting down";
  if (!rings_.synced()) return "the ControllerRings are still being read";
  if (!webhook_server_) return "there is no serving certificate yet";
  return {};
}

std::optional<std::vector<std::string>> Injector::ring_names() const {
  if (!rings_.synced()) return std::nullopt;
  std::vector<std::string> names;
  for (const auto& [name, _] : rings_.objects()) names.push_back(name.name);
  return names;
}

void Injector::on_certificate_changed() {
  patcher_.patch_now();
  if (webhook_server_ || draining_) return;
  http::ServerOptions options = server_options(options_.webhook);
  options.tls = certificate_.tls();
  http::Router router;
  router.add(std::string(kPodWebhookPath),
             [this](const http::Request& request) { return ready(webhook_.answer(request)); });
  auto server = http::Server::listen(client_.loop(), log_, std::move(options), std::move(router));
  if (!server) {
    on_fatal_(server.error().with_context("--webhook-address"));
    return;
  }
  webhook_server_ = std::move(*server);
  log_.info("the webhook is served", {{"port", int64_t(webhook_server_->port())}});
}

event::Task<void> Injector::drain() {
  draining_ = true;
  auto closed = co_await event::with_timeout(client_.loop(), kDrainTimeout, "closing the webhook", close_webhook());
  if (!closed) log_.warn("connections to the webhook are still open, going anyway");
}

event::Task<Result<void>> Injector::close_webhook() {
  if (!webhook_server_) co_return Result<void>();
  co_await event::sleep(client_.loop(), kEndpointRemoval);
  webhook_server_->drain();
  while (webhook_server_->open_connections() > 0) co_await event::sleep(client_.loop(), kDrainPoll);
  co_return Result<void>();
}

}  // namespace ringside::injector
