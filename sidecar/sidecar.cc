#include "sidecar/sidecar.h"

#include "http/reading_probe.h"
#include "kube/dialer.h"
#include "kube/serviceaccount.h"
#include "sidecar/serving_identity.h"

namespace ringside::sidecar {
namespace {

using namespace std::chrono_literals;

// A controller that hangs with open connections is to lose its shard within one Lease duration, 15 s: after 4 s of
// silence and 6 s without an answer its connections are closed, and with the grace the Lease is released after 13 s at
// most. The time-out is the longest of these: a controller that merely starves, or collects garbage, would lose its
// requests.
constexpr http::PingOptions kPing{.interval = 4s, .timeout = 6s};
static_assert(kPing.interval + kPing.timeout + ControllerLife::Options().grace < 15s);

// A list flows while half of this is on its way: with half as much the API server waits for the sidecar, again and
// again.
constexpr uint32_t kAnswerWindow = 256 << 10;

}  // namespace

Result<std::unique_ptr<Sidecar>> Sidecar::create(event::Loop& loop, Logger log, const Options& options,
                                                 const kube::Config& config) {
  auto sidecar = std::unique_ptr<Sidecar>(new Sidecar(loop, std::move(log), options));
  if (auto done = sidecar->connect(config); !done) return failure(done.error());
  sidecar->build();
  if (auto done = sidecar->listen(config); !done) return failure(done.error());
  return sidecar;
}

Sidecar::Sidecar(event::Loop& loop, Logger log, const Options& options)
    : loop_(loop),
      log_(log.with({{"ring", options.ring}, {"shard", options.shard}})),
      options_(options),
      lease_held_(metrics_.gauge("ringside_sidecar_lease_held", "1 while the shard Lease is held.")),
      connections_(metrics_.gauge("ringside_sidecar_controller_connections", "Open connections of the controller.")) {}

Result<void> Sidecar::connect(const kube::Config& config) {
  auto api = kube::ApiServer::create(loop_, log_, config, {.user_agent = "ringside-sidecar/" RINGSIDE_VERSION});
  if (!api) return failure(api.error());
  api_ = std::move(*api);
  // The token is the controller's, too: both write as this ServiceAccount.
  auto serviceaccount = kube::serviceaccount_of_token(kube::Credentials::create(config)->token(loop_.now()));
  if (serviceaccount && serviceaccount->ns == options_.ns) serviceaccount_ = serviceaccount->name;
  kube::Config anonymous = config;
  anonymous.tls.identity = {};
  anonymous.token.clear();
  anonymous.token_file.clear();
  auto dialer = kube::make_dialer(loop_, log_, anonymous);
  if (!dialer) return failure(dialer.error());
  auto dialer_http1 = kube::make_dialer(loop_, log_, anonymous, "http/1.1");
  if (!dialer_http1) return failure(dialer_http1.error());
  std::string authority = kube::authority_of(config);
  proxy_api_ = std::make_unique<http::Client>(
      loop_, log_, std::move(*dialer),
      http::Client::Options{.authority = authority, .max_header_bytes = kMaxHeadBytes, .stream_window = kAnswerWindow});
  proxy_api_->connect_ahead();
  proxy_upgrades_ = std::make_unique<http::UpgradeClient>(
      loop_, std::move(*dialer_http1),
      http::UpgradeClient::Options{.authority = authority, .max_header_bytes = kMaxHeadBytes});
  return {};
}

void Sidecar::build() {
  kube::Client& client = api_->client();
  lease_ = std::make_unique<ShardLease>(
      client, log_,
      ShardLease::Options{
          .ring = options_.ring, .shard = options_.shard, .ns = options_.ns, .serviceaccount = serviceaccount_});
  bridge_ = std::make_unique<ElectionBridge>(client, log_, options_.ring, options_.election, *lease_);
  ControllerLife::Options life;
  life.grace = options_.grace;
  if (options_.election.mode == ElectionOptions::Mode::kOff) life.election_wait = Duration::zero();
  life_ = std::make_unique<ControllerLife>(loop_, log_, life, *bridge_, *lease_);
  HandoverAgent::Options handover{.ring = options_.ring, .shard = options_.shard};
  handover.quiet_window = options_.quiet_window;
  handover.unsafe = options_.unsafe_handover;
  handover.on_children_parted = [this](const std::string& owner_uid) { creates_->children_parted(owner_uid); };
  if (options_.metrics) {
    handover.metrics = {.url = *options_.metrics, .token_file = options_.serviceaccount_source + "/token"};
  }
  handover_ = std::make_unique<HandoverAgent>(client, log_, metrics_, std::move(handover));
  ring_ = std::make_unique<RingView>(client, log_, options_.ring, options_.all_views, [this] { on_ring_changed(); });
  watches_.emplace(loop_);
  deletes_ = std::make_unique<DeleteGuard>(client, *ring_, *watches_, ShardIdentity{options_.ring, options_.shard});
  creates_ =
      std::make_unique<CreateGuard>(client, *ring_, *watches_, *lease_, ShardIdentity{options_.ring, options_.shard});
  proxy_ = std::make_unique<Proxy>(loop_, log_, metrics_, ShardIdentity{options_.ring, options_.shard},
                                   ProxyParts{.api = *proxy_api_,
                                              .upgrades = *proxy_upgrades_,
                                              .ring = *ring_,
                                              .lease = *lease_,
                                              .bridge = *bridge_,
                                              .gate = *handover_,
                                              .deletes = *deletes_,
                                              .creates = *creates_,
                                              .watches = *watches_,
                                              .on_ring_read = [this] { life_->on_ring_read(); }});
  lease_->set_on_change([this] {
    lease_held_.set({}, lease_->held() ? 1 : 0);
    proxy_->on_lease_changed();
  });
  bridge_->set_blocked(ring_->problem());
}

void Sidecar::on_ring_changed() {
  if (ring_->ring()) {
    bridge_->set_blocked(std::nullopt);
  } else {
    bridge_->set_blocked(ring_->problem());
  }
  handover_->set_ring(ring_->ring());
  proxy_->on_ring_changed();
}

void Sidecar::on_connections_changed() {
  size_t open = 0;
  for (const auto& server : servers_) open += server->open_connections();
  connections_.set({}, double(open));
  if (open > life_->connections()) controller_hangs_ = false;
  if (open > 0 && life_->connections() == 0) creates_->controller_came();
  // One that hangs is not gone: its reconciles go on when it wakes.
  if (open == 0 && life_->connections() > 0 && !controller_hangs_) handover_->on_controller_gone();
  life_->on_connections_changed(open);
}

void Sidecar::on_controller_hangs() {
  controller_hangs_ = true;
  for (const auto& server : servers_) server->on_client_hangs();
}

Result<void> Sidecar::listen(const kube::Config& config) {
  auto identity = load_or_make_identity(options_.state_dir, {config.host, options_.service_host}, loop_.wall_now());
  if (!identity) return failure(identity.error().with_context("certificate of the sidecar"));
  if (identity->inherited) watches_->take_over();
  auto tls = net::TlsServerContext::create(identity->serving, {"h2", "http/1.1"});
  if (!tls) return failure(tls.error());

  http::ServerObserver observer{.on_connections_changed = [this](size_t) { on_connections_changed(); },
                                .on_unanswered = [this] { on_controller_hangs(); }};
  auto controller = std::make_shared<http::ClientLife>(loop_.now());
  auto listen_on = [&](const HostPort& where) {
    http::ServerOptions options{
        .address = where.host, .port = where.port, .tls = *tls, .ping = kPing, .client_life = controller};
    options.limits.max_header_bytes = kMaxHeadBytes;
    return http::Server::listen(loop_, log_, options, proxy_->acceptor(), observer);
  };
  auto server = listen_on(options_.listen);
  if (!server) return failure(server.error());
  servers_.push_back(std::move(*server));
  for (const auto& where : options_.also_listen) {
    auto another = listen_on(where);
    if (another) {
      servers_.push_back(std::move(*another));
    } else {
      log_.info("not listening there, which only matters to clients that go by the API server's in-cluster name",
                {{"error", another.error().message}});
    }
  }
  auto status = http::Server::listen(
      loop_, log_, http::ServerOptions{.address = options_.status_listen.host, .port = options_.status_listen.port},
      http::Service(status_router()));
  if (!status) return failure(status.error().with_context("--status-listen"));
  status_server_ = std::move(*status);

  if (!options_.serviceaccount_dir.empty()) {
    auto dir = ServiceAccountDir::create(loop_, log_,
                                         {.source = options_.serviceaccount_source,
                                          .target = options_.serviceaccount_dir,
                                          .sidecar_ca_pem = identity->ca_pem});
    if (!dir) return failure(dir.error().with_context("ServiceAccount files for the controller"));
    serviceaccount_dir_ = std::move(*dir);
  }
  return {};
}

http::Router Sidecar::status_router() {
  http::Router router;
  auto ok = [](const http::Request&) -> event::Task<http::Response> { co_return http::text_response(200, "ok\n"); };
  router.add("/startz", ok);
  router.add("/livez", ok);
  router.add("/healthz", ok);
  router.add("/readyz", [this](const http::Request&) -> event::Task<http::Response> {
    if (!ring_->ring()) co_return http::text_response(503, ring_->problem() + "\n");
    if (!lease_->held()) co_return http::text_response(503, "the shard Lease is not held\n");
    co_return http::text_response(200, "ok\n");
  });
  router.add("/metrics", [this](const http::Request&) -> event::Task<http::Response> {
    lease_held_.set({}, lease_->held() ? 1 : 0);
    co_return http::text_response(200, metrics_.to_text(), "text/plain; version=0.0.4; charset=utf-8");
  });
  return router;
}

event::Task<void> Sidecar::wind_down() {
  co_await life_->wind_up(options_.shutdown_patience);
  for (auto& server : servers_) server->drain();
}

}  // namespace ringside::sidecar
