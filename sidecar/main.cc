// ringside-sidecar: parse, build, run and drain.
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "event/job.h"
#include "event/libevent_loop.h"
#include "kube/config.h"
#include "sidecar/options.h"
#include "sidecar/sidecar.h"

namespace {

using namespace ringside;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

Result<kube::Config> find_api_server(const sidecar::Options& options) {
  if (!options.kubeconfig.empty()) return kube::kubeconfig_config(options.kubeconfig);
  return kube::in_cluster_config(environment("KUBERNETES_SERVICE_HOST"), environment("KUBERNETES_SERVICE_PORT"),
                                 options.serviceaccount_source);
}

int fail(const Logger& log, const Error& error) {
  log.error("ringside-sidecar cannot start", {{"error", error.message}});
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  auto [options, exit_code] = sidecar::parse_options(argc, argv);
  if (!options) return exit_code;
  Logger log = Logger::to_stderr(options->log_level);

  event::LibeventLoop loop;
  auto config = find_api_server(*options);
  if (!config) return fail(log, config.error());
  auto sidecar = sidecar::Sidecar::create(loop, log, *options, *config);
  if (!sidecar) return fail(log, sidecar.error());

  event::Job ending;
  auto end = [&] {
    if (!ending.running()) ending = event::Job(loop, (*sidecar)->wind_down(), [&] { loop.stop(); });
  };
  auto on_term = loop.on_signal(SIGTERM, end);
  auto on_interrupt = loop.on_signal(SIGINT, end);
  log.info("ringside-sidecar " RINGSIDE_VERSION " runs", {{"ring", options->ring}, {"shard", options->shard}});
  loop.run();
  log.info("ringside-sidecar ends");
  return 0;
}
