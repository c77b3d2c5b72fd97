// Any text as central's configuration file: one that can be worked with, or an error that says where.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/base64.h"
#include "central/config.h"
#include "tests/fuzz/require.h"

using namespace ringside;
using fuzz::require;

namespace {

void check_elections(const central::LeaderElection& election) {
  require(election.lease_duration >= std::chrono::seconds(1) && election.retry_period > Duration::zero());
  require(election.lease_duration > election.renew_deadline && election.renew_deadline > election.retry_period);
  require(!election.resource_name.empty() && !election.resource_namespace.empty());
}

void check_webhook(const central::SharderConfig& config) {
  const central::WebhookServer& server = config.webhook_server;
  require(server.bind_address.port != 0 && !server.cert_name.empty() && !server.key_name.empty());
  require(server.lifetimes.serving >= std::chrono::seconds(30) && server.lifetimes.ca >= server.lifetimes.serving);
  require(server.lifetimes.poll_period() > Duration::zero());
  const central::ClientConfig& client = config.webhook.client_config;
  require(client.ca_bundle.empty() || parse_base64(client.ca_bundle).has_value());
  require(client.url.empty() || client.url.starts_with("https://"));
  require(client.service.path.empty() || client.service.path.starts_with('/'));
  auto selector = kube::parse_label_selector(to_json(config.webhook.namespace_selector));
  require(selector && *selector == config.webhook.namespace_selector);
}

void check_connection(const central::ClientConnection& connection) {
  require(std::isfinite(connection.qps) && connection.burst >= 0);
  auto limit = central::rate_limit_of(connection);
  require(!limit || (limit->qps > 0 && limit->burst > 0));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto config = central::parse_sharder_config(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!config) {
    require(config.error().kind == ErrorKind::kInvalid && !config.error().message.empty());
    return 0;
  }
  check_elections(config->leader_election);
  check_webhook(*config);
  check_connection(config->client_connection);
  require(config->sharder.sync_period > Duration::zero() && config->sharder.concurrent_moves > 0);
  require((!config->health || config->health->port != 0) && (!config->metrics || config->metrics->port != 0));
  return 0;
}
