"""The first half of docs/getting-started.md: the ring, its Leases, its webhook, and new objects."""

import statistics
import time

from api import DEPLOYMENTS, LEASES, RINGS, SECRETS, WEBHOOKS, ApiError
from hash_ring import HashRing
from world import RING, RING_LABEL, SHARD_LABEL, STATE_LABEL, eventually


def test_the_ring_is_ready_with_three_shards(ring):
    def status():
        status = ring.api.get(f"{RINGS}/{RING}")["status"]
        assert (status["availableShards"], status["shards"]) == (3, 3)
        return status["conditions"]
    (condition,) = eventually(status, 20, "three shards")
    assert (condition["type"], condition["status"], condition["reason"]) == ("Ready", "True", "ReconciliationSucceeded")
    assert ring.kubectl(f"get controllerring {RING} --no-headers").split()[:4] == [RING, "True", "3", "3"]


def test_every_pod_has_a_lease_in_state_ready(ring):
    leases = ring.snapshot().leases
    assert set(leases) == set(ring.pods())
    for name, lease in leases.items():
        assert lease["metadata"]["labels"] == {RING_LABEL: RING, STATE_LABEL: "ready"}
        assert lease["spec"]["holderIdentity"] == name
        assert lease["spec"]["leaseDurationSeconds"] == 15


def test_the_sidecars_hold_the_controllers_election_lease_together(ring):
    assert ring.api.get(f"{LEASES}/{RING}")["spec"]["holderIdentity"] == f"controllerring/{RING}"


def test_the_webhook_configuration(ring):
    configuration = ring.api.get(f"{WEBHOOKS}/controllerring-{RING}")
    assert configuration["metadata"]["labels"] == {"app.kubernetes.io/name": "controller-sharding", RING_LABEL: RING}
    assert configuration["metadata"]["ownerReferences"][0]["kind"] == "ControllerRing"
    (webhook,) = configuration["webhooks"]
    service = webhook["clientConfig"]["service"]
    assert service == {"name": "sharder", "namespace": "sharding-system", "port": 443,
                       "path": f"/webhooks/sharder/controllerring/{RING}"}
    assert webhook["objectSelector"] == {"matchExpressions": [{"key": SHARD_LABEL, "operator": "DoesNotExist"}]}
    assert webhook["namespaceSelector"] == {"matchLabels": {"kubernetes.io/metadata.name": "default"}}
    assert [(rule["resources"], rule["operations"], rule["scope"]) for rule in webhook["rules"]] == [
        (["secrets"], ["CREATE", "UPDATE"], "*"), (["configmaps"], ["CREATE", "UPDATE"], "*")]


def test_the_reply_to_a_create_has_the_shard_and_the_configmap_follows(ring):
    secret = ring.api.create_secret("guide-foo")
    shard = secret["metadata"]["labels"][SHARD_LABEL]
    assert shard == HashRing(ring.pods()).owner("/Secret/default/guide-foo")
    ring.served("guide-foo")
    assert ring.snapshot().shard("ConfigMap/checksums-guide-foo") == shard


def test_all_objects_are_where_the_hash_ring_says(ring, measurements):
    names = [f"guide-many-{i}" for i in range(100)]
    latencies, baseline = [], []
    for name in names:
        began = time.perf_counter()
        secret = ring.api.create_secret(name)
        latencies.append((time.perf_counter() - began) * 1000)
        assert secret["metadata"]["labels"].get(SHARD_LABEL), f"{name} has no shard in the reply to its create"
        began = time.perf_counter()
        ring.api.create_secret(name, "kube-public")  # not among the ring's namespaces: no webhook
        baseline.append((time.perf_counter() - began) * 1000)
    ring.api.request("DELETE", SECRETS.replace("default", "kube-public"))
    now = ring.settle(3)  # compares with the ring in Python, Secrets and ConfigMaps
    assert {f"Secret/{name}" for name in names} <= set(now.objects)
    assert all(now.of_shard(shard) for shard in now.available), "every shard has some of 100 objects"
    measurements.record_spread("create to label (the create itself)", latencies, note="label is in the reply")
    measurements.record("the same create outside of the ring, median", statistics.median(baseline), "ms")


def test_configmaps_without_a_controller_are_left_alone(ring):
    configmap = ring.api.create("/api/v1/namespaces/default/configmaps", {"metadata": {"name": "guide-nobodys"}})
    ring.api.delete("/api/v1/namespaces/default/configmaps/guide-nobodys")
    assert SHARD_LABEL not in configmap["metadata"].get("labels", {})


def test_a_replica_without_the_annotation_would_be_refused_nothing(ring):
    """Only annotated pods depend on the injector: with it gone, others still start, and annotated ones do not."""
    ring.api.patch("/apis/apps/v1/namespaces/sharding-system/deployments/injector/scale", {"spec": {"replicas": 0}})
    try:
        eventually(lambda: not ring.api.items("/api/v1/namespaces/sharding-system/pods"
                                              "?labelSelector=app.kubernetes.io/component=injector"), 30, "no injector")
        template = ring.api.get(f"{DEPLOYMENTS}/{RING}")["spec"]["template"]
        pod = {"metadata": {"name": "bare", "annotations": {}}, "spec": template["spec"]}
        ring.api.create("/api/v1/namespaces/default/pods?dryRun=All", pod)
        pod["metadata"]["annotations"] = template["metadata"]["annotations"]
        try:
            ring.api.create("/api/v1/namespaces/default/pods?dryRun=All", pod)
            raise AssertionError("an annotated pod was created without a sidecar")
        except ApiError as error:
            assert error.code == 500 and "injector" in str(error)
    finally:
        ring.api.patch("/apis/apps/v1/namespaces/sharding-system/deployments/injector/scale", {"spec": {"replicas": 2}})
        ring.kubectl("-n sharding-system rollout status deployment injector --timeout=60s")
