#include "central/webhook_config.h"

#include <gtest/gtest.h>

namespace ringside::central {
namespace {

sharding::ControllerRing example_ring() {
  sharding::ControllerRing ring;
  ring.meta.name = "example";
  ring.meta.uid = "u1";
  ring.spec.resources = {{.resource = {"", "secrets"}, .controlled = {{"", "configmaps"}}},
                         {.resource = {"apps", "deployments"}, .controlled = {{"", "configmaps"}}}};
  return ring;
}

json::Value webhook_of(const json::Value& configuration) {
  return configuration.array_at({"webhooks"}).at(0);
}

TEST(WebhookConfigTest, IsThatOfTheProtocol) {
  json::Value expected = json::parse(R"({
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "MutatingWebhookConfiguration",
    "metadata": {
      "name": "controllerring-example",
      "labels": {"alpha.sharding.timebertt.dev/controllerring": "example", "app.kubernetes.io/name": "controller-sharding"},
      "ownerReferences": [{"apiVersion": "sharding.timebertt.dev/v1alpha1", "kind": "ControllerRing", "name": "example",
                           "uid": "u1", "controller": true, "blockOwnerDeletion": true}]},
    "webhooks": [{
      "name": "sharder.sharding.timebertt.dev",
      "clientConfig": {
        "service": {"namespace": "sharding-system", "name": "sharder", "path": "/webhooks/sharder/controllerring/example"},
        "caBundle": "Q0E="},
      "namespaceSelector": {"matchExpressions": [
        {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["kube-system", "sharding-system"]}]},
      "objectSelector": {"matchExpressions": [
        {"key": "shard.alpha.sharding.timebertt.dev/example", "operator": "DoesNotExist"}]},
      "rules": [
        {"operations": ["CREATE", "UPDATE"], "apiGroups": [""], "apiVersions": ["*"], "resources": ["secrets"], "scope": "*"},
        {"operations": ["CREATE", "UPDATE"], "apiGroups": [""], "apiVersions": ["*"], "resources": ["configmaps"], "scope": "*"},
        {"operations": ["CREATE", "UPDATE"], "apiGroups": ["apps"], "apiVersions": ["*"], "resources": ["deployments"], "scope": "*"}],
      "failurePolicy": "Ignore",
      "timeoutSeconds": 5,
      "sideEffects": "None",
      "admissionReviewVersions": ["v1"]}]})")
                             .value();
  EXPECT_EQ(json::to_pretty_string(make_webhook_configuration(example_ring(), {}, "Q0E=")),
            json::to_pretty_string(expected));
}

TEST(WebhookConfigTest, TheCaBundleIsLeftToOthersIfThereIsNone) {
  WebhookSettings settings;
  EXPECT_EQ(webhook_of(make_webhook_configuration(example_ring(), settings, "")).at({"clientConfig", "caBundle"}),
            nullptr);
  settings.client_config.ca_bundle = "b3RoZXI=";
  EXPECT_EQ(
      webhook_of(make_webhook_configuration(example_ring(), settings, "")).string_at({"clientConfig", "caBundle"}),
      "b3RoZXI=");
  EXPECT_EQ(
      webhook_of(make_webhook_configuration(example_ring(), settings, "Q0E=")).string_at({"clientConfig", "caBundle"}),
      "Q0E=");
}

TEST(WebhookConfigTest, AUrlReplacesTheService) {
  for (auto url : {"https://host.docker.internal:9443", "https://host.docker.internal:9443/"}) {
    WebhookSettings settings;
    settings.client_config.url = url;
    json::Value webhook = webhook_of(make_webhook_configuration(example_ring(), settings, ""));
    EXPECT_EQ(webhook.string_at({"clientConfig", "url"}),
              "https://host.docker.internal:9443/webhooks/sharder/controllerring/example");
    EXPECT_EQ(webhook.at({"clientConfig", "service"}), nullptr);
  }
}

TEST(WebhookConfigTest, TheServiceMayHaveAPathAndAPort) {
  WebhookSettings settings;
  settings.client_config.service = {.ns = "ns", .name = "svc", .path = "/prefix/", .port = 8443};
  json::Value webhook = webhook_of(make_webhook_configuration(example_ring(), settings, ""));
  EXPECT_EQ(json::to_string(*webhook.at({"clientConfig", "service"})),
            R"({"namespace":"ns","name":"svc","path":"/prefix/webhooks/sharder/controllerring/example","port":8443})");
}

TEST(WebhookConfigTest, AnnotationsAndNamespaceSelectors) {
  WebhookSettings settings;
  settings.annotations = {{"cert-manager.io/inject-ca-from", "sharding-system/webhook-server"}};
  settings.namespace_selector.match_expressions.clear();
  settings.namespace_selector.match_labels = {{"from", "config"}};
  json::Value configuration = make_webhook_configuration(example_ring(), settings, "");
  EXPECT_EQ(configuration.string_at({"metadata", "annotations", "cert-manager.io/inject-ca-from"}),
            "sharding-system/webhook-server");
  EXPECT_EQ(json::to_string(*webhook_of(configuration).find("namespaceSelector")),
            R"({"matchLabels":{"from":"config"}})");

  sharding::ControllerRing ring = example_ring();
  ring.spec.namespace_selector = kube::LabelSelector();
  configuration = make_webhook_configuration(ring, settings, "");
  EXPECT_EQ(json::to_string(*webhook_of(configuration).find("namespaceSelector")), "{}");
}

TEST(WebhookConfigTest, ARingWithoutResourcesHasNoRules) {
  sharding::ControllerRing ring = example_ring();
  ring.spec.resources.clear();
  EXPECT_EQ(json::to_string(*webhook_of(make_webhook_configuration(ring, {}, "")).find("rules")), "[]");
}

}  // namespace
}  // namespace ringside::central
