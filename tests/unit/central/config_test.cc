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
using testing::EndsWith;
using testing::HasSubstr;
using testing::Pair;
using testing::StartsWith;

// With apiVersion and kind behind it.
SharderConfig config_of(std::string yaml) {
  for (const char* line : {"apiVersion: config.sharding.timebertt.dev/v1alpha1", "kind: SharderConfig"}) {
    if (!yaml.contains(line)) yaml.append("\n").append(line);
  }
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
  for (auto yaml : {"apiVersion: config.sharding.timebertt.dev/v1alpha1\nkind: SharderConfig\n",
                    "leaderElection:\nwebhook: {server: null, config: {}}\n"}) {
    SharderConfig config = config_of(yaml);
    EXPECT_EQ(config.client_connection.kubeconfig, "");
    EXPECT_FALSE(rate_limit_of(config.client_connection));
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
    EXPECT_EQ(config.webhook_server.lifetimes.serving, hours(2160));
    EXPECT_EQ(config.webhook_server.lifetimes.ca, hours(87600));
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
    certificateLifetime: 720h
    certificateAuthorityLifetime: 8760h
    certName: a.crt
    keyName: a.key
  config:
    annotations:
      cert-manager.io/inject-ca-from: sharding-system/webhook-server
    clientConfig:
      url: https://host:9443
      caBundle: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t
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
  EXPECT_EQ(config.webhook_server.lifetimes.serving, hours(720));
  EXPECT_EQ(config.webhook_server.lifetimes.ca, hours(8760));
  EXPECT_THAT(config.webhook.annotations,
              ElementsAre(Pair("cert-manager.io/inject-ca-from", "sharding-system/webhook-server")));
  EXPECT_EQ(config.webhook.client_config.url, "https://host:9443");
  EXPECT_EQ(config.webhook.client_config.ca_bundle, "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t");
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

struct Refused {
  const char* yaml;
  const char* message;  // the whole of it, or with "..." the part before
};

// Each must be refused, and say this.
void expect_refused(std::initializer_list<Refused> cases) {
  for (const Refused& each : cases) {
    std::string said = error_of(each.yaml);
    std::string_view wanted = each.message;
    if (wanted.ends_with("...")) {
      EXPECT_THAT(said, StartsWith(std::string(wanted.substr(0, wanted.size() - 3)))) << each.yaml;
    } else {
      EXPECT_EQ(said, wanted) << each.yaml;
    }
  }
}

TEST(SharderConfigTest, UnknownFieldsAreRefusedWithLineAndNames) {
  expect_refused({
      {"controller:\n  sharder:\n    syncPeriode: 5m\n",
       "line 3: controller.sharder.syncPeriode: unknown field, use syncPeriod or concurrentMoves"},
      {"kind: SharderConfig\ncontrolller: {}\n", "line 2: controlller: unknown field, use apiVersion, ..."},
      {"webhook: {config: {namespaceSelector: {matchLabel: {}}}}",
       "line 1: webhook.config.namespaceSelector.matchLabel: unknown field, use matchLabels or matchExpressions"},
      {"leaderElection:\n  leaseduration: 5s",
       "line 2: leaderElection.leaseduration: unknown field, use leaderElect, ..."},
      {"webhook:\n  server:\n    port: 9443",
       "line 3: webhook.server.port: unknown field, use bindAddress, certDir, certName, keyName, ..."},
      {"health: {bindAddress: ':1'}\nhealth: {}", "line 2: 'health' is given twice"},
      {"kind: SharderConfig\nkind: SharderConfig", "line 2: 'kind' is given twice"},
  });
}

TEST(SharderConfigTest, WrongTypesAreRefused) {
  expect_refused({
      {"- a", "line 1: must be an object"},
      {"SharderConfig", "line 1: must be an object"},
      {"[a]: b", "line 1: the name of a field must be a string"},
      {"controller: 5", "line 1: controller: must be an object"},
      {"leaderElection:\n  leaderElect: yes please", "line 2: leaderElection.leaderElect: must be true or false"},
      {"leaderElection:\n  leaderElect: \"true\"", "line 2: leaderElection.leaderElect: must be true or false"},
      {"leaderElection:\n  resourceName: 5", "line 2: leaderElection.resourceName: must be a string, put it in quotes"},
      {"leaderElection: {resourceName: [a]}", "line 1: leaderElection.resourceName: must be a string"},
      {"controller: {sharder: {concurrentMoves: many}}",
       "line 1: controller.sharder.concurrentMoves: must be a number from 1 to 10000"},
      {"controller: {sharder: {concurrentMoves: \"7\"}}",
       "line 1: controller.sharder.concurrentMoves: must be a number from 1 to 10000"},
      {"controller: {sharder: {syncPeriod: {minutes: 5}}}",
       "line 1: controller.sharder.syncPeriod: must be a duration, ..."},
      {"metrics:\n  bindAddress: 0", "line 2: metrics.bindAddress: must be a string, put it in quotes"},
      {"webhook: {config: {annotations: {a: 1}}}",
       "line 1: webhook.config.annotations.a: must be a string, put it in quotes"},
      {"webhook: {config: {namespaceSelector: {matchExpressions: {}}}}",
       "line 1: webhook.config.namespaceSelector.matchExpressions: must be a list"},
      {"webhook: {config: {clientConfig: {service: {port: https}}}}",
       "line 1: webhook.config.clientConfig.service.port: must be a number from 1 to 65535"},
  });
}

TEST(SharderConfigTest, ImpossibleValuesAreRefused) {
  expect_refused({
      {"controller:\n  sharder:\n    syncPeriod: soon",
       "line 3: controller.sharder.syncPeriod: 'soon' is no duration, use one such as 15s, 5m or 1m30s"},
      {"controller: {sharder: {syncPeriod: 300}}", "line 1: controller.sharder.syncPeriod: '300' is no duration, ..."},
      {"controller: {sharder: {syncPeriod: 0s}}", "line 1: controller.sharder.syncPeriod: must be above 0, ..."},
      {"controller: {sharder: {syncPeriod: -5m}}", "line 1: controller.sharder.syncPeriod: must be above 0, ..."},
      {"controller: {sharder: {syncPeriod: 9999999h}}",
       "line 1: controller.sharder.syncPeriod: '9999999h' is no duration, ..."},
      {"controller: {sharder: {concurrentMoves: 0}}",
       "line 1: controller.sharder.concurrentMoves: must be a number from 1 to 10000"},
      {"clientConnection: {qps: many}", "line 1: clientConnection.qps: must be a number"},
      {"clientConnection: {qps: .inf}", "line 1: clientConnection.qps: must be a number"},
      {"clientConnection: {burst: -1}", "line 1: clientConnection.burst: must be a number from 0 to 1000000"},
      {"gracefulShutdownTimeout: 15", "line 1: gracefulShutdownTimeout: '15' is no duration, ..."},
  });
}

TEST(SharderConfigTest, RequestsAreLimitedIfAskedFor) {
  auto limit = [](const std::string& connection) {
    auto found = rate_limit_of(config_of("clientConnection: {" + connection + "}").client_connection);
    return found ? std::pair(found->qps, found->burst) : std::pair(0.0, int64_t(0));
  };
  EXPECT_EQ(limit("qps: 12.5, burst: 20"), std::pair(12.5, int64_t(20)));
  EXPECT_EQ(limit("qps: 50"), std::pair(50.0, int64_t(150)));
  EXPECT_EQ(limit("qps: 50, burst: 0"), std::pair(50.0, int64_t(150)));
  for (const char* without : {"qps: 0, burst: 20", "qps: -1", "burst: 20"})
    EXPECT_EQ(limit(without).first, 0) << without;
}

TEST(SharderConfigTest, ImpossibleLeaderElectionsAreRefused) {
  expect_refused({
      {"leaderElection: {resourceLock: configmaps}",
       "line 1: leaderElection.resourceLock: 'configmaps' is unknown, use leases"},
      {"leaderElection: {resourceName: Sharder}",
       "line 1: leaderElection.resourceName: 'Sharder' must be the name of ..."},
      {"leaderElection: {resourceName: ''}", "line 1: leaderElection.resourceName: '' must be the name of ..."},
      {"leaderElection: {resourceNamespace: a/b}",
       "line 1: leaderElection.resourceNamespace: 'a/b' must be the name ..."},
      {"leaderElection: {resourceNamespace: a-}",
       "line 1: leaderElection.resourceNamespace: 'a-' must be the name ..."},
      {"leaderElection: {leaseDuration: 5s}",
       "line 1: leaderElection.leaseDuration: must be longer than renewDeadline"},
      {"leaderElection: {leaseDuration: 10s}",
       "line 1: leaderElection.leaseDuration: must be longer than renewDeadline"},
      {"leaderElection: {retryPeriod: 9s}",
       "line 1: leaderElection.renewDeadline: must be longer than 1.2 times retryPeriod"},
      {"leaderElection: {renewDeadline: -1s}", "line 1: leaderElection.renewDeadline: must be above 0, ..."},
      {"leaderElection: {leaseDuration: 900ms, renewDeadline: 500ms, retryPeriod: 100ms}",
       "line 1: leaderElection.leaseDuration: must be at least 1s, a Lease counts in whole seconds"},
  });
}

TEST(SharderConfigTest, ImpossibleAddressesAreRefused) {
  expect_refused({
      {"health: {bindAddress: '8081'}",
       "line 1: health.bindAddress: '8081' is no address, use ':8080', '127.0.0.1:8080' or '[::1]:8080', or '0' for "
       "none"},
      {"health: {bindAddress: ':70000'}", "line 1: health.bindAddress: ':70000' is no address, ..."},
      {"health: {bindAddress: ':0'}", "line 1: health.bindAddress: ':0' is no address, ..."},
      {"health: {bindAddress: ':-1'}", "line 1: health.bindAddress: ':-1' is no address, ..."},
      {"health: {bindAddress: '::1:80'}", "line 1: health.bindAddress: '::1:80' is no address, ..."},
      {"health: {bindAddress: ''}", "line 1: health.bindAddress: '' is no address, ..."},
      {"webhook: {server: {bindAddress: '0'}}", "line 1: webhook.server.bindAddress: '0' is no address, ..."},
  });
}

TEST(SharderConfigTest, ImpossibleWebhooksAreRefused) {
  expect_refused({
      {"webhook: {server: {certDir: ''}}", "line 1: webhook.server.certDir: '' must not be empty"},
      {"webhook: {server: {certificateLifetime: 5s}}", "line 1: webhook.server.certificateLifetime: '5s' ..."},
      {"webhook: {server: {certificateAuthorityLifetime: 24h}}",
       "line 1: webhook.server.certificateAuthorityLifetime: must not be shorter than certificateLifetime"},
      {"webhook: {config: {clientConfig: {url: 'http://a'}}}",
       "line 1: webhook.config.clientConfig.url: 'http://a' must begin with https:// and a host, ..."},
      {"webhook: {config: {clientConfig: {url: 'https://'}}}",
       "line 1: webhook.config.clientConfig.url: 'https://' ..."},
      {"webhook: {config: {clientConfig: {url: 'https://a?b'}}}",
       "line 1: webhook.config.clientConfig.url: 'https://a?b' ..."},
      {"webhook: {config: {clientConfig: {url: 'https://a', service: {}}}}",
       "line 1: webhook.config.clientConfig: use either url or service"},
      {"webhook: {config: {clientConfig: {caBundle: '?'}}}",
       "line 1: webhook.config.clientConfig.caBundle: '?' is not base64..."},
      {"webhook: {config: {clientConfig: {caBundle: Q0E=}}}",
       "line 1: webhook.config.clientConfig.caBundle: 'Q0E=' must be certificates in PEM, the whole in base64"},
      {"webhook: {config: {clientConfig: {service: {name: Sharder}}}}",
       "line 1: webhook.config.clientConfig.service.name: 'Sharder' must be the name of a Kubernetes object: ..."},
      {"webhook: {config: {clientConfig: {service: {path: p}}}}",
       "line 1: webhook.config.clientConfig.service.path: must begin with '/'"},
      {"webhook: {config: {clientConfig: {service: {port: 65536}}}}",
       "line 1: webhook.config.clientConfig.service.port: must be a number from 1 to 65535"},
      {"webhook: {config: {clientConfig: {service: {port: 0}}}}",
       "line 1: webhook.config.clientConfig.service.port: must be a number from 1 to 65535"},
      {"webhook:\n  config:\n    namespaceSelector:\n      matchExpressions: [{key: a, operator: Is}]",
       "line 4: webhook.config.namespaceSelector: matchExpressions[0].operator: unknown operator 'Is', ..."},
      {"webhook: {config: {namespaceSelector: {matchExpressions: [{key: a, operator: In}]}}}",
       "line 1: webhook.config.namespaceSelector: matchExpressions[0].values: must not be empty for In and NotIn"},
  });
}

TEST(SharderConfigTest, WhatDoesNotSayWhatItIsIsRefused) {
  expect_refused({
      {"kind: ShardConfig", "line 1: kind: 'ShardConfig' is unknown, use SharderConfig"},
      {"apiVersion: v1\nkind: ConfigMap",
       "line 1: apiVersion: 'v1' is unknown, use config.sharding.timebertt.dev/v1alpha1"},
      {"kind: SharderConfig", "line 1: apiVersion: is missing, use config.sharding.timebertt.dev/v1alpha1"},
      {"apiVersion: config.sharding.timebertt.dev/v1alpha1", "line 1: kind: is missing, use SharderConfig"},
      {"", "there is nothing in it, begin with 'apiVersion: config.sharding.timebertt.dev/v1alpha1' and ..."},
      {"# nothing\n", "there is nothing in it, ..."},
      {"---\n", "there is nothing in it, ..."},
  });
}

TEST(SharderConfigTest, TextThatIsNoYaml) {
  expect_refused({
      {"a: [1,\nb: {", "line ..."},
      {"a: *nobody", "line 1: not valid YAML: ..."},
      {"kind: SharderConfig\n---\nkind: SharderConfig\n", "more than one YAML document"},
      {"!\"\",", "more than one YAML document"},  // without end, for yaml-cpp
  });
  EXPECT_THAT(error_of(std::string(100'000, '[')), HasSubstr("not valid YAML"));
  EXPECT_THAT(error_of("controller:\n\tsharder: {}\n"), EndsWith("; line 2 is indented by a tab, use spaces"));
  EXPECT_THAT(error_of("controller:\n  sharder:\n  \tsyncPeriod: 5m\n"),
              EndsWith("; line 3 is indented by a tab, use spaces"));
}

}  // namespace
}  // namespace ringside::central
