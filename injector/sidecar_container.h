// The container that the injector adds, and the two volumes that it shares or keeps.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace ringside::injector {

inline constexpr std::string_view kSidecarName = "ringside-sidecar";
// Filled by the sidecar: the ServiceAccount directory as the other containers see it.
inline constexpr std::string_view kServiceAccountVolume = "ringside-serviceaccount";
// Mounted by the sidecar alone: its CA's key, which outlives a restart of the sidecar.
inline constexpr std::string_view kStateVolume = "ringside-state";
// Where Kubernetes clients look for their credentials (client-go's rest.InClusterConfig).
inline constexpr std::string_view kServiceAccountPath = "/var/run/secrets/kubernetes.io/serviceaccount";
// What in-cluster clients may call the API server by; inside the pod they lead to the sidecar (hostAliases).
inline constexpr auto kApiServerNames = std::to_array<std::string_view>(
    {"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"});
inline constexpr int kProxyPort = 16443;  // on 127.0.0.1
// Mode `redirect`: the init container that sets the rules, and the sidecar's user, by whom the rules know it. Nobody
// else in the pod may be that user.
inline constexpr std::string_view kRedirectName = "ringside-redirect";
inline constexpr int kRedirectUser = 16443;
inline constexpr int kStatusPort = 16480;  // on all addresses: probes and metrics

// A native sidecar (KEP-753) that meets the `restricted` Pod Security Standard by itself. token_volume is the pod's
// volume with the real ServiceAccount token. user: as whom it runs.
//
// It has no readiness probe on purpose: a native sidecar's readiness counts for its pod's, and a pod that waits for its
// shard Lease (a standby during a roll-out) must become ready, or the roll-out would never get to the old leader.
json::Value sidecar_container(const std::string& image, const std::string& image_pull_policy,
                              const std::vector<std::string>& args, std::string_view token_volume, int user);

// Needs NET_ADMIN, and root to have it: Kubernetes gives capabilities to no other user. It ends before any container
// but the sidecar starts.
json::Value redirect_container(const std::string& image, const std::string& image_pull_policy);
// Whether the container is what redirect_container() makes, as far as it matters.
bool is_redirect_container(const json::Value& container);

// An emptyDir in memory.
json::Value memory_volume(std::string_view name);

// Read-only, at kServiceAccountPath.
json::Value serviceaccount_mount(std::string_view volume);

}  // namespace ringside::injector
