"""Without the annotation the very same image is a normal controller with one leader; and there is a way back."""

from api import DEPLOYMENTS, LEASES, POLICY_BINDINGS, RINGS, SECRETS
from checker.writes import POD_NAME
from world import RING, RING_LABEL, SHARD_LABEL, UNSHARDED, Moment, eventually


def writers_of_configmaps(ring, began):
    writes = [event for event in ring.cluster.audit_events() if event["objectRef"]["resource"] == "configmaps"
              and began.until(event["stageTimestamp"]) >= 0 and event["verb"] in ("create", "update")]
    return {pod for event in writes for pod in event["user"].get("extra", {}).get(POD_NAME, []) if pod.startswith(RING)}


def test_one_leader_without_the_annotation_and_sharded_again_with_it(ring, measurements):
    ring.api.create_secrets([f"back-{i}" for i in range(10)])
    ring.settle()
    image = ring.api.get(f"{DEPLOYMENTS}/{RING}")["spec"]["template"]["spec"]["containers"][0]["image"]

    leader = to_one_leader(ring, measurements)
    began = Moment()
    names = [f"alone-{i}" for i in range(20)]
    secrets = ring.api.create_secrets(names)
    for name in names:
        ring.served(name)
    labelled = [secret for secret in secrets if SHARD_LABEL in secret["metadata"].get("labels", {})]
    assert not labelled, "a ring without shards assigns nothing"
    assert writers_of_configmaps(ring, began) == {leader}, "of three replicas, one writes"
    old = next(name for name in ring.snapshot().objects if name.startswith("Secret/back-")).removeprefix("Secret/")
    ring.api.delete(f"/api/v1/namespaces/default/configmaps/checksums-{old}")
    ring.served(old)  # the leader works on what shards have left, too
    can_write_to_everything(ring)
    containers = [pod["spec"]["containers"][0] for pod in ring.pods().values()]
    assert {container["image"] for container in containers} == {image}
    assert not any(pod["spec"].get("initContainers") for pod in ring.pods().values())
    assert ring.api.get(f"{RINGS}/{RING}")["status"]["availableShards"] == 0

    began = Moment()
    ring.steady()  # every object on its shard again, those created meanwhile included
    measurements.record("annotation put back: command to all objects sharded", began.elapsed(), note="rolling update of 3 pods")


def can_write_to_everything(ring):
    """Also to what carries the label of a shard that is gone: no fence is left."""
    assert not ring.api.items(f"{POLICY_BINDINGS}?labelSelector={RING_LABEL}={RING}"), "the ring's policies are lifted with its last shard"
    before = {name: item["metadata"]["resourceVersion"] for name, item in ring.snapshot().objects.items()
              if name.startswith("ConfigMap/") and SHARD_LABEL in item["metadata"].get("labels", {})}
    assert len(before) > 5, "most ConfigMaps still have the label of a shard"
    for name in before:
        secret = name.removeprefix("ConfigMap/checksums-")
        ring.api.patch(f"{SECRETS}/{secret}", {"stringData": {"key": f"changed for {secret}"}})

    def written():
        now = ring.snapshot().objects
        return all(now[name]["metadata"]["resourceVersion"] != version for name, version in before.items())
    eventually(written, 30, "every labelled ConfigMap is updated")


def to_one_leader(ring, measurements):
    """Removes the annotation. -> the leading pod"""
    began = Moment()
    ring.kubectl(f"apply -k {UNSHARDED}")
    ring.kubectl(f"rollout status deployment {RING} --timeout=120s")
    rolled_out = began.elapsed()

    def leader():
        holder = ring.api.get(f"{LEASES}/{RING}")["spec"].get("holderIdentity") or ""
        return holder.partition("_")[0] in ring.pods() and holder.partition("_")[0]
    found = eventually(leader, 60, "one of the pods holds the election Lease")
    measurements.record("annotation removed: command to one leader", began.elapsed(),
                        note=f"rolled out after {rolled_out:.1f} s, then the election Lease has to expire (15 s)")
    return found
