// ringside-injector: parse the options, build the graph, run and drain.

#include <csignal>
#include <cstdlib>

#include <string>

#include "event/job.h"
#include "event/libevent_loop.h"
#include "injector/injector.h"
#include "injector/options.h"
#include "kube/api_server.h"
#include "kube/config.h"

namespace ringside::injector {
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

Result<kube::Config> connection(const Options& options) {
  if (!options.kubeconfig.empty()) return kube::kubeconfig_config(options.kubeconfig);
  return kube::in_cluster_config(environment("KUBERNETES_SERVICE_HOST"), environment("KUBERNETES_SERVICE_PORT"));
}

int fail(const Logger& log, const Error& error) {
  log.error("cannot go on", {{"error", error.message}});
  return 1;
}

int run(Options options) {
  Logger log = Logger::to_stderr(options.log_level);
  auto api = connection(options);
  if (!api) return fail(log, api.error());
  if (options.ns.empty()) options.ns = environment("POD_NAMESPACE");
  if (options.ns.empty()) options.ns = api->ns;

  event::LibeventLoop loop;
  auto server = kube::ApiServer::create(loop, log, *api, {.user_agent = "ringside-injector/" RINGSIDE_VERSION});
  if (!server) return fail(log, server.error());
  int exit_code = 0;
  Injector injector((*server)->client(), log, std::move(options), [&](Error error) {
    exit_code = fail(log, error);
    loop.stop();
  });
  if (auto listening = injector.listen(); !listening) return fail(log, listening.error());

  event::Job draining;
  auto on_signal = [&] {
    if (draining.running()) return;
    log.info("shutting down");
    draining = event::Job(loop, injector.drain(), [&] { loop.stop(); });
  };
  auto terminate = loop.on_signal(SIGTERM, on_signal);
  auto interrupt = loop.on_signal(SIGINT, on_signal);
  log.info("started", {{"version", RINGSIDE_VERSION}});
  loop.run();
  return exit_code;
}

}  // namespace
}  // namespace ringside::injector

int main(int argc, char** argv) {
  auto options = ringside::injector::parse_options(argc, argv);
  return options ? ringside::injector::run(*options) : options.error();
}
