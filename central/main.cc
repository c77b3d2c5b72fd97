// ringside-central: parse the options, build the graph, run and drain.

#include <unistd.h>
#include <csignal>
#include <cstdlib>

#include <array>
#include <string>

#include "base/file.h"
#include "central/central.h"
#include "central/config.h"
#include "central/options.h"
#include "event/job.h"
#include "event/libevent_loop.h"
#include "kube/api_server.h"
#include "kube/config.h"

namespace ringside::central {
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

// The host's name, as client-go's, and the pod's UID where the Deployment gives it: the kubelet runs the container once
// at a time, so a leader that was killed leads again as soon as it is back, rather than after its own Lease's expiry.
// Else something random.
std::string make_identity(event::Loop& loop) {
  std::array<char, 256> host{};
  gethostname(host.data(), host.size() - 1);
  std::string uid = environment("POD_UID");
  return std::string(host.data()) + "_" + (uid.empty() ? std::to_string(loop.random()) : uid);
}

Result<SharderConfig> read_config(const Options& options) {
  if (options.config.empty()) return SharderConfig();
  auto text = read_file(options.config);
  if (!text) return failure(text.error());
  auto config = parse_sharder_config(*text);
  if (!config) return failure(config.error().with_context(options.config));
  return config;
}

Result<kube::Config> connection(const Options& options, const SharderConfig& config) {
  const std::string& path = options.kubeconfig.empty() ? config.client_connection.kubeconfig : options.kubeconfig;
  if (!path.empty()) return kube::kubeconfig_config(path);
  return kube::in_cluster_config(environment("KUBERNETES_SERVICE_HOST"), environment("KUBERNETES_SERVICE_PORT"));
}

int fail(const Logger& log, const Error& error) {
  log.error("cannot go on", {{"error", error.message}});
  return 1;
}

int run(const Options& options) {
  Logger log = Logger::to_stderr(options.log_level);
  auto config = read_config(options);
  if (!config) return fail(log, config.error());
  auto api = connection(options, *config);
  if (!api) return fail(log, api.error());

  event::LibeventLoop loop;
  const kube::Client::Options agent = {.user_agent = "ringside-central/" RINGSIDE_VERSION};
  kube::Client::Options limited = agent;
  limited.rate_limit = rate_limit_of(config->client_connection);
  auto server = kube::ApiServer::create(loop, log, *api, limited);
  if (!server) return fail(log, server.error());
  auto elections = kube::ApiServer::create(loop, log, *api, agent);
  if (!elections) return fail(log, elections.error());
  int exit_code = 0;
  Central central({.api = (*server)->client(), .election = (*elections)->client()}, log, std::move(*config),
                  make_identity(loop), [&](Error error) {
                    exit_code = fail(log, error);
                    loop.stop();
                  });
  if (auto listening = central.listen(); !listening) return fail(log, listening.error());

  event::Job draining;
  auto on_signal = [&] {
    if (draining.running()) return;
    log.info("shutting down");
    draining = event::Job(loop, central.drain(), [&] { loop.stop(); });
  };
  auto terminate = loop.on_signal(SIGTERM, on_signal);
  auto interrupt = loop.on_signal(SIGINT, on_signal);
  log.info("started", {{"version", RINGSIDE_VERSION}});
  loop.run();
  return exit_code;
}

}  // namespace
}  // namespace ringside::central

int main(int argc, char** argv) {
  auto options = ringside::central::parse_options(argc, argv);
  return options ? ringside::central::run(*options) : options.error();
}
