#include "injector/options.h"

#include <CLI/CLI.hpp>

#include "base/go_duration.h"
#include "base/strings.h"

namespace ringside::injector {
namespace {

// What CLI11 shows when the value is wrong; empty if it is right.
std::string check_address(const std::string& text) {
  auto address = parse_address(text);
  return address ? std::string() : address.error().message;
}

std::string check_log_level(const std::string& text) {
  auto level = parse_log_level(text);
  return level ? std::string() : level.error().message;
}

Result<std::chrono::seconds> parse_lifetime(const std::string& text) {
  auto lifetime = parse_go_duration(text, std::chrono::seconds(30), std::chrono::hours(24 * 36'500));
  if (!lifetime) return failure(lifetime.error());
  return std::chrono::duration_cast<std::chrono::seconds>(*lifetime);
}

std::string check_lifetime(const std::string& text) {
  auto lifetime = parse_lifetime(text);
  return lifetime ? std::string() : lifetime.error().message;
}

}  // namespace

Result<Address> parse_address(std::string_view text) {
  size_t colon = text.rfind(':');
  std::string_view host = text.substr(0, colon == std::string_view::npos ? 0 : colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  auto port = parse_int(colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1));
  if (!port || *port > 65535) {
    return failure(ErrorKind::kInvalid,
                   "'" + std::string(text) + "' is no address, use one such as :9443 or 127.0.0.1:9443");
  }
  return Address{std::string(host), uint16_t(*port)};
}

std::expected<Options, int> parse_options(int argc, const char* const* argv) {
  Options options;
  std::string webhook = ":9443";
  std::string health = ":8081";
  std::string metrics = ":8080";
  std::string log_level = "info";
  CLI::App app("Ringside's injector: puts the sidecar into pods that ask for it by annotation.", "ringside-injector");
  app.set_version_flag("--version", RINGSIDE_VERSION);
  app.add_option("--sidecar-image", options.sidecar_image, "image of the sidecar")->required();
  app.add_option("--image-pull-policy", options.image_pull_policy, "imagePullPolicy of the sidecar")
      ->check(CLI::IsMember({"Always", "IfNotPresent", "Never"}))
      ->capture_default_str();
  app.add_option("--webhook-address", webhook, "where the webhook listens")
      ->check(check_address)
      ->capture_default_str();
  app.add_option("--health", health, "where /healthz and /readyz are served")
      ->check(check_address)
      ->capture_default_str();
  app.add_option("--metrics", metrics, "where /metrics is served")->check(check_address)->capture_default_str();
  app.add_option("--namespace", options.ns, "namespace of the Service and of the certificate's Secret");
  app.add_option("--service-name", options.service_name, "the Service by which the API server finds the webhook")
      ->capture_default_str();
  app.add_option("--webhook-configuration", options.webhook_configuration,
                 "the MutatingWebhookConfiguration that gets the caBundle")
      ->capture_default_str();
  app.add_option("--certificate-name", options.certificate_names,
                 "a further DNS name or IP address for the certificate; may be repeated");
  app.add_option("--cert-dir", options.cert_dir,
                 "folder with tls.crt, tls.key and ca.crt, instead of a certificate of our own");
  app.add_option_function<std::string>(
         "--certificate-lifetime",
         [&](const std::string& text) { options.lifetimes.serving = parse_lifetime(text).value(); },
         "of the certificate that we make; renewed when a third is left")
      ->check(check_lifetime)
      ->default_str("2160h");
  app.add_option_function<std::string>(
         "--certificate-authority-lifetime",
         [&](const std::string& text) { options.lifetimes.ca = parse_lifetime(text).value(); },
         "of the authority that signs it; not shorter")
      ->check(check_lifetime)
      ->default_str("87600h");
  app.add_option("--kubeconfig", options.kubeconfig, "kubeconfig file; without it, the pod's ServiceAccount");
  app.add_option("--log-level", log_level, "debug, info, warn, error or off")
      ->check(check_log_level)
      ->capture_default_str();
  try {
    app.parse(argc, argv);
    if (options.lifetimes.ca < options.lifetimes.serving) {
      throw CLI::ValidationError("--certificate-authority-lifetime", "must not be shorter than --certificate-lifetime");
    }
  } catch (const CLI::ParseError& error) {
    return std::unexpected(app.exit(error));
  }
  options.webhook = *parse_address(webhook);
  options.health = *parse_address(health);
  options.metrics = *parse_address(metrics);
  options.log_level = *parse_log_level(log_level);
  return options;
}

}  // namespace ringside::injector
