"""The injected pod: what it runs under, the credentials that the controller sees, and what the sidecar costs."""

import json
import pathlib

from api import PODS, SECRETS, ApiError
from world import CONTROLLER, RING, SIDECAR, eventually

HERE = pathlib.Path(__file__).resolve().parent


def test_the_pods_run_where_the_restricted_pod_security_standard_is_enforced(ring):
    for namespace in ("default", "sharding-system"):
        labels = ring.api.get(f"/api/v1/namespaces/{namespace}")["metadata"]["labels"]
        assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    try:
        ring.api.create(f"{PODS}?dryRun=All", {"metadata": {"name": "careless"},
                                               "spec": {"containers": [{"name": "app", "image": "none"}]}})
        raise AssertionError("the standard is not enforced")
    except ApiError as error:
        assert error.code == 403 and "restricted" in str(error)
    pods = ring.pods()
    assert len(pods) == 3
    for pod in pods.values():
        assert pod["status"]["phase"] == "Running"
        assert [container["name"] for container in pod["spec"]["initContainers"]] == [SIDECAR]
        assert pod["spec"]["initContainers"][0]["restartPolicy"] == "Always"


def test_the_controller_sees_the_kubelets_token(ring):
    """Whatever the kubelet writes is passed on; token_test.py waits for it to write again."""
    folder = "var/run/secrets/kubernetes.io/serviceaccount"
    for pod in ring.pods():
        def read(container, file):
            pid = ring.cluster.container_pid("default", pod, container)
            return ring.cluster.exec("cat", f"/proc/{pid}/root/{folder}/{file}").stdout
        assert read(CONTROLLER, "token") == read(SIDECAR, "token") != ""
        assert read(CONTROLLER, "namespace") == "default"
        cluster_ca = read(SIDECAR, "ca.crt").strip()
        assert cluster_ca in read(CONTROLLER, "ca.crt"), "what the controller trusts includes the cluster's CA"


def test_the_controllers_requests_are_its_own(ring):
    """Ringside hides nothing from audit: the API server sees the controller's ServiceAccount and pod."""
    shard = ring.api.create_secret("own-name")["metadata"]["labels"][f"shard.alpha.sharding.timebertt.dev/{RING}"]
    ring.served("own-name")

    def creates():
        return [event for event in ring.cluster.audit_events() if event["verb"] == "create"
                and event["objectRef"].get("name") == "checksums-own-name" and event["responseStatus"]["code"] == 201]
    (event,) = eventually(creates, 10, "the create in the audit log")
    assert event["user"]["username"] == f"system:serviceaccount:default:{CONTROLLER}"
    assert event["user"]["extra"]["authentication.kubernetes.io/pod-name"] == [shard]
    assert event["userAgent"].startswith("checksum-controller/")


def probe(ring, pod, *arguments, **where):
    output = ring.in_pod_network(pod, "/usr/bin/python3", str(HERE / "pod_probe.py"), "{root}", *arguments, **where)
    return json.loads(output)


def test_the_sidecar_shows_a_pod_the_objects_of_its_shard_alone(ring):
    ring.api.create_secrets([f"view-{i}" for i in range(30)])
    now = ring.settle()
    for pod in now.available:
        seen = probe(ring, pod, "list", SECRETS)
        assert {f"Secret/{name}" for name in seen["sidecar"]} == {name for name in now.of_shard(pod) if name.startswith("Secret/")}
        assert len(seen["direct"]) == 30
        other = next(name for name in now.objects if name.startswith("Secret/") and now.shard(name) != pod)
        assert probe(ring, pod, "get", f"{SECRETS}/{other.removeprefix('Secret/')}") == {"sidecar": 200, "direct": 200}


def test_the_latency_that_the_sidecar_adds_to_a_get(ring, measurements):
    shard = ring.api.create_secret("latency")["metadata"]["labels"][f"shard.alpha.sharding.timebertt.dev/{RING}"]
    ring.settle()
    taken = probe(ring, shard, "latency", f"{SECRETS}/latency", "500")
    for way in ("direct", "sidecar"):
        measurements.record_spread(f"GET of a Secret, {way}", taken[way])
    added = sorted(via - direct for via, direct in zip(taken["sidecar"], taken["direct"]))
    measurements.record("GET of a Secret, added by the sidecar, median of pairs", added[len(added) // 2], "ms",
                        note="500 interleaved pairs over kept connections")
    assert added[len(added) // 2] < 5


def test_memory_without_objects(ring, measurements):
    record_memory(ring, measurements, 0)


def record_memory(ring, measurements, count):
    """-> resident MiB of the largest sidecar."""
    sidecars = [ring.memory_mib("default", pod, SIDECAR) for pod in ring.pods()]
    pods = ring.api.items("/api/v1/namespaces/sharding-system/pods?labelSelector=app.kubernetes.io/component=sharder")
    central = [ring.memory_mib("sharding-system", pod["metadata"]["name"], "sharder") for pod in pods]
    measurements.record("resident memory of a sidecar (largest of 3)", max(sidecars), "MiB", objects=count)
    measurements.record("resident memory of central (larger of 2)", max(central), "MiB", objects=count)
    return max(sidecars)
