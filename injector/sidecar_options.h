// What a pod's annotations ask of its sidecar.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/json.h"

namespace ringside::injector {

// Texts are validated and handed to the sidecar as they were written.
struct SidecarOptions {
  std::string ring;                      // controllerring
  bool redirect = false;                 // mode: env, redirect
  std::string leader_election = "auto";  // leader-election: auto, off, <namespace>/<name>
  std::string log_level = "info";        // log-level: debug, info, warn, error, off
  std::string grace_period = "3s";       // grace-period: a Go duration, at most 5m
  std::string quiet_window = "150ms";    // quiet-window: a Go duration, at most 5s
  std::string metrics = "auto";          // metrics: auto, off, a URL on the loopback interface
  std::vector<std::string> all_views;  // view.<resource>[.<group>]: all; those set to `mine`, the default, are left out
};

// Every annotation under sidecar.alpha.sharding.timebertt.dev/ of the pod; others are ignored. nullopt if none of them
// is
// .../controllerring: the pod asks for no sidecar. kInvalid names the annotation and the values that it may have.
Result<std::optional<SidecarOptions>> parse_sidecar_options(const json::Value& pod);

// The sidecar's command line, in a fixed order: equal options and pods make equal arguments. The pod is looked at for
// `metrics: auto` only: its annotations prometheus.io/scrape, port, path and scheme, else a container port that is
// called `metrics`.
std::vector<std::string> sidecar_args(const SidecarOptions& options, const json::Value& pod);

// Whether the arguments are what sidecar_args() makes of the options for this pod, or would have made of it before
// others added annotations or containers that show metrics.
bool fits_sidecar_args(const json::Array& args, const SidecarOptions& options, const json::Value& pod);

}  // namespace ringside::injector
