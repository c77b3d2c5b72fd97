// ringside-sidecar: parse, build, run and drain.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "base/strings.h"
#include "event/job.h"
#include "event/libevent_loop.h"
#include "kube/config.h"
#include "sidecar/options.h"
#include "sidecar/redirect.h"
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

sidecar::ServiceAddress find_service() {
  return sidecar::find_service_address(environment("KUBERNETES_SERVICE_HOST"), environment("KUBERNETES_SERVICE_PORT"),
                                       environment("KUBERNETES_PORT"));
}

// The init container of mode `redirect`.
int redirect(int argc, char** argv) {
  auto [options, exit_code] = sidecar::parse_redirect_options(argc, argv);
  if (!options) return exit_code;
  Logger log = Logger::to_stderr(LogLevel::kInfo);
  auto service = find_service();
  options->service_host = service.host;
  auto port = parse_int(service.port);
  if (!port || *port < 1 || *port > 65535) {
    return fail(log, {ErrorKind::kInvalid, "KUBERNETES_SERVICE_PORT is no port"});
  }
  options->service_port = uint16_t(*port);
  auto rules = sidecar::make_redirect_rules(*options);
  if (!rules) return fail(log, rules.error());
  log.info("redirecting",
           {{"from", options->service_host + ":" + std::to_string(*port)}, {"toPort", int64_t(options->to_port)}});
  return fail(log, sidecar::apply_redirect_rules(*options, *rules));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "redirect") return redirect(argc - 1, argv + 1);
  auto [options, exit_code] = sidecar::parse_options(argc, argv);
  if (!options) return exit_code;
  Logger log = Logger::to_stderr(options->log_level);

  options->service_host = find_service().host;

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
