// The pod's own ServiceAccount volume.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "injector/pod_view.h"

namespace ringside::injector {

// A mount path without a trailing or doubled '/'.
std::string clean_mount_path(std::string_view path);

// The name of the volume that the containers (and the sidecar, once it is there) mount at kServiceAccountPath: the one
// that the API server's ServiceAccount admission put there, or a projected one of the user's. kInvalid if no container
// mounts one, if they mount different ones, or if something is mounted there by subPath or below it.
Result<std::string> find_token_volume(const PodView& pod);

}  // namespace ringside::injector
