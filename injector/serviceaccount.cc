#include "injector/serviceaccount.h"

#include "injector/sidecar_container.h"

namespace ringside::injector {
namespace {

// What one container mounts at the ServiceAccount directory: a volume's name, or "" if nothing.
Result<std::string> token_volume_of(const PodView& pod, const PodView::Container& container) {
  std::string below = std::string(kServiceAccountPath) + "/";
  std::string context = pod.name() + ": container " + std::string(container.name);
  std::string volume;
  for (const json::Value& mount : container.value->array_at({"volumeMounts"})) {
    std::string path = clean_mount_path(mount.string_at({"mountPath"}));
    if (path.starts_with(below)) {
      return failure(ErrorKind::kInvalid,
                     context + " mounts " + path +
                         ", below the ServiceAccount directory that the sidecar provides: mount it elsewhere");
    }
    if (path != kServiceAccountPath) continue;
    if (!mount.string_at({"subPath"}).empty() || !mount.string_at({"subPathExpr"}).empty()) {
      return failure(ErrorKind::kInvalid, context +
                                              " mounts its ServiceAccount directory by subPath, where a rotated token "
                                              "never arrives: mount the whole volume");
    }
    if (!volume.empty()) return failure(ErrorKind::kInvalid, context + " mounts its ServiceAccount directory twice");
    volume = mount.string_at({"name"});
    if (volume.empty()) return failure(ErrorKind::kInvalid, context + " has a mount without a volume");
  }
  return volume;
}

}  // namespace

std::string clean_mount_path(std::string_view path) {
  std::string result;
  for (char c : path) {
    if (c != '/' || !result.ends_with('/')) result += c;
  }
  if (result.size() > 1 && result.ends_with('/')) result.pop_back();
  return result;
}

Result<std::string> find_token_volume(const PodView& pod) {
  std::string found;
  bool any = false;
  if (pod.sidecar() != nullptr) {
    Result<std::string> volume = token_volume_of(pod, {"", kSidecarName, pod.sidecar()});
    if (!volume) return volume;
    if (volume->empty() || *volume == kServiceAccountVolume) {
      return failure(ErrorKind::kInvalid, pod.name() +
                                              ": its container ringside-sidecar lacks the ServiceAccount token: "
                                              "remove the container, it is injected");
    }
    found = *volume;
  }
  for (const PodView::Container& container : pod.containers()) {
    Result<std::string> volume = token_volume_of(pod, container);
    if (!volume) return volume;
    if (volume->empty()) continue;
    any = true;
    if (*volume == kServiceAccountVolume) continue;
    if (!found.empty() && found != *volume) {
      return failure(ErrorKind::kInvalid, pod.name() + ": container " + std::string(container.name) +
                                              " mounts another ServiceAccount volume (" + *volume +
                                              ") than the others (" + found +
                                              "), but the sidecar can serve one: use one volume");
    }
    found = *volume;
  }
  if (!any || found.empty()) {
    return failure(
        ErrorKind::kInvalid,
        pod.name() + ": no container mounts a ServiceAccount token at " + std::string(kServiceAccountPath) +
            ", so there are no credentials for the API server: set automountServiceAccountToken to true on the "
            "pod and its ServiceAccount, or mount a projected ServiceAccount volume there");
  }
  return found;
}

}  // namespace ringside::injector
