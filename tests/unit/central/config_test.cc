#include "central/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ringside::central {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::nanoseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;
using testing::StartsWith;

SharderConfig config_of(std::string_view yaml) {
  auto config = parse_sharder_config(yaml);
  EXPECT_TRUE(config) << (config ? "" : config.error().message);
  return config.value_or(SharderConfig());
}

std::string error_of(std::string_view yaml) {
  auto config = parse_sharder_config(yaml);
  EXPECT_FALSE(config) << yaml;
  return config ? "" : config.error().message;
}

TEST(SharderConfigTest, Defaults) {
  for (auto yaml : {"", "# nothing\n", "apiVersion: config.sharding.timebertt.dev/v1alpha1\nkind: SharderConfig\n",
                    "leaderElection:\nwebhook: {server: null, config: {}}\n"}) {
    SharderConfig config = config_of(yaml);
    EXPECT_EQ(config.client_connection.kubeconfig, "");
    EXPECT_EQ(config.client_connection.qps, 100);
    EXPECT_EQ(config.client_connection.burst, 150);
    EXPECT_TRUE(config.leader_election.leader_elect);
    EXPECT_EQ(config.leader_election.resource_name, "sharder");
    EXPECT_EQ(config.leader_election.resource_namespace, "sharding-system");
    EXPECT_EQ(config.leader_election.lease_duration, seconds(15));
    EXPECT_EQ(config.leader_election.renew_deadline, seconds(10));
    EXPECT_EQ(config.leader_election.retry_period, seconds(2));
    EXPECT_EQ(config.health, (BindAddress{"", 8081}));
    EXPECT_EQ(config.metrics, (BindAddress{"", 8080}));
    EXPECT_EQ(config.sharder.sync_period, minutes(5));
    EXPECT_EQ(config.sharder.concurrent_moves, 100);
    EXPECT_EQ(config.webhook_server.bind_address, (BindAddress{"", 9443}));
    EXPECT_EQ(config.webhook_server.cert_dir, std::nullopt);
    EXPECT_EQ(config.webhook_server.cert_name, "tls.crt");
    EXPECT_EQ(config.webhook_server.key_name, "tls.key");
    EXPECT_EQ(config.webhook.client_config.url, "");
    EXPECT_EQ(config.webhook.client_config.service.ns, "sharding-system");
    EXPECT_EQ(config.webhook.client_config.service.name, "sharder");
    EXPECT_EQ(config.webhook.namespace_selector, sharding::default_namespace_selector());
    EXPECT_EQ(config.graceful_shutdown_timeout, seconds(15));
  }
}

TEST(SharderConfigTest, AllFields) {
  SharderConfig config = config_of(R"(apiVersion: config.sharding.timebertt.dev/v1alpha1
kind: SharderConfig
clientConnection:
  kubeconfig: /etc/kubeconfig
  qps: 12.5
  burst: 20
leaderElection:
  leaderElect: false
  resourceLock: leases
  resourceName: other
  resourceNamespace: "123"
  leaseDuration: 1m
  renewDeadline: 30s
  retryPeriod: 1500ms
debugging:
  enableProfiling: true
health:
  bindAddress: "127.0.0.1:1"
metrics:
  bindAddress: "0"
controller:
  sharder:
    syncPeriod: 1m30s
    concurrentMoves: 7
webhook:
  server:
    bindAddress: "[::1]:9444"
    certDir: /certs
    certName: a.crt
    keyName: a.key
  config:
    annotations:
      cert-manager.io/inject-ca-from: sharding-system/webhook-server
    clientConfig:
      url: https://host:9443
      caBundle: Q0E=
    namespaceSelector:
      matchLabels:
        team: a
      matchExpressions:
      - key: env
        operator: In
        values: [prod, "1"]
gracefulShutdownTimeout: -1s
)");
  EXPECT_EQ(config.client_connection.kubeconfig, "/etc/kubeconfig");
  EXPECT_EQ(config.client_connection.qps, 12.5);
  EXPECT_EQ(config.client_connection.burst, 20);
  EXPECT_FALSE(config.leader_election.leader_elect);
  EXPECT_EQ(config.leader_election.resource_name, "other");
  EXPECT_EQ(config.leader_election.resource_namespace, "123");
  EXPECT_EQ(config.leader_election.lease_duration, minutes(1));
  EXPECT_EQ(config.leader_election.renew_deadline, seconds(30));
  EXPECT_EQ(config.leader_election.retry_period, milliseconds(1500));
  EXPECT_EQ(config.health, (BindAddress{"127.0.0.1", 1}));
  EXPECT_EQ(config.metrics, std::nullopt);
  EXPECT_EQ(config.sharder.sync_period, seconds(90));
  EXPECT_EQ(config.sharder.concurrent_moves, 7);
  EXPECT_EQ(config.webhook_server.bind_address, (BindAddress{"::1", 9444}));
  EXPECT_EQ(config.webhook_server.cert_dir, "/certs");
  EXPECT_EQ(config.webhook_server.cert_name, "a.crt");
  EXPECT_EQ(config.webhook_server.key_name, "a.key");
  EXPECT_THAT(config.webhook.annotations,
              ElementsAre(Pair("cert-manager.io/inject-ca-from", "sharding-system/webhook-server")));
  EXPECT_EQ(config.webhook.client_config.url, "https://host:9443");
  EXPECT_EQ(config.webhook.client_config.ca_bundle, "Q0E=");
  EXPECT_TRUE(config.webhook.namespace_selector.matches({{"team", "a"}, {"env", "1"}}));
  EXPECT_FALSE(config.webhook.namespace_selector.matches({{"team", "a"}}));
  EXPECT_EQ(config.graceful_shutdown_timeout, -seconds(1));
}

TEST(SharderConfigTest, Service) {
  SharderConfig config =
      config_of("webhook: {config: {clientConfig: {service: {namespace: ns, name: svc, path: /p, port: 8443}}}}");
  const ServiceReference& service = config.webhook.client_config.service;
  EXPECT_EQ(service.ns, "ns");
  EXPECT_EQ(service.name, "svc");
  EXPECT_EQ(service.path, "/p");
  EXPECT_EQ(service.port, 8443);
}

TEST(SharderConfigTest, AnEmptySelectorMeansAllNamespaces) {
  EXPECT_EQ(config_of("webhook: {config: {namespaceSelector: {}}}").webhook.namespace_selector, kube::LabelSelector());
}

TEST(SharderConfigTest, TheReferencesNameOfTheLastField) {
  EXPECT_EQ(config_of("gracefulShutDown: 0s").graceful_shutdown_timeout, seconds(0));
}

TEST(SharderConfigTest, UnknownFieldsAreRefusedWithLineAndNames) {
  EXPECT_EQ(error_of("controller:\n  sharder:\n    syncPeriode: 5m\n"),
            "line 3: controller.sharder.syncPeriode: unknown field, use syncPeriod or concurrentMoves");
  EXPECT_THAT(error_of("kind: SharderConfig\ncontrolller: {}\n"),
              StartsWith("line 2: controlller: unknown field, use apiVersion, "));
  EXPECT_THAT(error_of("webhook: {config: {namespaceSelector: {matchLabel: {}}}}"),
              HasSubstr("namespaceSelector.matchLabel: unknown"));
  EXPECT_THAT(error_of("health: {bindAddress: ':1'}\nhealth: {}"), HasSubstr("line 2: 'health' is given twice"));
}

TEST(SharderConfigTest, WrongTypesAreRefused) {
  EXPECT_EQ(error_of("- a"), "line 1: must be an object");
  EXPECT_EQ(error_of("controller: 5"), "line 1: controller: must be an object");
  EXPECT_EQ(error_of("leaderElection:\n  leaderElect: yes please"),
            "line 2: leaderElection.leaderElect: must be true or false");
  EXPECT_EQ(error_of("leaderElection:\n  leaderElect: \"true\""),
            "line 2: leaderElection.leaderElect: must be true or false");
  EXPECT_EQ(error_of("leaderElection:\n  resourceName: 5"),
            "line 2: leaderElection.resourceName: must be a string, put it in quotes");
  EXPECT_EQ(error_of("leaderElection: {resourceName: [a]}"), "line 1: leaderElection.resourceName: must be a string");
  EXPECT_EQ(error_of("controller: {sharder: {concurrentMoves: many}}"),
            "line 1: controller.sharder.concurrentMoves: must be a number from 1 to 10000");
  EXPECT_EQ(error_of("metrics:\n  bindAddress: 0"), "line 2: metrics.bindAddress: must be a string, put it in quotes");
  EXPECT_EQ(error_of("webhook: {config: {annotations: {a: 1}}}"),
            "line 1: webhook.config.annotations.a: must be a string, put it in quotes");
  EXPECT_EQ(error_of("webhook: {config: {namespaceSelector: {matchExpressions: {}}}}"),
            "line 1: webhook.config.namespaceSelector.matchExpressions: must be a list");
}

TEST(SharderConfigTest, ImpossibleValuesAreRefused) {
  EXPECT_EQ(error_of("kind: ShardConfig"), "line 1: kind: 'ShardConfig' is unknown, use SharderConfig");
  EXPECT_EQ(error_of("controller:\n  sharder:\n    syncPeriod: soon"),
            "line 3: controller.sharder.syncPeriod: 'soon' is no duration, use one such as 15s, 5m or 1m30s");
  EXPECT_THAT(error_of("controller: {sharder: {syncPeriod: 0s}}"), HasSubstr("must be above 0"));
  EXPECT_THAT(error_of("controller: {sharder: {concurrentMoves: 0}}"), HasSubstr("from 1 to 10000"));
  EXPECT_THAT(error_of("clientConnection: {qps: -1}"), HasSubstr("clientConnection.qps: must be a number above 0"));
  EXPECT_THAT(error_of("leaderElection: {resourceLock: configmaps}"), HasSubstr("use leases"));
  EXPECT_THAT(error_of("leaderElection: {leaseDuration: 5s}"),
              HasSubstr("leaderElection.leaseDuration: must be longer than renewDeadline"));
  EXPECT_THAT(error_of("leaderElection: {retryPeriod: 9s}"),
              HasSubstr("leaderElection.renewDeadline: must be longer than 1.2 times"));
  EXPECT_THAT(error_of("health: {bindAddress: '8081'}"), HasSubstr("'8081' is no address, use ':8080'"));
  EXPECT_THAT(error_of("health: {bindAddress: ':70000'}"), HasSubstr("no address"));
  EXPECT_THAT(error_of("health: {bindAddress: '::1:80'}"), HasSubstr("no address"));
  EXPECT_THAT(error_of("webhook: {server: {bindAddress: '0'}}"), HasSubstr("no address"));
  EXPECT_THAT(error_of("webhook: {server: {certDir: ''}}"), HasSubstr("must not be empty"));
  EXPECT_THAT(error_of("webhook: {config: {clientConfig: {url: 'http://a'}}}"), HasSubstr("must begin with https://"));
  EXPECT_THAT(error_of("webhook: {config: {clientConfig: {url: 'https://a', service: {}}}}"),
              HasSubstr("use either url or service"));
  EXPECT_THAT(error_of("webhook: {config: {clientConfig: {caBundle: '?'}}}"), HasSubstr("is not base64"));
  EXPECT_THAT(error_of("webhook: {config: {clientConfig: {service: {path: p}}}}"), HasSubstr("must begin with '/'"));
  EXPECT_THAT(error_of("webhook: {config: {clientConfig: {service: {port: 65536}}}}"), HasSubstr("from 1 to 65535"));
  EXPECT_THAT(
      error_of("webhook:\n  config:\n    namespaceSelector:\n      matchExpressions: [{key: a, operator: Is}]"),
      HasSubstr("line 4: webhook.config.namespaceSelector: matchExpressions[0].operator: unknown operator 'Is'"));
}

TEST(SharderConfigTest, TextThatIsNoYaml) {
  EXPECT_THAT(error_of("a: [1,\nb: {"), HasSubstr("not valid YAML"));
  EXPECT_THAT(error_of("a: *nobody"), HasSubstr("not valid YAML"));
  EXPECT_EQ(error_of("kind: SharderConfig\n---\nkind: SharderConfig\n"), "more than one YAML document");
  EXPECT_THAT(error_of(std::string(100'000, '[')), HasSubstr("not valid YAML"));
}

}  // namespace
}  // namespace ringside::central
