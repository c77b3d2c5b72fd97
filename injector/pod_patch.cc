#include "injector/pod_patch.h"

#include <algorithm>
#include <array>
#include <utility>

#include "injector/container_changes.h"
#include "injector/json_patch.h"
#include "injector/pod_view.h"
#include "injector/serviceaccount.h"
#include "injector/sidecar_container.h"
#include "injector/sidecar_options.h"
#include "sharding/names.h"

namespace ringside::injector {
namespace {

using json::Value;
using sharding::kRingLabel;

constexpr int kUser = 65532;
constexpr std::string_view kLoopback = "127.0.0.1";
constexpr size_t kMaxLabelValue = 63;

std::unexpected<Error> refused(const PodView& pod, std::string_view reason) {
  return failure(ErrorKind::kInvalid, pod.name() + ": " + std::string(reason));
}

Result<void> check_pod(const PodView& pod, const SidecarOptions& options) {
  const Value& value = pod.pod();
  if (value.string_at({"metadata", "name"}).size() > kMaxLabelValue) {
    return refused(pod, "its name becomes the name of its shard, a label value: use at most 63 characters");
  }
  if (value.bool_at({"spec", "hostNetwork"})) {
    return refused(pod, "it uses the host network, where 127.0.0.1 is shared with the node: set hostNetwork to false");
  }
  if (value.string_at({"spec", "os", "name"}) == "windows" ||
      value.string_at({"spec", "nodeSelector", "kubernetes.io/os"}) == "windows") {
    return refused(pod, "it runs on Windows, which the sidecar does not: run it on Linux, or remove the annotation");
  }
  std::string_view label = value.string_at({"metadata", "labels", kRingLabel}, options.ring);
  if (label != options.ring) {
    return refused(pod, "its label " + std::string(kRingLabel) + " says '" + std::string(label) +
                            "', its annotation asks for '" + options.ring + "': make them equal");
  }
  return {};
}

Result<void> check_ports(const PodView& pod) {
  for (const PodView::Container& container : pod.containers()) {
    for (const Value& port : container.value->array_at({"ports"})) {
      int64_t number = port.int_at({"containerPort"});
      if (number != kProxyPort && number != kStatusPort) continue;
      return refused(pod, "container " + std::string(container.name) + " uses port " + std::to_string(number) +
                              ", which is the sidecar's: choose another");
    }
  }
  return {};
}

// The sidecar of an earlier review must be as this one would make it.
Result<void> check_sidecar(const PodView& pod, const SidecarOptions& options) {
  if (pod.sidecar() == nullptr) {
    for (std::string_view volume : {kServiceAccountVolume, kStateVolume}) {
      if (!pod.has_volume(volume)) continue;
      return refused(pod, "a volume of its own is called " + std::string(volume) + ": rename it");
    }
    return {};
  }
  if (!fits_sidecar_args(pod.sidecar()->array_at({"args"}), options, pod.pod())) {
    return refused(pod,
                   "its container ringside-sidecar does not fit its annotations: remove the container, it is injected");
  }
  return {};
}

bool runs_as_sidecar(const Value& owner) {
  return owner.int_at({"securityContext", "runAsUser"}, -1) == kRedirectUser;
}

// What an earlier review has added must be ours, and nobody may pass for the sidecar.
Result<void> check_redirect(const PodView& pod, bool wanted) {
  std::string user = std::to_string(kRedirectUser);
  if (wanted && runs_as_sidecar(*pod.pod().find("spec"))) {
    return refused(pod, "it runs as user " + user + ", which is the sidecar's in mode redirect: choose another");
  }
  for (const PodView::Container& container : pod.containers()) {
    bool ours =
        wanted && container.path.starts_with("/spec/initContainers/") && is_redirect_container(*container.value);
    if (container.name == kRedirectName && !ours) {
      return refused(pod, "a container of its own is called " + std::string(kRedirectName) + ": rename it");
    }
    if (wanted && runs_as_sidecar(*container.value)) {
      return refused(pod, "container " + std::string(container.name) + " runs as user " + user +
                              ", which is the sidecar's in mode redirect: choose another");
    }
  }
  return {};
}

// To the entry for 127.0.0.1 if there is one: the API server warns about two entries for one address.
void add_loopback_names(const Value& pod, json::Array names, JsonPatch& patch) {
  const json::Array& aliases = pod.array_at({"spec", "hostAliases"});
  auto loopback = std::ranges::find_if(aliases, [](const Value& alias) {
    const Value* hostnames = alias.find("hostnames");
    return alias.string_at({"ip"}) == kLoopback && hostnames != nullptr && hostnames->is_array();
  });
  if (loopback != aliases.end()) {
    std::string path = "/spec/hostAliases/" + std::to_string(loopback - aliases.begin()) + "/hostnames";
    patch.prepend(path, loopback->find("hostnames"), std::move(names));
    return;
  }
  patch.prepend("/spec/hostAliases", pod.at({"spec", "hostAliases"}),
                {Value::object({{"ip", kLoopback}, {"hostnames", std::move(names)}})});
}

Result<void> add_host_aliases(const PodView& pod, JsonPatch& patch) {
  std::vector<std::string_view> missing(kApiServerNames.begin(), kApiServerNames.end());
  for (const Value& alias : pod.pod().array_at({"spec", "hostAliases"})) {
    for (const Value& hostname : alias.array_at({"hostnames"})) {
      const std::string* name = hostname.as_string();
      if (name == nullptr || std::ranges::find(kApiServerNames, *name) == kApiServerNames.end()) continue;
      if (alias.string_at({"ip"}) != kLoopback) {
        return refused(pod, "its hostAliases send " + *name + " to " + std::string(alias.string_at({"ip"})) +
                                ", past the sidecar: remove that name");
      }
      std::erase(missing, *name);
    }
  }
  if (!missing.empty()) add_loopback_names(pod.pod(), json::Array(missing.begin(), missing.end()), patch);
  return {};
}

void add_label(const PodView& pod, const std::string& ring, JsonPatch& patch) {
  const Value* labels = pod.pod().at({"metadata", "labels"});
  if (labels == nullptr || labels->is_null()) patch.add("/metadata/labels", json::Object());
  if (pod.pod().string_at({"metadata", "labels", kRingLabel}) == ring) return;
  patch.add("/metadata/labels/" + escape_pointer_token(kRingLabel), ring);
}

void add_volumes(const PodView& pod, JsonPatch& patch) {
  json::Array missing;
  for (std::string_view volume : {kServiceAccountVolume, kStateVolume}) {
    if (!pod.has_volume(volume)) missing.push_back(memory_volume(volume));
  }
  if (!missing.empty()) patch.prepend("/spec/volumes", pod.pod().at({"spec", "volumes"}), std::move(missing));
}

// The sidecar starts before every init container, so that all of them can reach the API server through it.
void add_sidecar(const PodView& pod, Value container, JsonPatch& patch) {
  if (pod.sidecar() == nullptr) {
    patch.prepend("/spec/initContainers", pod.pod().at({"spec", "initContainers"}), {std::move(container)});
  } else if (pod.sidecar_index() != 0) {
    patch.move("/spec/initContainers/" + std::to_string(pod.sidecar_index()), "/spec/initContainers/0");
  }
}

}  // namespace

Result<PodPatch> make_pod_patch(const Value& pod, const InjectionOptions& options) {
  Result<std::optional<SidecarOptions>> asked = parse_sidecar_options(pod);
  if (!asked) return failure(asked.error());
  if (!*asked) return PodPatch{};
  const SidecarOptions& sidecar_options = **asked;
  std::vector<std::string> args = sidecar_args(sidecar_options, pod);

  Result<PodView> view = PodView::parse(pod);
  if (!view) return failure(view.error());
  Result<void> checked = check_pod(*view, sidecar_options);
  if (checked) checked = check_ports(*view);
  if (checked) checked = check_sidecar(*view, sidecar_options);
  if (checked) checked = check_redirect(*view, sidecar_options.redirect);
  if (!checked) return failure(checked.error());
  Result<std::string> token_volume = find_token_volume(*view);
  if (!token_volume) return failure(token_volume.error());
  Result<json::Array> service_env = find_service_env(*view);
  if (!service_env) return failure(service_env.error());

  PodPatch result;
  JsonPatch patch;
  add_label(*view, sidecar_options.ring, patch);
  add_volumes(*view, patch);
  if (Result<void> aliases = add_host_aliases(*view, patch); !aliases) return failure(aliases.error());
  int user = sidecar_options.redirect ? kRedirectUser : kUser;
  Value sidecar = sidecar_container(options.image, options.image_pull_policy, args, *token_volume, user);
  for (Value& variable : *service_env) sidecar["env"].as_array()->push_back(std::move(variable));
  add_sidecar(*view, std::move(sidecar), patch);
  bool redirected = false;
  for (const PodView::Container& container : view->containers()) {
    // Not ours to change: its environment says where the API server really is.
    if (container.name == kRedirectName) {
      redirected = true;
    } else {
      change_container(container, *token_volume, patch, result.warnings);
    }
  }
  // Last, since it moves those behind it. After the sidecar, so that nothing is redirected to where nobody listens.
  if (sidecar_options.redirect && !redirected) {
    patch.add("/spec/initContainers/1", redirect_container(options.image, options.image_pull_policy));
  }
  if (!patch.empty()) result.text = patch.to_text();
  return result;
}

}  // namespace ringside::injector
