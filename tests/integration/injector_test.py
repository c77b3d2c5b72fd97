"""ringside-injector against a real API server; pods are dry-run, as nothing here would run them."""

import pytest
import yaml

from support import ROOT, WEBHOOKS, ApiError, Injector, RINGS, eventually

ANNOTATION = "sidecar.alpha.sharding.timebertt.dev/controllerring"
PODS = "/api/v1/namespaces/injected/pods"
TOKEN_MOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"


@pytest.fixture(scope="module")
def injector(folder, kubeconfig, api):
    api.create("/api/v1/namespaces", {"metadata": {"name": "injected",
                                                   "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}})
    api.create("/api/v1/namespaces/injected/serviceaccounts", {"metadata": {"name": "default"}})
    api.create(RINGS, {"apiVersion": "sharding.timebertt.dev/v1alpha1", "kind": "ControllerRing",
                       "metadata": {"name": "injected"}, "spec": {"resources": [{"group": "", "resource": "secrets"}]}})
    with Injector(folder, kubeconfig("injector")) as process:
        configuration = yaml.safe_load((ROOT / "deploy/injector/webhook.yaml").read_text())
        for webhook in configuration["webhooks"]:
            webhook["clientConfig"] = {"url": f"https://127.0.0.1:{process.webhook_port}/webhooks/injector/pod"}
        api.create(WEBHOOKS, configuration)
        eventually(process.ready, 15)
        path = f"{WEBHOOKS}/ringside-injector"
        eventually(lambda: api.get(path)["webhooks"][0]["clientConfig"].get("caBundle"), 10)

        def asked():
            return len(create(api, pod("ready"))["spec"].get("initContainers", [])) == 1
        eventually(asked, 10, "the webhook is in force")
        yield process
        assert process.running(), process.log()[-3000:]
        assert process.terminate() == 0, process.log()[-3000:]


def container(name="app", **members):
    return {"name": name, "image": "example.test/app:1",
            "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}, **members}


def pod(name, ring="injected", containers=None, **spec):
    annotations = {ANNOTATION: ring} if ring is not None else {}
    return {"metadata": {"name": name, "annotations": annotations},
            "spec": {"containers": containers or [container()],
                     "securityContext": {"runAsNonRoot": True, "runAsUser": 1000,
                                         "seccompProfile": {"type": "RuntimeDefault"}}, **spec}}


def create(api, body):
    return api.create(PODS + "?dryRun=All", body)


def denial(api, body):
    with pytest.raises(ApiError) as caught:
        create(api, body)
    assert "injector.sharding.timebertt.dev" in caught.value.message, caught.value.message
    print(f"\nsaid: {caught.value.message}")
    return caught.value.message


def test_pod_gets_the_sidecar_under_the_restricted_standard(api, injector):
    spec = create(api, pod("app"))["spec"]
    sidecar = spec["initContainers"][0]
    assert sidecar["restartPolicy"] == "Always"
    assert sidecar["image"] == "ringside.local/sidecar:test"
    environment = {entry["name"]: entry.get("value") for entry in spec["containers"][0]["env"]}
    assert environment["KUBERNETES_SERVICE_HOST"] == "127.0.0.1"
    mounts = [mount["name"] for mount in spec["containers"][0]["volumeMounts"] if mount["mountPath"] == TOKEN_MOUNT]
    assert len(mounts) == 1


def test_the_sidecar_goes_where_the_containers_would_have_gone(api, injector):
    elsewhere = [{"name": "KUBERNETES_SERVICE_HOST", "value": "api.example.test"},
                 {"name": "KUBERNETES_SERVICE_PORT", "valueFrom": {"fieldRef": {"fieldPath": "metadata.annotations['port']"}}}]
    spec = create(api, pod("elsewhere", containers=[container("one", env=elsewhere), container("two")]))["spec"]
    sidecar = {entry["name"]: entry for entry in spec["initContainers"][0]["env"]}
    assert sidecar["KUBERNETES_SERVICE_HOST"]["value"] == "api.example.test"
    assert sidecar["KUBERNETES_SERVICE_PORT"]["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.annotations['port']"
    for each in spec["containers"]:
        assert {"name": "KUBERNETES_SERVICE_HOST", "value": "127.0.0.1"} in each["env"], each["name"]
    other = [{"name": "KUBERNETES_SERVICE_HOST", "value": "another.example.test"}]
    assert "containers one and two differ" in denial(api, pod("torn", containers=[container("one", env=elsewhere),
                                                                                 container("two", env=other)]))


def test_pod_without_the_annotation_is_untouched(api, injector):
    assert "initContainers" not in create(api, pod("plain", ring=None))["spec"]


def test_two_containers_are_both_changed(api, injector):
    spec = create(api, pod("two", containers=[container("app"), container("helper")]))["spec"]
    for each in spec["containers"]:
        assert {"name": "KUBERNETES_SERVICE_HOST", "value": "127.0.0.1"} in each["env"], each["name"]


def test_unknown_ring_is_denied_naming_those_there_are(api, injector):
    message = denial(api, pod("app", ring="nobody"))
    assert "nobody" in message and "injected" in message and ANNOTATION in message


def test_empty_ring_is_denied(api, injector):
    assert ANNOTATION in denial(api, pod("app", ring=""))


def test_host_network_is_denied(api, injector):
    body = pod("app", hostNetwork=True)
    del body["metadata"]["annotations"][ANNOTATION]
    body["metadata"]["annotations"] = {ANNOTATION: "injected"}
    assert "hostNetwork" in denial(api, body) or "host network" in denial(api, body)


def test_no_token_mount_is_denied_or_brought_along(api, injector):
    message = denial(api, pod("app", automountServiceAccountToken=False))
    assert "token" in message.lower()


def test_own_serviceaccount_mount(api, injector):
    volume = {"name": "token", "projected": {"sources": [
        {"serviceAccountToken": {"path": "token", "expirationSeconds": 3600}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}]}}]}}
    mounted = container(volumeMounts=[{"name": "token", "mountPath": TOKEN_MOUNT, "readOnly": True}])
    spec = create(api, pod("app", containers=[mounted], volumes=[volume], automountServiceAccountToken=False))["spec"]
    mounts = [mount for mount in spec["containers"][0]["volumeMounts"] if mount["mountPath"] == TOKEN_MOUNT]
    assert len(mounts) == 1, mounts
    assert spec["initContainers"][0]["volumeMounts"]


def test_name_that_no_shard_can_have_is_denied(api, injector):
    assert "at most 63 characters" in denial(api, pod("p" * 64))
    assert create(api, pod("p" * 63))["spec"]["initContainers"]
    generated = pod(None)
    generated["metadata"]["generateName"] = "p" * 80
    assert len(create(api, generated)["metadata"]["name"]) == 63


def test_misspelt_option_is_denied(api, injector):
    body = pod("app")
    body["metadata"]["annotations"]["sidecar.alpha.sharding.timebertt.dev/grace-peroid"] = "5s"
    assert "grace-peroid" in denial(api, body)


def test_ca_bundle_that_was_removed_comes_back(api, injector):
    path = f"{WEBHOOKS}/ringside-injector"
    configuration = api.get(path)
    bundle = configuration["webhooks"][0]["clientConfig"].pop("caBundle")
    api.request("PUT", path, configuration)
    eventually(lambda: api.get(path)["webhooks"][0]["clientConfig"].get("caBundle") == bundle, 15)
