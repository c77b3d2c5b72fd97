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

void change_container(const PodView::Container& container, std::string_view token_volume, JsonPatch& patch,
                      std::vector<std::string>& warnings) {
  change_env(container, patch, warnings);
  change_mounts(container, token_volume, patch);
}

}  // namespace ringside::injector
