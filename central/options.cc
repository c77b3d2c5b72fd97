#include "central/options.h"

#include <CLI/CLI.hpp>

namespace ringside::central {

std::expected<Options, int> parse_options(int argc, const char* const* argv) {
  Options options;
  std::string log_level = "info";
  CLI::App app("Ringside's central component: assigns the objects of ControllerRings to shards and rebalances them.",
               "ringside-central");
  app.set_version_flag("--version", RINGSIDE_VERSION);
  app.add_option("--config", options.config, "SharderConfig file (YAML); without it, all defaults");
  app.add_option("--kubeconfig", options.kubeconfig, "kubeconfig file; without it, the pod's ServiceAccount");
  app.add_option("--log-level", log_level, "debug, info, warn, error or off")->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return std::unexpected(app.exit(error));
  }
  auto level = parse_log_level(log_level);
  if (!level) return std::unexpected(app.exit(CLI::ValidationError("--log-level", level.error().message)));
  options.log_level = *level;
  return options;
}

}  // namespace ringside::central
