"""Mode `redirect`: the controller has its API server's address from a mounted kubeconfig, and ignores the environment."""

import pytest
import yaml
from api import PODS
from pod_test import probe
from world import CONTROLLER, SIDECAR, eventually

ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
# The Service's address; its authority and its credentials are read where Kubernetes puts them.
KUBECONFIG = {"apiVersion": "v1", "kind": "Config", "current-context": "fixed",
              "clusters": [{"name": "fixed", "cluster": {"server": "https://10.96.0.1:443",
                                                         "certificate-authority": f"{ACCOUNT}/ca.crt"}}],
              "users": [{"name": "fixed", "user": {"tokenFile": f"{ACCOUNT}/token"}}],
              "contexts": [{"name": "fixed", "context": {"cluster": "fixed", "user": "fixed"}}]}
CONFIGMAP = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "fixed-address", "namespace": "default"},
             "data": {"kubeconfig": yaml.safe_dump(KUBECONFIG)}}


def with_fixed_address(deployment):
    template = deployment["spec"]["template"]
    template["metadata"]["annotations"]["sidecar.alpha.sharding.timebertt.dev/mode"] = "redirect"
    template["spec"]["volumes"] = [{"name": "fixed", "configMap": {"name": "fixed-address"}}]
    container = template["spec"]["containers"][0]
    container["args"].append("--kubeconfig=/etc/fixed/kubeconfig")
    container["volumeMounts"] = [{"name": "fixed", "mountPath": "/etc/fixed"}]


@pytest.fixture
def redirected(world):
    """NET_ADMIN is what the Pod Security Standards forbid below `privileged`."""
    world.kubectl("label --overwrite namespace default pod-security.kubernetes.io/enforce=privileged")
    with world.deployed(with_fixed_address, CONFIGMAP):
        yield world
    world.kubectl("delete configmap fixed-address")
    world.kubectl("label --overwrite namespace default pod-security.kubernetes.io/enforce=restricted")


def test_a_controller_with_a_fixed_address_is_sharded(redirected):
    redirected.api.create_secrets([f"redirected-{i}" for i in range(30)])
    now = redirected.settle(3, seconds=90)
    pods = redirected.pods()
    assert sorted(pods) == now.available
    for name, pod in pods.items():
        assert [container["name"] for container in pod["spec"]["initContainers"]] == [SIDECAR, "ringside-redirect"]
        user = pod["spec"]["initContainers"][0]["securityContext"]["runAsUser"]
        assert user == 16443 != pod["spec"]["securityContext"]["runAsUser"]
        # Whoever goes to the Service's address meets the sidecar: "direct" is no way past it here.
        seen = probe(redirected, name, "list", "/api/v1/namespaces/default/secrets")
        mine = {target.removeprefix("Secret/") for target in now.of_shard(name) if target.startswith("Secret/")}
        assert set(seen["direct"]) == set(seen["sidecar"]) == mine
        metrics = redirected.in_pod_network(name, "curl", "-s", "http://127.0.0.1:16480/metrics")
        lists = [line for line in metrics.splitlines() if line.startswith('ringside_sidecar_requests_total{verb="watch"}')]
        assert lists and float(lists[0].split()[1]) > 0, "the controller itself came by"
    writes = [event for event in redirected.cluster.audit_events() if event["verb"] == "create"
              and event["objectRef"].get("name", "").startswith("checksums-redirected-")]
    assert {event["user"]["username"] for event in writes} == {f"system:serviceaccount:default:{CONTROLLER}"}


def test_a_dead_controller_is_noticed_and_comes_back(redirected):
    name = redirected.fresh_pod()
    redirected.cluster.kill_container("default", name, CONTROLLER)
    eventually(lambda: redirected.restarts(name, CONTROLLER) == 1, 30, "the kubelet restarts it")
    redirected.settle(3, seconds=90)
    redirected.api.create_secret("after")
    redirected.served("after")
    assert redirected.api.get(f"{PODS}/{name}")["status"]["phase"] == "Running"
