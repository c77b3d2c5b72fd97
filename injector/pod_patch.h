// The injection of the sidecar into a pod, mode `env` (docs/design.md, section 2).
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "base/json.h"

namespace ringside::injector {

struct InjectionOptions {
  std::string image;  // of the sidecar; not the pod's to choose
  std::string image_pull_policy = "IfNotPresent";
};

struct PodPatch {
  std::string text;                   // a JSON patch (RFC 6902); empty if the pod is as it should be
  std::vector<std::string> warnings;  // for the admission response, to be shown to whoever creates the pod
};

// The patch that puts the sidecar into a v1 Pod that asks for it by annotation, before the pod is created:
// the sidecar as first init container, its volumes, the changes in every other container and init container,
// hostAliases for the API server's names, and the ring's label on the pod. Nothing else in the pod changes.
//
// The patch is empty for a pod that does not ask. For a pod that was patched before, it brings back what others changed
// since (the reinvocation of admission webhooks): containers that were added are changed, and the sidecar is moved to
// the front; applying a patch and asking again gives an empty one.
//
// kInvalid says what is wrong with the pod and what to do, for a person who reads it from kubectl or an Event: options
// that are unknown or malformed, the host network, Windows, taken names and ports, no ServiceAccount token. Whether the
// ring exists is not looked at.
Result<PodPatch> make_pod_patch(const json::Value& pod, const InjectionOptions& options);

}  // namespace ringside::injector
