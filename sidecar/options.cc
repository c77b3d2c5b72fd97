#include "sidecar/options.h"

#include <CLI/CLI.hpp>

#include "base/go_duration.h"
#include "base/strings.h"
#include "sharding/names.h"
#include "sidecar/ring_view.h"

namespace ringside::sidecar {
namespace {

// Applies a parser of ours to the text of an option; its message becomes CLI11's.
template <typename T, typename Parse>
CLI::callback_t into(T& target, Parse parse) {
  return [&target, parse](const CLI::results_t& texts) {
    auto value = parse(texts.front());
    if (!value) throw CLI::ValidationError(value.error().message);
    target = *value;
    return true;
  };
}

template <typename T, typename Parse>
CLI::callback_t into_all(std::vector<T>& target, Parse parse) {
  return [&target, parse](const CLI::results_t& texts) {
    target.clear();
    for (const auto& text : texts) {
      auto value = parse(text);
      if (!value) throw CLI::ValidationError(value.error().message);
      target.push_back(*value);
    }
    return true;
  };
}

Result<std::string> parse_ring(const std::string& text) {
  if (auto valid = sharding::validate_ring_name(text); !valid) return failure(valid.error());
  return text;
}

Result<std::string> parse_shard(const std::string& text) {
  if (auto valid = sharding::validate_shard_name(text); !valid) return failure(valid.error());
  return text;
}

// "<resource>[.<group>]=all"
Result<kube::GroupResource> parse_view(const std::string& text) {
  size_t equals = text.rfind('=');
  if (equals == std::string::npos || text.substr(equals) != "=all") {
    return failure(ErrorKind::kInvalid, "'" + text + "' is no <resource>[.<group>]=all");
  }
  return parse_resource_name(std::string_view(text).substr(0, equals));
}

Result<http::Url> parse_metrics_url(const std::string& text) {
  auto url = http::parse_url(text);
  if (url && !url->is_loopback()) {
    return failure(ErrorKind::kInvalid, "'" + text + "' is not in this pod: use 127.0.0.1, [::1] or localhost");
  }
  return url;
}

auto duration_between(Duration min, Duration max) {
  return [min, max](const std::string& text) { return parse_go_duration(text, min, max); };
}

}  // namespace

Result<HostPort> parse_host_port(std::string_view text) {
  size_t colon = text.rfind(':');
  auto port = colon == std::string_view::npos ? std::nullopt : parse_int(text.substr(colon + 1));
  if (!port || *port < 0 || *port > 65535) {
    return failure(ErrorKind::kInvalid, "'" + std::string(text) + "' is no <address>:<port>");
  }
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return HostPort{host.empty() ? "::" : std::string(host), uint16_t(*port)};
}

ParsedOptions parse_options(int argc, char** argv) {
  using namespace std::chrono_literals;
  Options o;
  CLI::App app(
      "Shards an unmodified Kubernetes controller: stands between it and the API server, shows it the objects of\n"
      "its shard, keeps the shard's Lease and hands objects over. Runs beside the controller in its pod.",
      "ringside-sidecar");
  app.set_version_flag("--version", "ringside-sidecar " RINGSIDE_VERSION);
  app.add_option("--ring", into(o.ring, parse_ring), "Name of the ControllerRing")->required();
  app.add_option("--shard", into(o.shard, parse_shard), "Name of the shard and of its Lease: the pod's name")
      ->required();
  app.add_option("--namespace", o.ns, "Namespace of the shard's Lease: the pod's")->required();
  app.add_option("--listen", into(o.listen, parse_host_port), "Where the controller finds its API server")
      ->default_str("127.0.0.1:16443");
  app.add_option("--also-listen", into_all(o.also_listen, parse_host_port),
                 "Further addresses, where they can be had (in-cluster names lead to 127.0.0.1:443)")
      ->allow_extra_args(false)
      ->take_all();
  app.add_option("--status-listen", into(o.status_listen, parse_host_port),
                 "Where /startz, /livez, /readyz and /metrics are served")
      ->default_str(":16480");
  app.add_option("--kubeconfig", o.kubeconfig, "Instead of the pod's ServiceAccount: how to reach the API server");
  app.add_option("--serviceaccount-source", o.serviceaccount_source, "The kubelet's ServiceAccount directory")
      ->default_val("/var/run/secrets/kubernetes.io/serviceaccount");
  app.add_option("--serviceaccount-dir", o.serviceaccount_dir, "The directory to fill for the controller");
  app.add_option("--state-dir", o.state_dir, "Where the certificate authority is kept over restarts")->required();
  app.add_option("--leader-election", into(o.election, parse_election_options),
                 "The controller's leader election: auto, off, or <namespace>/<name> of its Lease")
      ->default_str("auto");
  app.add_option("--view", into_all(o.all_views, parse_view),
                 "<resource>[.<group>]=all: the controller sees every object of it (repeatable)")
      ->allow_extra_args(false)
      ->take_all();
  app.add_option("--grace-period", into(o.grace, duration_between(0s, 5min)),
                 "How long the controller may be without a connection before the shard is given up")
      ->default_str("3s");
  app.add_option("--quiet-window", into(o.quiet_window, duration_between(0s, 5s)),
                 "How long the controller must leave an object alone before it is handed over")
      ->default_str("150ms");
  app.add_option(
      "--metrics", into(o.metrics, parse_metrics_url),
      "URL of the controller's metrics, which show when it is quiet: http or https, on the loopback interface");
  app.add_flag("--unsafe-handover", o.unsafe_handover,
               "For the test of a test, which has to see what goes wrong: acknowledges every drain at once, without a\n"
               "fence and without the children. Never use it");
  app.add_option("--log-level", into(o.log_level, parse_log_level), "debug, info, warn, error or off")
      ->default_str("info");
  o.listen = {"127.0.0.1", 16443};
  o.status_listen = {"::", 16480};
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return {std::nullopt, app.exit(error)};
  }
  return {o, 0};
}

ParsedRedirectOptions parse_redirect_options(int argc, char** argv) {
  RedirectOptions o;
  CLI::App app(
      "Sends the connections of this network namespace that go to the API server's Service\n"
      "(KUBERNETES_SERVICE_HOST, KUBERNETES_SERVICE_PORT) to the sidecar instead. Needs NET_ADMIN.",
      "ringside-sidecar redirect");
  app.add_option("--to-port", o.to_port, "The sidecar's port on the loopback addresses")->capture_default_str();
  app.add_option("--except-uid", o.except_uid, "Whose connections are left alone: the sidecar's")
      ->capture_default_str();
  app.add_option("--nft", o.nft, "The program that sets the rules")->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return {std::nullopt, app.exit(error)};
  }
  return {o, 0};
}

}  // namespace ringside::sidecar
