"""The fence in the API server, past the sidecar: by the pods' own tokens, and by replicas that were frozen meanwhile."""

from api import CONFIGMAPS, PODS, RINGS, SECRETS, WEBHOOKS, ApiError
from pod_test import probe
from world import CONTROLLER, RING, SHARDED, SIDECAR, Moment, eventually

PREFIX = "alpha.sharding.timebertt.dev"


def write_directly(ring, pod, path):
    """-> HTTP status, message"""
    return probe(ring, pod, "write", path)["direct"]


def test_a_pod_writes_past_its_sidecar_to_its_own_objects_alone(ring):
    ring.api.create_secrets([f"direct-{i}" for i in range(10)])
    now = ring.settle()
    assert ring.is_fenced() == f"default/{RING}", "the ServiceAccount that the sidecars publish"
    assert {lease["metadata"]["annotations"][f"{PREFIX}/serviceaccount"] for lease in now.leases.values()} == {RING}
    pod = now.available[0]
    secrets = {name.removeprefix("Secret/"): now.shard(name) for name in now.objects if name.startswith("Secret/")}
    own = next(name for name, shard in secrets.items() if shard == pod)
    other = next(name for name, shard in secrets.items() if shard != pod)
    assert write_directly(ring, pod, f"{SECRETS}/{own}")[0] == 200
    assert write_directly(ring, pod, f"{CONFIGMAPS}/checksums-{own}")[0] == 200
    for path in (f"{SECRETS}/{other}", f"{CONFIGMAPS}/checksums-{other}"):
        status, message = write_directly(ring, pod, path)
        assert status == 403 and f"belongs to shard {secrets[other]}" in message and f"is pod {pod}" in message, message


def test_a_frozen_replica_finds_the_fence_when_it_thaws(ring, measurements):
    """Sidecar and controller stand still until their objects are others', which change meanwhile, and then go on."""
    names = [f"thaw-{i}" for i in range(40)]
    ring.api.create_secrets(names)
    before = ring.settle()
    pod = ring.fresh_pod()
    mine = [name.removeprefix("Secret/") for name in before.of_shard(pod) if name.startswith("Secret/")]
    pids = [ring.cluster.container_pid("default", pod, container) for container in (SIDECAR, CONTROLLER)]
    began = Moment()
    try:
        for pid in pids:
            ring.cluster.signal_pid(pid, "STOP")
        # The controller has work in its queue and news in its sockets when it thaws.
        for name in mine:
            ring.api.patch(f"{SECRETS}/{name}", {"stringData": {"key": "changed while frozen"}})
        eventually(lambda: ring.state(pod) == "dead", 90, "the frozen shard is dead")
        eventually(lambda: not ring.snapshot().of_shard(pod), 60, "its objects are others'")
        # What the replica would do if nothing in its pod stopped it.
        for name in mine[:3]:
            status, message = write_directly(ring, pod, f"{CONFIGMAPS}/checksums-{name}")
            assert status == 403 and f"is pod {pod}" in message, message
    finally:
        for pid in pids:
            ring.cluster.exec("kill", "-CONT", str(pid), check=False)
    eventually(lambda: ring.state(pod) == "ready", 90, "the shard is back")
    ring.settle(3, seconds=120)
    result = ring.since(began, before)
    denied = [event for event in ring.cluster.audit_events() if began.until(event["stageTimestamp"]) >= 0
              and event.get("responseStatus", {}).get("code") == 403
              and pod in event["user"].get("extra", {}).get("authentication.kubernetes.io/pod-name", [])]
    assert not result.violations, result.explain()
    assert len(denied) >= 3, "the probes, at least"
    measurements.record("frozen replica thawed: writes refused by the API server", len(denied), "", objects=len(names),
                        note=f"{len(mine)} of its Secrets moved; 0 of {result.judged} judged writes by a non-owner")


def test_the_fence_is_off_when_the_ring_says_so(ring):
    ring.api.create_secrets([f"off-{i}" for i in range(6)])
    now = ring.settle()
    pod = now.available[0]
    other = next(name for name in now.objects if name.startswith("ConfigMap/") and now.shard(name) != pod)
    path = f"{CONFIGMAPS}/{other.removeprefix('ConfigMap/')}"
    annotation = f"{PREFIX}/fence"
    try:
        ring.api.patch(f"{RINGS}/{RING}", {"metadata": {"annotations": {annotation: "off"}}})
        # A dry run: a true write would be one by a non-owner, and the end of these tests is that there was none.
        eventually(lambda: write_directly(ring, pod, path + "?dryRun=All")[0] == 200, 15, "the fence is lifted")
        assert ring.is_fenced() is None
    finally:
        ring.api.patch(f"{RINGS}/{RING}", {"metadata": {"annotations": {annotation: None}}})
    eventually(lambda: ring.is_fenced(), 15, "the fence is in force again")
    assert write_directly(ring, pod, path + "?dryRun=All")[0] == 403
    assert ring.snapshot().available == now.available and ring.settle().shards() == now.shards(), "nothing moved"


def test_a_pod_without_sidecar_is_not_made_while_the_injectors_webhook_is_gone(ring):
    annotations = {"sidecar.alpha.sharding.timebertt.dev/controllerring": RING}
    template = ring.pods()[ring.snapshot().available[0]]["spec"]["containers"][0]
    body = {"metadata": {"name": "uninjected", "annotations": annotations},
            "spec": {"serviceAccountName": RING, "securityContext": {
                "runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
                "containers": [{"name": "app", "image": template["image"], "imagePullPolicy": "Never",
                                "securityContext": template["securityContext"]}]}}
    assert ring.api.create(f"{PODS}?dryRun=All", body)["spec"]["initContainers"][0]["name"] == SIDECAR
    ring.api.delete(f"{WEBHOOKS}/ringside-injector")
    try:
        def refused():
            try:
                ring.api.create(f"{PODS}?dryRun=All", body)
            except ApiError as error:
                return error.code == 403 and "is the injector running" in str(error)
        eventually(refused, 15, "the interlock refuses")
        del body["metadata"]["annotations"]
        assert "initContainers" not in ring.api.create(f"{PODS}?dryRun=All", body)["spec"]
    finally:
        ring.kubectl(f"apply -k {SHARDED.parents[3]}/deploy/default")
        path = f"{WEBHOOKS}/ringside-injector"
        eventually(lambda: ring.api.get(path)["webhooks"][0]["clientConfig"].get("caBundle"), 60, "the caBundle is back")


def test_the_fence_does_not_end_with_central(ring):
    """It is in the API server: with both replicas of central dead, a pod's write past its sidecar is refused as before."""
    ring.api.create_secrets([f"alone-{i}" for i in range(6)])
    now = ring.settle()
    pod = now.available[0]
    other = next(name for name in now.objects if name.startswith("ConfigMap/") and now.shard(name) != pod)
    for central in ring.api.items("/api/v1/namespaces/sharding-system/pods?labelSelector=app.kubernetes.io/component=sharder"):
        ring.cluster.kill_container("sharding-system", central["metadata"]["name"], "sharder")
    assert write_directly(ring, pod, f"{CONFIGMAPS}/{other.removeprefix('ConfigMap/')}")[0] == 403
    ring.kubectl("-n sharding-system wait --for=condition=Available deployment sharder --timeout=60s")
    assert ring.settle().shards() == now.shards()
