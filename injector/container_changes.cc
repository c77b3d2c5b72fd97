#include "injector/container_changes.h"

#include <algorithm>
#include <ranges>

#include "injector/serviceaccount.h"
#include "injector/sidecar_container.h"

namespace ringside::injector {
namespace {

using json::Value;

json::Array service_env() {
  std::string port = std::to_string(kProxyPort);
  return {Value::object({{"name", "KUBERNETES_SERVICE_HOST"}, {"value", "127.0.0.1"}}),
          Value::object({{"name", "KUBERNETES_SERVICE_PORT"}, {"value", port}}),
          Value::object({{"name", "KUBERNETES_SERVICE_PORT_HTTPS"}, {"value", port}})};
}

bool is_ours(const Value& variable) {
  return std::ranges::any_of(service_env(), [&](const Value& wanted) {
    return wanted.string_at({"name"}) == variable.string_at({"name"}) &&
           wanted.string_at({"value"}) == variable.string_at({"value"}) && variable.find("valueFrom") == nullptr;
  });
}

bool has_our_name(const Value& variable) {
  return find_named(service_env(), variable.string_at({"name"})) != nullptr;
}

void change_env(const PodView::Container& container, JsonPatch& patch, std::vector<std::string>& warnings) {
  const json::Array& env = container.value->array_at({"env"});
  size_t wanted = service_env().size();
  auto named = size_t(std::ranges::count_if(env, has_our_name));
  if (named == wanted && env.size() >= wanted && std::ranges::equal(env | std::views::take(wanted), service_env()))
    return;

  std::string path = container.path + "/env";
  for (size_t i = env.size(); i-- > 0;) {
    if (!has_our_name(env[i])) continue;
    patch.remove(path + "/" + std::to_string(i));
    if (is_ours(env[i])) continue;
    warnings.push_back("container " + std::string(container.name) + ": " + std::string(env[i].string_at({"name"})) +
                       " is replaced: the container reaches the API server through ringside-sidecar");
  }
  patch.prepend(path, container.value->find("env"), service_env());
}

// One container's settings, in the order of `names`; empty if it has none, or an earlier review's.
Result<json::Array> service_env_of(const PodView& pod, const PodView::Container& container) {
  json::Array result;
  bool all_ours = true;
  for (std::string_view name : {"KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"}) {
    const Value* variable = find_named(container.value->array_at({"env"}), name);
    if (variable == nullptr) continue;
    std::string_view text = variable->string_at({"value"});
    if (text.empty() && variable->find("valueFrom") == nullptr) continue;
    if (std::ranges::find(kApiServerNames, text) != kApiServerNames.end()) return json::Array();
    if (text.find("$(") != std::string_view::npos) {
      return failure(ErrorKind::kInvalid, pod.name() + ": container " + std::string(container.name) + " sets " +
                                              std::string(name) +
                                              " by another variable, which the sidecar does not have: write its value");
    }
    all_ours = all_ours && is_ours(*variable);
    result.push_back(*variable);
  }
  return all_ours ? json::Array() : result;
}

void change_mounts(const PodView::Container& container, std::string_view token_volume, JsonPatch& patch) {
  const json::Array& mounts = container.value->array_at({"volumeMounts"});
  for (size_t i = 0; i < mounts.size(); ++i) {
    if (mounts[i].string_at({"name"}) != token_volume) continue;
    if (clean_mount_path(mounts[i].string_at({"mountPath"})) != kServiceAccountPath) continue;
    std::string path = container.path + "/volumeMounts/" + std::to_string(i);
    patch.remove(path);
    patch.add(path, serviceaccount_mount(kServiceAccountVolume));
  }
}

}  // namespace

Result<json::Array> find_service_env(const PodView& pod) {
  json::Array found;
  std::string_view where;
  for (const PodView::Container& container : pod.containers()) {
    Result<json::Array> env = service_env_of(pod, container);
    if (!env) return env;
    if (env->empty()) continue;
    if (!found.empty() && *env != found) {
      return failure(ErrorKind::kInvalid, pod.name() + ": containers " + std::string(where) + " and " +
                                              std::string(container.name) +
                                              " differ in KUBERNETES_SERVICE_HOST or KUBERNETES_SERVICE_PORT, but the "
                                              "sidecar can go to one API server: make them equal");
    }
    found = std::move(*env);
    where = container.name;
  }
  return found;
}

void change_container(const PodView::Container& container, std::string_view token_volume, JsonPatch& patch,
                      std::vector<std::string>& warnings) {
  change_env(container, patch, warnings);
  change_mounts(container, token_volume, patch);
}

}  // namespace ringside::injector
