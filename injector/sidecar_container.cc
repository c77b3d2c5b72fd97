#include "injector/sidecar_container.h"

#include <utility>

namespace ringside::injector {
namespace {

using json::Value;

Value field_env(std::string_view name, std::string_view field_path) {
  return Value::object(
      {{"name", name},
       {"valueFrom", Value::object({{"fieldRef", Value::object({{"apiVersion", "v1"}, {"fieldPath", field_path}})}})}});
}

Value http_probe(std::string_view path, int period_seconds, int timeout_seconds, int failure_threshold) {
  return Value::object({{"httpGet", Value::object({{"path", path}, {"port", kStatusPort}})},
                        {"periodSeconds", period_seconds},
                        {"timeoutSeconds", timeout_seconds},
                        {"failureThreshold", failure_threshold}});
}

Value mount(std::string_view volume, std::string_view path) {
  return Value::object({{"name", volume}, {"mountPath", path}});
}

Value restricted_security_context(int user) {
  return Value::object({{"runAsNonRoot", true},
                        {"runAsUser", user},
                        {"runAsGroup", 65532},
                        {"allowPrivilegeEscalation", false},
                        {"readOnlyRootFilesystem", true},
                        {"capabilities", Value::object({{"drop", Value::array({"ALL"})}})},
                        {"seccompProfile", Value::object({{"type", "RuntimeDefault"}})}});
}

}  // namespace

Value sidecar_container(const std::string& image, const std::string& image_pull_policy,
                        const std::vector<std::string>& args, std::string_view token_volume, int user) {
  Value container = Value::object({
      {"name", kSidecarName},
      {"image", image},
      {"imagePullPolicy", image_pull_policy},
      {"restartPolicy", "Always"},
      {"args", json::Array(args.begin(), args.end())},
      {"env", Value::array({field_env("POD_NAME", "metadata.name"), field_env("POD_NAMESPACE", "metadata.namespace")})},
      {"ports", Value::array({Value::object(
                    {{"name", "ringside-status"}, {"containerPort", kStatusPort}, {"protocol", "TCP"}})})},
  });
  container["startupProbe"] = http_probe("/startz", 1, 1, 120);
  // A restart of the sidecar interrupts the controller: only for a process that has been stuck for a minute.
  container["livenessProbe"] = http_probe("/livez", 10, 5, 6);
  container["resources"] = Value::object({{"requests", Value::object({{"cpu", "20m"}, {"memory", "24Mi"}})},
                                          {"limits", Value::object({{"memory", "128Mi"}})}});
  container["securityContext"] = restricted_security_context(user);
  container["volumeMounts"] =
      Value::array({serviceaccount_mount(token_volume), mount(kServiceAccountVolume, "/run/ringside/serviceaccount"),
                    mount(kStateVolume, "/run/ringside/state")});
  return container;
}

namespace {

json::Array redirect_args() {
  return {"redirect", "--to-port=" + std::to_string(kProxyPort), "--except-uid=" + std::to_string(kRedirectUser)};
}

}  // namespace

Value redirect_container(const std::string& image, const std::string& image_pull_policy) {
  Value security = Value::object(
      {{"runAsNonRoot", false},
       {"runAsUser", 0},
       {"runAsGroup", 0},
       {"allowPrivilegeEscalation", false},
       {"readOnlyRootFilesystem", true},
       {"capabilities", Value::object({{"drop", Value::array({"ALL"})}, {"add", Value::array({"NET_ADMIN"})}})},
       {"seccompProfile", Value::object({{"type", "RuntimeDefault"}})}});
  return Value::object({{"name", kRedirectName},
                        {"image", image},
                        {"imagePullPolicy", image_pull_policy},
                        {"args", redirect_args()},
                        {"resources", Value::object({{"requests", Value::object({{"cpu", "20m"}, {"memory", "24Mi"}})},
                                                     {"limits", Value::object({{"memory", "128Mi"}})}})},
                        {"securityContext", std::move(security)}});
}

bool is_redirect_container(const Value& container) {
  return container.string_at({"name"}) == kRedirectName && container.array_at({"args"}) == redirect_args();
}

Value memory_volume(std::string_view name) {
  return Value::object({{"name", name}, {"emptyDir", Value::object({{"medium", "Memory"}})}});
}

Value serviceaccount_mount(std::string_view volume) {
  Value result = mount(volume, kServiceAccountPath);
  result["readOnly"] = true;
  return result;
}

}  // namespace ringside::injector
