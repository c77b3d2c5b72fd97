#include "central/webhook_config.h"

#include "central/ring_object.h"
#include "sharding/names.h"

namespace ringside::central {
namespace {

// An UPDATE may be the one that asks for a new shard, by removing the label.
json::Value make_rule(const kube::GroupResource& resource) {
  return json::Value::object({{"operations", json::Value::array({"CREATE", "UPDATE"})},
                              {"apiGroups", json::Value::array({resource.group})},
                              {"apiVersions", json::Value::array({"*"})},
                              {"resources", json::Value::array({resource.resource})},
                              {"scope", "*"}});
}

std::string without_trailing_slash(std::string text) {
  while (text.ends_with('/')) text.pop_back();
  return text;
}

json::Value make_client_config(const ClientConfig& config, std::string_view path, std::string_view ca_bundle) {
  json::Value result;
  if (!config.url.empty()) {
    result["url"] = without_trailing_slash(config.url).append(path);
  } else {
    json::Value& service = result["service"];
    service["namespace"] = config.service.ns;
    service["name"] = config.service.name;
    service["path"] = without_trailing_slash(config.service.path).append(path);
    if (config.service.port) service["port"] = *config.service.port;
  }
  std::string_view bundle = ca_bundle.empty() ? std::string_view(config.ca_bundle) : ca_bundle;
  if (!bundle.empty()) result["caBundle"] = bundle;
  return result;
}

kube::LabelSelector unassigned(std::string_view ring) {
  kube::LabelSelector selector;
  selector.match_expressions.push_back(
      {.key = sharding::shard_label(ring), .op = kube::LabelSelector::Operator::kDoesNotExist, .values = {}});
  return selector;
}

json::Value make_webhook(const sharding::ControllerRing& ring, const WebhookSettings& settings,
                         std::string_view ca_bundle) {
  json::Value rules = json::Array();
  for (const kube::GroupResource& resource : ring.resources()) rules.push_back(make_rule(resource));
  return json::Value::object(
      {{"name", sharding::kWebhookName},
       {"clientConfig", make_client_config(settings.client_config, sharding::webhook_path(ring.name()), ca_bundle)},
       {"namespaceSelector", to_json(ring.spec.namespace_selector.value_or(settings.namespace_selector))},
       {"objectSelector", to_json(unassigned(ring.name()))},
       {"rules", std::move(rules)},
       // Writes never wait for us to come back: a sync assigns what the webhook missed.
       {"failurePolicy", "Ignore"},
       {"timeoutSeconds", 5},
       {"sideEffects", "None"},
       {"admissionReviewVersions", json::Value::array({"v1"})}});
}

}  // namespace

json::Value make_webhook_configuration(const sharding::ControllerRing& ring, const WebhookSettings& settings,
                                       std::string_view ca_bundle) {
  json::Value metadata = make_ring_object_metadata(ring, sharding::webhook_configuration_name(ring.name()));
  if (!settings.annotations.empty()) metadata["annotations"] = kube::to_json(settings.annotations);
  return json::Value::object({{"apiVersion", "admissionregistration.k8s.io/v1"},
                              {"kind", "MutatingWebhookConfiguration"},
                              {"metadata", std::move(metadata)},
                              {"webhooks", json::Value::array({make_webhook(ring, settings, ca_bundle)})}});
}

}  // namespace ringside::central
