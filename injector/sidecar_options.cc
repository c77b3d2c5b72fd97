#include "injector/sidecar_options.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/go_duration.h"
#include "base/log.h"
#include "base/strings.h"
#include "http/url.h"
#include "sharding/names.h"

namespace ringside::injector {
namespace {

constexpr std::string_view kPrefix = sharding::kSidecarAnnotationPrefix;
constexpr std::string_view kViewPrefix = "view.";
constexpr std::string_view kKnownOptions =
    "controllerring, leader-election, mode, log-level, grace-period, quiet-window, metrics, view.<resource>[.<group>]";
constexpr Duration kMaxGracePeriod = std::chrono::minutes(5);
// Well below the deadline of a handover, which bounds the wait anyway.
constexpr Duration kMaxQuietWindow = std::chrono::seconds(5);
constexpr std::string_view kMetricsFlag = "--metrics=";
constexpr size_t kMaxLabel = 63;
constexpr size_t kMaxSubdomain = 253;

// A label as of RFC 1123: lower-case letters, digits and '-', neither first nor last.
bool is_dns_label(std::string_view text) {
  auto is_alphanumeric = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  if (text.empty() || text.size() > kMaxLabel) return false;
  if (!is_alphanumeric(text.front()) || !is_alphanumeric(text.back())) return false;
  return std::ranges::all_of(text, [&](char c) { return is_alphanumeric(c) || c == '-'; });
}

bool is_dns_subdomain(std::string_view text) {
  return text.size() <= kMaxSubdomain && std::ranges::all_of(split(text, '.'), is_dns_label);
}

std::unexpected<Error> invalid_value(std::string_view option, std::string_view value, std::string_view allowed) {
  return failure(ErrorKind::kInvalid, "annotation " + std::string(kPrefix) + std::string(option) + ": '" +
                                          std::string(value) + "' is not allowed: set it to " + std::string(allowed));
}

Result<void> set_ring(SidecarOptions& options, std::string_view value) {
  if (!sharding::validate_ring_name(value)) {
    return invalid_value(
        "controllerring", value,
        "the name of a ControllerRing (lower-case letters, digits, '-' and '.', at most 63 characters)");
  }
  options.ring = value;
  return {};
}

Result<void> set_leader_election(SidecarOptions& options, std::string_view value) {
  size_t slash = value.find('/');
  bool names_lease = slash != std::string_view::npos && is_dns_label(value.substr(0, slash)) &&
                     is_dns_subdomain(value.substr(slash + 1));
  if (value != "auto" && value != "off" && !names_lease) {
    return invalid_value("leader-election", value, "auto, off or <namespace>/<name> of the Lease");
  }
  options.leader_election = value;
  return {};
}

Result<void> set_mode(SidecarOptions& options, std::string_view value) {
  if (value != "env" && value != "redirect") return invalid_value("mode", value, "env or redirect");
  options.redirect = value == "redirect";
  return {};
}

Result<void> set_log_level(SidecarOptions& options, std::string_view value) {
  if (!parse_log_level(value)) return invalid_value("log-level", value, "debug, info, warn, error or off");
  options.log_level = value;
  return {};
}

Result<void> set_grace_period(SidecarOptions& options, std::string_view value) {
  auto duration = parse_go_duration(value, Duration::zero(), kMaxGracePeriod);
  if (!duration) {
    return invalid_value("grace-period", value, "a duration such as 3s, at most 5m");
  }
  options.grace_period = value;
  return {};
}

Result<void> set_quiet_window(SidecarOptions& options, std::string_view value) {
  auto duration = parse_go_duration(value, Duration::zero(), kMaxQuietWindow);
  if (!duration) {
    return invalid_value("quiet-window", value, "a duration such as 150ms, at most 5s");
  }
  options.quiet_window = value;
  return {};
}

Result<void> set_metrics(SidecarOptions& options, std::string_view value) {
  auto url = http::parse_url(value);
  if (value != "auto" && value != "off" && !(url && url->is_loopback())) {
    return invalid_value(
        "metrics", value,
        "auto, off, or http://127.0.0.1:<port>/<path> (or https; the pod's own loopback interface only)");
  }
  options.metrics = value;
  return {};
}

Result<void> add_view(SidecarOptions& options, std::string_view option, std::string_view value) {
  std::string_view resource = option.substr(kViewPrefix.size());
  if (!is_dns_subdomain(resource)) {
    return failure(ErrorKind::kInvalid,
                   "annotation " + std::string(kPrefix) + std::string(option) +
                       ": its name must end in <resource>[.<group>], such as view.deployments.apps");
  }
  if (value != "mine" && value != "all") return invalid_value(option, value, "mine or all");
  if (value == "all") options.all_views.emplace_back(resource);
  return {};
}

using Setter = Result<void> (*)(SidecarOptions&, std::string_view value);
constexpr auto kSetters = std::to_array<std::pair<std::string_view, Setter>>({
    {"controllerring", set_ring},
    {"leader-election", set_leader_election},
    {"mode", set_mode},
    {"log-level", set_log_level},
    {"grace-period", set_grace_period},
    {"quiet-window", set_quiet_window},
    {"metrics", set_metrics},
});

Result<void> set_option(SidecarOptions& options, std::string_view option, std::string_view value) {
  if (option.starts_with(kViewPrefix)) return add_view(options, option, value);
  for (const auto& [name, set] : kSetters) {
    if (name == option) return set(options, value);
  }
  return failure(ErrorKind::kInvalid, "annotation " + std::string(kPrefix) + std::string(option) +
                                          " is unknown: remove it, or use one of " + std::string(kKnownOptions));
}

// The number as text; empty without such a port.
std::string metrics_port(const json::Value& pod) {
  for (const json::Value& container : pod.array_at({"spec", "containers"})) {
    for (const json::Value& port : container.array_at({"ports"})) {
      if (port.string_at({"name"}) == "metrics") return std::to_string(port.int_at({"containerPort"}));
    }
  }
  return {};
}

// By the convention of Prometheus' example configuration for Kubernetes; without it, by the port's name. Empty if
// nothing tells where metrics are, or nothing usable.
std::string detect_metrics(const json::Value& pod) {
  auto annotation = [&](std::string_view name, std::string_view fallback) {
    return std::string(pod.string_at({"metadata", "annotations", "prometheus.io/" + std::string(name)}, fallback));
  };
  bool annotated = annotation("scrape", "") == "true";
  std::string port = annotated ? annotation("port", metrics_port(pod)) : metrics_port(pod);
  std::string path = annotated ? annotation("path", "/metrics") : "/metrics";
  std::string scheme = annotated ? annotation("scheme", "http") : "http";
  if (!path.starts_with('/')) path.insert(0, "/");
  if (!parse_int(port)) return {};
  std::string url = scheme + "://127.0.0.1:" + port + path;
  return http::parse_url(url) ? url : std::string();
}

std::string metrics_url(const SidecarOptions& options, const json::Value& pod) {
  if (options.metrics == "off") return {};
  return options.metrics == "auto" ? detect_metrics(pod) : options.metrics;
}

}  // namespace

Result<std::optional<SidecarOptions>> parse_sidecar_options(const json::Value& pod) {
  const json::Value* annotations = pod.at({"metadata", "annotations"});
  if (annotations == nullptr || annotations->find(sharding::kSidecarRingAnnotation) == nullptr) return std::nullopt;
  SidecarOptions options;
  for (const auto& [name, value] : *annotations->as_object()) {
    if (!name.starts_with(kPrefix)) continue;
    const std::string* text = value.as_string();
    if (text == nullptr) return failure(ErrorKind::kInvalid, "annotation " + name + ": its value is no string");
    Result<void> set = set_option(options, std::string_view(name).substr(kPrefix.size()), *text);
    if (!set) return failure(set.error());
  }
  std::ranges::sort(options.all_views);
  return options;
}

std::vector<std::string> sidecar_args(const SidecarOptions& options, const json::Value& pod) {
  std::vector<std::string> args = {
      "--ring=" + options.ring,
      "--shard=$(POD_NAME)",
      "--namespace=$(POD_NAMESPACE)",
      "--listen=127.0.0.1:16443",
      // Where the in-cluster names of the API server lead (hostAliases), if the pod may bind it.
      "--also-listen=127.0.0.1:443",
      "--status-listen=:16480",
      "--serviceaccount-dir=/run/ringside/serviceaccount",
      "--state-dir=/run/ringside/state",
      "--leader-election=" + options.leader_election,
      "--grace-period=" + options.grace_period,
      "--quiet-window=" + options.quiet_window,
  };
  if (options.redirect) args.emplace_back("--also-listen=[::1]:16443");
  std::string metrics = metrics_url(options, pod);
  if (!metrics.empty()) args.push_back(std::string(kMetricsFlag) + metrics);
  for (const std::string& view : options.all_views) args.push_back("--view=" + view + "=all");
  args.push_back("--log-level=" + options.log_level);
  return args;
}

bool fits_sidecar_args(const json::Array& args, const SidecarOptions& options, const json::Value& pod) {
  auto texts = sidecar_args(options, pod);
  json::Array expected(texts.begin(), texts.end());
  if (options.metrics != "auto") return args == expected;
  auto without_metrics = [](json::Array array) {
    std::erase_if(array, [](const json::Value& value) {
      const std::string* text = value.as_string();
      return text != nullptr && text->starts_with(kMetricsFlag);
    });
    return array;
  };
  return without_metrics(args) == without_metrics(std::move(expected));
}

}  // namespace ringside::injector
