#include "injector/pod_patch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "injector/sidecar_container.h"
#include "tests/support/json_patch.h"

namespace ringside::injector {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

const InjectionOptions kOptions = {.image = "registry/ringside-sidecar:1", .image_pull_policy = "Always"};

json::Value parse(std::string_view text) {
  Result<json::Value> value = json::parse(text);
  EXPECT_TRUE(value) << (value ? "" : value.error().message);
  return value ? *value : json::Value();
}

// A pod as the API server's ServiceAccount admission leaves it.
json::Value plain_pod() {
  return parse(R"({
    "apiVersion": "v1", "kind": "Pod",
    "metadata": {"namespace": "default", "generateName": "op-7d9f-",
      "annotations": {"sidecar.alpha.sharding.timebertt.dev/controllerring": "example", "other": "kept"}},
    "spec": {
      "containers": [{"name": "manager", "image": "manager:1",
        "volumeMounts": [{"name": "data", "mountPath": "/data"},
          {"name": "kube-api-access-x", "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount", "readOnly": true}]}],
      "terminationGracePeriodSeconds": 10, "unknownField": {"a": [1, 2.5, null]},
      "volumes": [{"name": "data", "emptyDir": {}}, {"name": "kube-api-access-x", "projected": {"sources": []}}]}})");
}

json::Value with_annotation(json::Value pod, std::string_view option, std::string_view value) {
  pod["metadata"]["annotations"]["sidecar.alpha.sharding.timebertt.dev/" + std::string(option)] = value;
  return pod;
}

json::Value& container(json::Value& pod, size_t i) {
  return (*pod["spec"]["containers"].as_array())[i];
}

json::Value serviceaccount_container(std::string_view name, std::string_view volume) {
  return json::Value::object(
      {{"name", name},
       {"volumeMounts",
        json::Value::array({json::Value::object({{"name", volume}, {"mountPath", kServiceAccountPath}})})}});
}

json::Value inject(const json::Value& pod, std::vector<std::string>* warnings = nullptr) {
  Result<PodPatch> patch = make_pod_patch(pod, kOptions);
  EXPECT_TRUE(patch) << (patch ? "" : patch.error().message);
  if (!patch) return {};
  if (warnings != nullptr) *warnings = patch->warnings;
  Result<json::Value> patched = testing::apply_json_patch(pod, patch->text);
  EXPECT_TRUE(patched) << (patched ? "" : patched.error().message);
  return patched ? *patched : json::Value();
}

std::string reason(const json::Value& pod) {
  Result<PodPatch> patch = make_pod_patch(pod, kOptions);
  if (patch) return "";
  EXPECT_EQ(patch.error().kind, ErrorKind::kInvalid);
  return patch.error().message;
}

std::vector<std::string> args_of(const json::Value& injected) {
  std::vector<std::string> args;
  for (const json::Value& arg : injected.array_at({"spec", "initContainers"})[0].array_at({"args"})) {
    args.push_back(*arg.as_string());
  }
  return args;
}

// name=value of the container's plain variables, in order.
std::vector<std::string> env_of(const json::Value& container) {
  std::vector<std::string> result;
  for (const json::Value& item : container.array_at({"env"})) {
    result.push_back(std::string(item.string_at({"name"})) + "=" + std::string(item.string_at({"value"})));
  }
  return result;
}

// volume:path of the container's mounts, in order.
std::vector<std::string> mounts_of(const json::Value& container) {
  std::vector<std::string> result;
  for (const json::Value& item : container.array_at({"volumeMounts"})) {
    result.push_back(std::string(item.string_at({"name"})) + ":" + std::string(item.string_at({"mountPath"})));
  }
  return result;
}

const auto kOurEnv = ElementsAre("KUBERNETES_SERVICE_HOST=127.0.0.1", "KUBERNETES_SERVICE_PORT=16443",
                                 "KUBERNETES_SERVICE_PORT_HTTPS=16443");
constexpr char kOurMount[] = "ringside-serviceaccount:/var/run/secrets/kubernetes.io/serviceaccount";

TEST(PodPatchTest, InjectsTheSidecarAsNativeSidecar) {
  json::Value pod = inject(plain_pod());
  const json::Array& init_containers = pod.array_at({"spec", "initContainers"});
  ASSERT_EQ(init_containers.size(), 1u);
  const json::Value& sidecar = init_containers[0];
  EXPECT_EQ(sidecar.string_at({"name"}), "ringside-sidecar");
  EXPECT_EQ(sidecar.string_at({"restartPolicy"}), "Always");
  EXPECT_EQ(sidecar.string_at({"image"}), kOptions.image);
  EXPECT_EQ(sidecar.string_at({"imagePullPolicy"}), "Always");
  EXPECT_EQ(sidecar.find("readinessProbe"), nullptr);
  EXPECT_EQ(sidecar.string_at({"startupProbe", "httpGet", "path"}), "/startz");
  EXPECT_EQ(sidecar.int_at({"startupProbe", "httpGet", "port"}), 16480);
  EXPECT_EQ(sidecar.int_at({"startupProbe", "failureThreshold"}), 120);
  EXPECT_EQ(sidecar.string_at({"livenessProbe", "httpGet", "path"}), "/livez");
  EXPECT_THAT(mounts_of(sidecar), ElementsAre("kube-api-access-x:/var/run/secrets/kubernetes.io/serviceaccount",
                                              "ringside-serviceaccount:/run/ringside/serviceaccount",
                                              "ringside-state:/run/ringside/state"));
  EXPECT_TRUE(sidecar.array_at({"volumeMounts"})[0].bool_at({"readOnly"}));
  EXPECT_THAT(args_of(pod),
              ElementsAre("--ring=example", "--shard=$(POD_NAME)", "--namespace=$(POD_NAMESPACE)",
                          "--listen=127.0.0.1:16443", "--also-listen=127.0.0.1:443", "--status-listen=:16480",
                          "--serviceaccount-dir=/run/ringside/serviceaccount", "--state-dir=/run/ringside/state",
                          "--leader-election=auto", "--grace-period=3s", "--quiet-window=150ms", "--log-level=info"));
  EXPECT_EQ(sidecar.array_at({"env"})[0].string_at({"valueFrom", "fieldRef", "fieldPath"}), "metadata.name");
  EXPECT_EQ(sidecar.array_at({"env"})[1].string_at({"valueFrom", "fieldRef", "fieldPath"}), "metadata.namespace");
  EXPECT_EQ(sidecar.array_at({"ports"})[0].string_at({"name"}), "ringside-status");
}

TEST(PodPatchTest, SidecarMeetsTheRestrictedPodSecurityStandard) {
  json::Value pod = inject(plain_pod());
  const json::Value& context = *pod.array_at({"spec", "initContainers"})[0].find("securityContext");
  EXPECT_EQ(context, parse(R"({"runAsNonRoot": true, "runAsUser": 65532, "runAsGroup": 65532,
      "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": {"drop": ["ALL"]},
      "seccompProfile": {"type": "RuntimeDefault"}})"));
  for (const json::Value& volume : pod.array_at({"spec", "volumes"})) EXPECT_EQ(volume.find("hostPath"), nullptr);
}

TEST(PodPatchTest, PointsTheContainerToTheSidecarAndKeepsTheRest) {
  json::Value before = plain_pod();
  json::Value pod = inject(before);
  EXPECT_THAT(env_of(container(pod, 0)), kOurEnv);
  EXPECT_THAT(mounts_of(container(pod, 0)), ElementsAre("data:/data", kOurMount));
  EXPECT_TRUE(container(pod, 0).array_at({"volumeMounts"})[1].bool_at({"readOnly"}));
  EXPECT_EQ(*pod.at({"spec", "unknownField"}), *before.at({"spec", "unknownField"}));
  EXPECT_EQ(pod.int_at({"spec", "terminationGracePeriodSeconds"}), 10);
  EXPECT_EQ(*pod.at({"metadata", "annotations"}), *before.at({"metadata", "annotations"}));
  EXPECT_EQ(pod.string_at({"metadata", "labels", "alpha.sharding.timebertt.dev/controllerring"}), "example");
  EXPECT_EQ(pod.array_at({"spec", "hostAliases"})[0],
            parse(R"({"ip": "127.0.0.1", "hostnames": ["kubernetes", "kubernetes.default", "kubernetes.default.svc",
                      "kubernetes.default.svc.cluster.local"]})"));
  const json::Array& volumes = pod.array_at({"spec", "volumes"});
  ASSERT_EQ(volumes.size(), 4u);
  EXPECT_EQ(volumes[0], parse(R"({"name": "ringside-serviceaccount", "emptyDir": {"medium": "Memory"}})"));
  EXPECT_EQ(volumes[1], parse(R"({"name": "ringside-state", "emptyDir": {"medium": "Memory"}})"));
}

TEST(PodPatchTest, ChangesEveryOtherContainerAndInitContainer) {
  json::Value pod = plain_pod();
  pod["spec"]["initContainers"].push_back(serviceaccount_container("migrate", "kube-api-access-x"));
  pod["spec"]["initContainers"].push_back(json::Value::object({{"name", "no-token"}, {"env", nullptr}}));
  pod["spec"]["containers"].push_back(serviceaccount_container("second", "kube-api-access-x"));
  pod = inject(pod);
  const json::Array& init_containers = pod.array_at({"spec", "initContainers"});
  ASSERT_EQ(init_containers.size(), 3u);
  EXPECT_EQ(init_containers[0].string_at({"name"}), "ringside-sidecar");
  EXPECT_THAT(env_of(init_containers[1]), kOurEnv);
  EXPECT_THAT(mounts_of(init_containers[1]), ElementsAre(kOurMount));
  EXPECT_THAT(env_of(init_containers[2]), kOurEnv);
  EXPECT_THAT(mounts_of(init_containers[2]), IsEmpty());
  EXPECT_THAT(env_of(container(pod, 1)), kOurEnv);
  EXPECT_THAT(mounts_of(container(pod, 1)), ElementsAre(kOurMount));
}

TEST(PodPatchTest, ReplacesTheUsersServiceVariablesWithAWarning) {
  json::Value pod = plain_pod();
  container(pod, 0)["env"] = parse(R"~([{"name": "A", "value": "1"}, {"name": "KUBERNETES_SERVICE_HOST", "value": "lb"},
      {"name": "URL", "value": "https://$(KUBERNETES_SERVICE_HOST)"}, {"name": "KUBERNETES_SERVICE_PORT", "value": "16443"}])~");
  std::vector<std::string> warnings;
  pod = inject(pod, &warnings);
  EXPECT_THAT(env_of(container(pod, 0)),
              ElementsAre("KUBERNETES_SERVICE_HOST=127.0.0.1", "KUBERNETES_SERVICE_PORT=16443",
                          "KUBERNETES_SERVICE_PORT_HTTPS=16443", "A=1", "URL=https://$(KUBERNETES_SERVICE_HOST)"));
  EXPECT_THAT(warnings, ElementsAre(HasSubstr("container manager: KUBERNETES_SERVICE_HOST is replaced")));
}

// The sidecar's environment behind POD_NAME and POD_NAMESPACE.
std::vector<std::string> service_env_of_sidecar(const json::Value& pod) {
  std::vector<std::string> env = env_of(pod.array_at({"spec", "initContainers"})[0]);
  EXPECT_THAT(std::vector(env.begin(), env.begin() + 2), ElementsAre("POD_NAME=", "POD_NAMESPACE="));
  return {env.begin() + 2, env.end()};
}

TEST(PodPatchTest, TheSidecarGoesWhereTheContainersWouldHaveGone) {
  struct Case {
    std::string env;
    std::vector<std::string> sidecar;
  };
  for (const Case& c : {
           Case{"[]", {}},
           {R"([{"name": "KUBERNETES_SERVICE_HOST", "value": "api.example.com"}])",
            {"KUBERNETES_SERVICE_HOST=api.example.com"}},
           {R"([{"name": "KUBERNETES_SERVICE_HOST", "value": "fd00::1"}, {"name": "A", "value": "b"},
                {"name": "KUBERNETES_SERVICE_PORT", "value": "6443"}])",
            {"KUBERNETES_SERVICE_HOST=fd00::1", "KUBERNETES_SERVICE_PORT=6443"}},
           {R"([{"name": "KUBERNETES_SERVICE_HOST", "value": ""}])", {}},
           // These would lead the sidecar to itself.
           {R"([{"name": "KUBERNETES_SERVICE_HOST", "value": "kubernetes.default.svc"}])", {}},
           {R"([{"name": "KUBERNETES_SERVICE_PORT", "value": "16443"},
                {"name": "KUBERNETES_SERVICE_HOST", "value": "127.0.0.1"}])",
            {}},
       }) {
    json::Value pod = plain_pod();
    container(pod, 0)["env"] = parse(c.env);
    json::Value injected = inject(pod);
    EXPECT_EQ(service_env_of_sidecar(injected), c.sidecar) << c.env;
    EXPECT_THAT(env_of(container(injected, 0)), ::testing::IsSupersetOf({"KUBERNETES_SERVICE_HOST=127.0.0.1"}));
    EXPECT_EQ(inject(injected), injected) << "again";
  }
}

TEST(PodPatchTest, TheSidecarTakesTheContainersWayToTheirServiceVariables) {
  json::Value pod = plain_pod();
  container(pod, 0)["env"] =
      parse(R"([{"name": "KUBERNETES_SERVICE_HOST", "valueFrom": {"fieldRef": {"fieldPath": "status.hostIP"}}}])");
  json::Value injected = inject(pod);
  const json::Value& variable = injected.array_at({"spec", "initContainers"})[0].array_at({"env"})[2];
  EXPECT_EQ(variable, container(pod, 0).array_at({"env"})[0]);

  container(pod, 0)["env"] = parse(R"~([{"name": "KUBERNETES_SERVICE_HOST", "value": "$(NODE)"}])~");
  EXPECT_THAT(reason(pod), HasSubstr("sets KUBERNETES_SERVICE_HOST by another variable"));
}

TEST(PodPatchTest, ContainersThatGoToDifferentApiServersAreRefused) {
  json::Value pod = plain_pod();
  container(pod, 0)["env"] = parse(R"([{"name": "KUBERNETES_SERVICE_HOST", "value": "one"}])");
  json::Value other = container(pod, 0);
  other["name"] = "other";
  other["env"] = parse(R"([{"name": "KUBERNETES_SERVICE_HOST", "value": "two"}])");
  pod["spec"]["containers"].as_array()->push_back(other);
  EXPECT_THAT(reason(pod), HasSubstr("containers manager and other differ in KUBERNETES_SERVICE_HOST"));
}

TEST(PodPatchTest, ServesAProjectedVolumeOfTheUsers) {
  json::Value pod = plain_pod();
  container(pod, 0)["volumeMounts"] =
      parse(R"([{"name": "own", "mountPath": "//var/run/secrets/kubernetes.io/serviceaccount/"}])");
  pod = inject(pod);
  EXPECT_THAT(mounts_of(container(pod, 0)), ElementsAre(kOurMount));
  EXPECT_EQ(pod.array_at({"spec", "initContainers"})[0].array_at({"volumeMounts"})[0].string_at({"name"}), "own");
}

TEST(PodPatchTest, MergesHostAliases) {
  json::Value pod = plain_pod();
  pod["spec"]["hostAliases"] = parse(R"([{"ip": "10.1.1.1", "hostnames": ["db"]},
                                         {"ip": "127.0.0.1", "hostnames": ["kubernetes", "mine"]}])");
  pod = inject(pod);
  const json::Array& aliases = pod.array_at({"spec", "hostAliases"});
  ASSERT_EQ(aliases.size(), 2u);
  EXPECT_EQ(aliases[1].array_at({"hostnames"}).size(), 5u);

  json::Value elsewhere = plain_pod();
  elsewhere["spec"]["hostAliases"] = parse(R"([{"ip": "10.1.1.1", "hostnames": ["kubernetes.default.svc"]}])");
  EXPECT_THAT(reason(elsewhere), HasSubstr("hostAliases send kubernetes.default.svc to 10.1.1.1"));
}

TEST(PodPatchTest, PassesOptionsToTheSidecar) {
  json::Value pod = with_annotation(plain_pod(), "leader-election", "kube-system/my.lease");
  pod = with_annotation(pod, "grace-period", "1m0.5s");
  pod = with_annotation(pod, "quiet-window", "50ms");
  pod = with_annotation(pod, "log-level", "debug");
  pod = with_annotation(pod, "mode", "env");
  pod = with_annotation(pod, "view.secrets", "all");
  pod = with_annotation(pod, "view.deployments.apps", "all");
  pod = with_annotation(pod, "view.configmaps", "mine");
  std::vector<std::string> args = args_of(inject(pod));
  EXPECT_THAT(std::vector(args.begin() + 8, args.end()),
              ElementsAre("--leader-election=kube-system/my.lease", "--grace-period=1m0.5s", "--quiet-window=50ms",
                          "--view=deployments.apps=all", "--view=secrets=all", "--log-level=debug"));
}

std::string metrics_of(const json::Value& pod) {
  for (const std::string& arg : args_of(inject(pod))) {
    if (arg.starts_with("--metrics=")) return arg.substr(10);
  }
  return "";
}

json::Value with_prometheus(json::Value pod, std::string_view name, std::string_view value) {
  pod["metadata"]["annotations"]["prometheus.io/" + std::string(name)] = value;
  return pod;
}

TEST(PodPatchTest, FindsTheControllersMetrics) {
  json::Value pod = plain_pod();
  EXPECT_EQ(metrics_of(pod), "");
  EXPECT_EQ(metrics_of(with_prometheus(pod, "port", "9090")), "") << "not to be scraped";
  json::Value annotated = with_prometheus(with_prometheus(pod, "scrape", "true"), "port", "9090");
  EXPECT_EQ(metrics_of(annotated), "http://127.0.0.1:9090/metrics");
  EXPECT_EQ(metrics_of(with_prometheus(with_prometheus(annotated, "path", "stats"), "scheme", "https")),
            "https://127.0.0.1:9090/stats");
  EXPECT_EQ(metrics_of(with_prometheus(annotated, "port", "web")), "") << "unusable";
  EXPECT_EQ(metrics_of(with_prometheus(annotated, "scheme", "ftp")), "") << "unusable";

  container(pod, 0)["ports"] =
      parse(R"([{"name": "web", "containerPort": 80}, {"name": "metrics", "containerPort": 81}])");
  EXPECT_EQ(metrics_of(pod), "http://127.0.0.1:81/metrics");
  EXPECT_EQ(metrics_of(with_prometheus(pod, "scrape", "true")), "http://127.0.0.1:81/metrics");
  EXPECT_EQ(metrics_of(with_annotation(pod, "metrics", "auto")), "http://127.0.0.1:81/metrics");
  EXPECT_EQ(metrics_of(with_annotation(pod, "metrics", "off")), "");
  EXPECT_EQ(metrics_of(with_annotation(pod, "metrics", "https://localhost:1/m")), "https://localhost:1/m");
}

TEST(PodPatchTest, LeavesAPodAloneThatDoesNotAsk) {
  json::Value pod = plain_pod();
  pod["metadata"].erase("annotations");
  Result<PodPatch> patch = make_pod_patch(pod, kOptions);
  ASSERT_TRUE(patch);
  EXPECT_EQ(patch->text, "");
  EXPECT_TRUE(make_pod_patch(json::Value(), kOptions));
}

TEST(PodPatchTest, IsIdempotent) {
  Result<PodPatch> again = make_pod_patch(inject(plain_pod()), kOptions);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->text, "");
}

TEST(PodPatchTest, ReinvocationChangesWhatOthersAdded) {
  json::Value pod = inject(plain_pod());
  pod["spec"]["containers"].push_back(serviceaccount_container("mesh", "kube-api-access-x"));
  json::Array& init_containers = *pod["spec"]["initContainers"].as_array();
  init_containers.insert(init_containers.begin(), serviceaccount_container("mesh-init", "kube-api-access-x"));
  pod = inject(pod);
  EXPECT_EQ(pod.array_at({"spec", "initContainers"})[0].string_at({"name"}), "ringside-sidecar");
  EXPECT_THAT(env_of(pod.array_at({"spec", "initContainers"})[1]), kOurEnv);
  EXPECT_THAT(mounts_of(container(pod, 1)), ElementsAre(kOurMount));
  EXPECT_THAT(make_pod_patch(pod, kOptions)->text, IsEmpty());
}

TEST(PodPatchTest, ReinvocationKeepsTheMetricsThatItFoundBefore) {
  json::Value pod = inject(plain_pod());
  // As a service mesh does, after this webhook.
  pod = with_prometheus(with_prometheus(pod, "scrape", "true"), "port", "15020");
  EXPECT_EQ(reason(pod), "");
  EXPECT_EQ(metrics_of(pod), "");
  pod = with_annotation(pod, "metrics", "off");
  EXPECT_EQ(reason(pod), "");
}

TEST(PodPatchTest, RefusesASidecarThatDoesNotFit) {
  json::Value pod = with_annotation(inject(plain_pod()), "log-level", "debug");
  EXPECT_THAT(reason(pod), HasSubstr("ringside-sidecar does not fit its annotations"));

  pod = inject(plain_pod());
  (*pod["spec"]["initContainers"].as_array())[0].erase("volumeMounts");
  EXPECT_THAT(reason(pod), HasSubstr("ringside-sidecar lacks the ServiceAccount token"));

  pod = plain_pod();
  container(pod, 0)["name"] = "ringside-sidecar";
  EXPECT_THAT(reason(pod), HasSubstr("a container of its own is called ringside-sidecar"));

  pod = plain_pod();
  pod["spec"]["initContainers"].push_back(json::Value::object({{"name", "ringside-sidecar"}}));
  EXPECT_THAT(reason(pod), HasSubstr("an init container of its own is called ringside-sidecar"));
}

TEST(PodPatchTest, RefusesPodsItCannotServe) {
  json::Value pod = plain_pod();
  pod["spec"]["hostNetwork"] = true;
  EXPECT_THAT(reason(pod), HasSubstr("pod default/op-7d9f-*: it uses the host network"));

  pod = plain_pod();
  pod["spec"]["os"]["name"] = "windows";
  EXPECT_THAT(reason(pod), HasSubstr("Windows"));
  pod = plain_pod();
  pod["spec"]["nodeSelector"]["kubernetes.io/os"] = "windows";
  EXPECT_THAT(reason(pod), HasSubstr("Windows"));

  pod = plain_pod();
  container(pod, 0)["ports"] = parse(R"([{"containerPort": 8080}, {"containerPort": 16443}])");
  EXPECT_THAT(reason(pod), HasSubstr("container manager uses port 16443"));

  pod = plain_pod();
  pod["metadata"]["name"] = std::string(64, 'a');
  EXPECT_THAT(reason(pod), HasSubstr("at most 63 characters"));

  pod = plain_pod();
  pod["metadata"]["labels"]["alpha.sharding.timebertt.dev/controllerring"] = "other";
  EXPECT_THAT(reason(pod), HasSubstr("make them equal"));

  pod = plain_pod();
  pod["spec"]["volumes"].push_back(memory_volume("ringside-state"));
  EXPECT_THAT(reason(pod), HasSubstr("a volume of its own is called ringside-state"));
}

TEST(PodPatchTest, RefusesPodsWithoutAUsableToken) {
  json::Value pod = plain_pod();
  container(pod, 0).erase("volumeMounts");
  EXPECT_THAT(reason(pod), HasSubstr("automountServiceAccountToken"));

  pod = plain_pod();
  (*container(pod, 0)["volumeMounts"].as_array())[1]["subPath"] = "x";
  EXPECT_THAT(reason(pod), HasSubstr("by subPath"));

  pod = plain_pod();
  (*container(pod, 0)["volumeMounts"].as_array())[0]["mountPath"] = std::string(kServiceAccountPath) + "/extra";
  EXPECT_THAT(reason(pod), HasSubstr("below the ServiceAccount directory"));

  pod = plain_pod();
  pod["spec"]["containers"].push_back(serviceaccount_container("second", "other"));
  EXPECT_THAT(reason(pod), HasSubstr("container second mounts another ServiceAccount volume (other)"));
}

// Mode redirect: all of mode env, and what sends the rest to the sidecar.
TEST(PodPatchTest, RedirectsWhatIgnoresTheEnvironment) {
  json::Value plain = with_annotation(plain_pod(), "mode", "redirect");
  plain["spec"]["initContainers"] = json::Value::array({serviceaccount_container("first", "kube-api-access-x")});
  json::Value pod = inject(plain);
  const json::Array& init_containers = pod.array_at({"spec", "initContainers"});
  ASSERT_EQ(init_containers.size(), 3u);
  EXPECT_EQ(init_containers[0].string_at({"name"}), "ringside-sidecar");
  EXPECT_EQ(init_containers[0].int_at({"securityContext", "runAsUser"}), kRedirectUser);
  EXPECT_THAT(args_of(pod), ::testing::Contains("--also-listen=[::1]:16443"));
  const json::Value& redirect = init_containers[1];
  EXPECT_EQ(redirect.string_at({"name"}), "ringside-redirect");
  EXPECT_EQ(redirect.string_at({"image"}), kOptions.image);
  EXPECT_EQ(json::to_string(redirect.array_at({"args"})), R"(["redirect","--to-port=16443","--except-uid=16443"])");
  EXPECT_EQ(json::to_string(redirect.array_at({"securityContext", "capabilities", "add"})), R"(["NET_ADMIN"])");
  EXPECT_THAT(env_of(redirect), IsEmpty());  // it must learn the real address
  EXPECT_EQ(init_containers[2].string_at({"name"}), "first");
  EXPECT_THAT(env_of(init_containers[2]), kOurEnv);
  EXPECT_THAT(env_of(pod.array_at({"spec", "containers"})[0]), kOurEnv);
}

TEST(PodPatchTest, RedirectingAgainChangesNothing) {
  json::Value pod = inject(with_annotation(plain_pod(), "mode", "redirect"));
  // As the API server's ServiceAccount admission leaves it, which runs again.
  auto& redirect = (*pod["spec"]["initContainers"].as_array())[1];
  redirect["volumeMounts"] = serviceaccount_container("x", "kube-api-access-x").array_at({"volumeMounts"});
  Result<PodPatch> patch = make_pod_patch(pod, kOptions);
  ASSERT_TRUE(patch) << patch.error().message;
  EXPECT_EQ(patch->text, "");
}

TEST(PodPatchTest, NobodyPassesForTheSidecar) {
  json::Value pod = with_annotation(plain_pod(), "mode", "redirect");
  container(pod, 0)["securityContext"] = json::Value::object({{"runAsUser", kRedirectUser}});
  EXPECT_THAT(reason(pod), HasSubstr("container manager runs as user 16443"));
  pod = with_annotation(plain_pod(), "mode", "redirect");
  pod["spec"]["securityContext"] = json::Value::object({{"runAsUser", kRedirectUser}});
  EXPECT_THAT(reason(pod), HasSubstr("it runs as user 16443"));
  pod = with_annotation(plain_pod(), "mode", "redirect");
  container(pod, 0)["name"] = "ringside-redirect";
  EXPECT_THAT(reason(pod), HasSubstr("a container of its own is called ringside-redirect"));
  // What was injected in one mode is not taken for the other.
  pod = inject(with_annotation(plain_pod(), "mode", "redirect"));
  EXPECT_THAT(reason(with_annotation(pod, "mode", "env")), HasSubstr("does not fit its annotations"));
}

TEST(PodPatchTest, RefusesOptionsWithTheWayOut) {
  struct Case {
    std::string option, value, wanted;
  };
  for (const Case& c : std::vector<Case>{
           {"controllerring", "", "the name of a ControllerRing"},
           {"controllerring", "Upper", "the name of a ControllerRing"},
           {"controllerring", std::string(64, 'a'), "at most 63 characters"},
           {"mode", "Redirect", "env or redirect"},
           {"mode", "magic", "set it to env"},
           {"leader-election", "on", "auto, off or <namespace>/<name>"},
           {"leader-election", "a/b/c", "auto, off or <namespace>/<name>"},
           {"log-level", "loud", "debug, info, warn, error or off"},
           {"grace-period", "3", "a duration such as 3s"},
           {"grace-period", "6m", "at most 5m"},
           {"quiet-window", "-1s", "a duration such as 150ms"},
           {"metrics", "on", "auto, off, or http://127.0.0.1:<port>/<path>"},
           {"metrics", "http://10.0.0.1:8080/metrics", "the pod's own loopback interface only"},
           {"metrics", "http://127.0.0.1:99999/", "http://127.0.0.1:<port>/<path>"},
           {"view.pods", "some", "mine or all"},
           {"view.", "all", "<resource>[.<group>]"},
           {"image", "evil:1", "is unknown: remove it, or use one of controllerring, leader-election"},
       }) {
    std::string message = reason(with_annotation(plain_pod(), c.option, c.value));
    EXPECT_THAT(message, HasSubstr(c.wanted)) << c.option;
    EXPECT_THAT(message, HasSubstr("sidecar.alpha.sharding.timebertt.dev/" + c.option)) << c.option;
  }
}

TEST(PodPatchTest, RefusesMalformedPods) {
  for (std::string_view spec : {"[]", "null", R"({"containers": {}})", R"({"containers": [1]})",
                                R"({"containers": [{"env": "x"}]})", R"({"hostAliases": 3})"}) {
    json::Value pod = plain_pod();
    pod["spec"] = parse(spec);
    EXPECT_THAT(reason(pod), HasSubstr("this is no pod")) << spec;
  }
}

}  // namespace
}  // namespace ringside::injector
