"""ringside-central against a real API server: webhook, rings, shard Leases, rebalancing, leader election."""

import re
import time

import pytest

from rings import Ring
from support import RINGS, eventually


@pytest.fixture(scope="module")
def left_behind(api, central):
    """A ring whose only shard was released; its Lease is deleted a minute later (the last test of this file)."""
    ring = Ring(api, "left-behind")
    ring.add_shard("gone", duration=1, holder="")
    return ring, time.monotonic()


@pytest.fixture
def ring(request, api, central, left_behind):
    name = re.sub("[^a-z0-9]+", "-", request.node.name.removeprefix("test_"))
    return Ring(api, name[:50].strip("-"))


# Assignment


def test_assigns_on_create(ring, central):
    for shard in ("shard-0", "shard-1"):
        ring.add_shard(shard)
    ring.wait_until_assigning()
    times, secrets = [], []
    for i in range(50):
        began = time.monotonic()
        secrets.append(ring.create_secret(f"object-{i}"))
        times.append(time.monotonic() - began)
    shards = {ring.shard_of(secret) for secret in secrets}
    assert shards == {"shard-0", "shard-1"}
    print(f"\nmeasured: create to label (in the answer to the create): median {sorted(times)[25] * 1000:.1f} ms, "
          f"max {max(times) * 1000:.1f} ms")

    for secret in secrets[:5]:
        child = ring.create_child(f"child-of-{secret['metadata']['name']}", secret)
        assert ring.shard_of(child) == ring.shard_of(secret)
    assert ring.shard_of(ring.create_child("not-controlled", secrets[0], controller=False)) is None
    assert ring.shard_of(ring.api.create(ring.configmaps, {"metadata": {"name": "alone"}})) is None

    generated = ring.api.create(ring.secrets, {"metadata": {"generateName": "generated-"}})
    assert re.fullmatch("generated-[a-z0-9]{5}", generated["metadata"]["name"])
    assert ring.shard_of(generated)

    elsewhere = ring.api.create("/api/v1/namespaces/default/secrets", {"metadata": {"name": f"not-{ring.name}"}})
    assert ring.shard_of(elsewhere) is None, "the ring's namespaceSelector does not take this namespace"

    assert central.metric(f'controller_sharding_assignments_total{{controllerring="{ring.name}",group="",'
                          'resource="secrets"}') == 51, "dry runs do not count"


def test_label_that_a_put_drops_is_put_back(ring):
    ring.add_shard("shard-0")
    ring.wait_until_assigning()
    secret = ring.create_secret("object")
    del secret["metadata"]["labels"]
    assert ring.shard_of(ring.api.request("PUT", f"{ring.secrets}/object", secret)) == "shard-0"


def test_objects_created_without_shards_are_assigned_to_the_first(ring):
    eventually(lambda: ring.condition().get("status") == "True")
    ring.create_secrets(20, children=True)
    assert set(ring.shards(ring.secrets).values()) == {None}
    began = time.monotonic()
    ring.add_shard("shard-0")
    eventually(lambda: set(ring.shards(ring.secrets).values()) == {"shard-0"})
    print(f"\nmeasured: first shard to all of 20 objects and their children assigned {time.monotonic() - began:.2f} s")
    secrets, children = ring.by_name(ring.secrets), ring.by_name(ring.configmaps)
    for name, secret in secrets.items():
        child = children["child-" + name.removeprefix("object-")]
        assert ring.shard_of(child) == "shard-0"
        assert int(child["metadata"]["resourceVersion"]) < int(secret["metadata"]["resourceVersion"]), "children first"


# The ring


def test_status_and_webhook_configuration_of_the_ring(ring, api):
    eventually(lambda: ring.condition().get("status") == "True")
    assert ring.status()["shards"] == 0
    ring.add_shard("shard-0")
    ring.add_shard("shard-1")
    ring.add_shard("dead", holder="")
    eventually(lambda: (ring.status()["shards"], ring.status()["availableShards"]) == (3, 2))
    assert ring.condition()["reason"] == "ReconciliationSucceeded"
    assert ring.status()["observedGeneration"] == ring.object()["metadata"]["generation"]

    configuration = ring.webhook()
    assert configuration["metadata"]["labels"] == {"app.kubernetes.io/name": "controller-sharding",
                                                   "alpha.sharding.timebertt.dev/controllerring": ring.name}
    webhook = configuration["webhooks"][0]
    assert webhook["name"] == "sharder.sharding.timebertt.dev"
    assert webhook["clientConfig"]["caBundle"]
    assert [rule["resources"] for rule in webhook["rules"]] == [["secrets"], ["configmaps"]]

    transition = ring.condition()["lastTransitionTime"]
    api.patch(f"{RINGS}/{ring.name}", {"spec": {"resources": [{"group": "", "resource": "secrets"}]}})
    eventually(lambda: ring.status()["observedGeneration"] == ring.object()["metadata"]["generation"])
    eventually(lambda: [rule["resources"] for rule in ring.webhook()["webhooks"][0]["rules"]] == [["secrets"]])
    assert ring.condition()["lastTransitionTime"] == transition


def test_missing_permission_is_named_in_the_condition(api, central):
    ring = Ring(api, "forbidden", [{"group": "", "resource": "services"}])
    ring.add_shard("shard-0")
    eventually(lambda: ring.condition().get("status") == "False")
    assert ring.condition()["reason"] == "PermissionMissing"
    assert "list" in ring.condition()["message"] and "services" in ring.condition()["message"]


def test_unknown_resource_is_named_in_the_condition(api, central):
    ring = Ring(api, "unknown-resource", [{"group": "nowhere.example", "resource": "unicorns"}])
    ring.add_shard("shard-0")
    eventually(lambda: ring.condition().get("status") == "False")
    assert ring.condition()["reason"] == "ReconciliationFailed"
    assert "nowhere.example" in ring.condition()["message"]


def test_metrics_of_ring_and_shards(ring, central):
    ring.add_shard("shard-0")
    ring.add_shard("dead", holder="")
    eventually(lambda: ring.status().get("availableShards") == 1)
    ring_label = f'{{controllerring="{ring.name}"}}'
    eventually(lambda: central.metric("controller_sharding_controllerring_status_available_shards" + ring_label) == 1)
    eventually(lambda: central.metric("controller_sharding_controllerring_status_shards" + ring_label) == 2)
    assert central.metric("controller_sharding_controllerring_observed_generation" + ring_label) == 1
    assert central.metric("controller_sharding_ring_calculations_total" + ring_label) >= 1
    shard = f'namespace="{ring.name}",shard="dead"'
    assert central.metric(f'controller_sharding_shard_info{{controllerring="{ring.name}",{shard}}}') == 1
    assert central.metric(f'controller_sharding_shard_state{{{shard},state="dead"}}') == 1
    assert central.metric(f'controller_sharding_shard_state{{{shard},state="ready"}}') == 0


# Shard Leases


def test_states_of_a_lease(ring):
    began = time.monotonic()
    ring.add_shard("shard-0", duration=2)
    seen = []

    def taken():
        lease = ring.lease("shard-0")
        state = lease["metadata"]["labels"].get("alpha.sharding.timebertt.dev/state")
        if state and (not seen or seen[-1][0] != state):
            seen.append((state, round(time.monotonic() - began, 1)))
        return lease["spec"]["holderIdentity"] == "shardlease-controller" and state == "dead" and lease

    lease = eventually(taken, 15)
    print(f"\nmeasured: states of a Lease of 2 s that is not renewed, and seconds when: {seen}")
    states = [state for state, _ in seen]
    assert [state for state in states if state != "uncertain"] == ["ready", "expired", "dead"]
    assert 1.5 <= dict(seen)["expired"] <= 3.5 and 3.5 <= dict(seen)["dead"] <= 6
    assert lease["spec"]["leaseDurationSeconds"] == 4
    assert lease["spec"]["leaseTransitions"] == 1
    assert lease["spec"]["acquireTime"] == lease["spec"]["renewTime"]
    eventually(lambda: ring.status()["availableShards"] == 0)

    ring.renew("shard-0", holderIdentity="shard-0", leaseDurationSeconds=30)
    eventually(lambda: ring.state("shard-0") == "ready")
    eventually(lambda: ring.status()["availableShards"] == 1)


def test_lease_that_is_renewed_stays_ready(ring):
    ring.add_shard("shard-0", duration=2)
    end = time.monotonic() + 5
    while time.monotonic() < end:
        ring.renew("shard-0")
        time.sleep(0.3)
        assert ring.state("shard-0") in (None, "ready")


# Rebalancing


def test_released_shard_loses_its_objects_at_once_children_first(ring, central):
    for shard in ("shard-0", "shard-1", "shard-2"):
        ring.add_shard(shard)
    ring.wait_until_assigning()
    ring.create_secrets(150, children=True)
    before = ring.shards(ring.secrets)
    lost = {name for name, shard in before.items() if shard == "shard-1"}
    assert lost

    began = time.monotonic()
    ring.release("shard-1")
    eventually(lambda: "shard-1" not in ring.shards(ring.secrets).values())
    print(f"\nmeasured: release to all {len(lost)} of 150 objects and their children moved "
          f"{time.monotonic() - began:.2f} s")
    secrets, children = ring.by_name(ring.secrets), ring.by_name(ring.configmaps)
    for name, secret in secrets.items():
        shard, child = ring.shard_of(secret), children["child-" + name.removeprefix("object-")]
        assert ring.shard_of(child) == shard
        if name not in lost:
            assert shard == before[name], "objects of living shards stay"
        else:
            assert int(child["metadata"]["resourceVersion"]) < int(secret["metadata"]["resourceVersion"])
    assert ring.draining() == []
    assert central.metric(f'controller_sharding_movements_total{{controllerring="{ring.name}",group="",'
                          'resource="secrets"}') >= len(lost)


def test_new_shard_gets_objects_by_drain_and_children_follow(ring, central):
    ring.add_shard("shard-0")
    ring.wait_until_assigning()
    ring.create_secrets(100, children=True)
    began = time.monotonic()
    ring.add_shard("shard-1")
    draining = eventually(ring.draining)
    time.sleep(1)
    draining = ring.draining()
    assert 20 < len(draining) < 80
    assert set(ring.shards(ring.secrets).values()) == {"shard-0"}, "nothing moves before it was handed over"
    assert set(ring.shards(ring.configmaps).values()) == {"shard-0"}
    assert ring.draining(ring.configmaps) == [], "children are not drained"

    half = draining[: len(draining) // 2]
    for name in half:
        assert ring.shard_of(ring.acknowledge(name)) == "shard-1"
    acknowledged = time.monotonic()
    followers = {"child-" + name.removeprefix("object-") for name in half}

    def followed():
        return {name for name, shard in ring.shards(ring.configmaps).items() if shard == "shard-1"} == followers

    eventually(followed, 12, "children follow their owners, and no others")
    print(f"\nmeasured: join to drain labels {acknowledged - began - 1:.2f} s at most; "
          f"stragglers {time.monotonic() - acknowledged:.1f} s after the last acknowledgement")
    assert central.metric(f'controller_sharding_drains_total{{controllerring="{ring.name}",group="",'
                          'resource="secrets"}') == len(draining)

    ring.release("shard-1")
    eventually(lambda: ring.draining() == [], 10, "drains are withdrawn")
    eventually(lambda: set(ring.shards(ring.secrets).values()) == {"shard-0"})
    eventually(lambda: set(ring.shards(ring.configmaps).values()) == {"shard-0"}, 12)


@pytest.mark.parametrize("others", [0, 55], ids=["few-shards", "many-shards"])
def test_object_on_a_dead_shard_is_moved(ring, others):
    """A handover goes to where the children went, though that shard may have died meanwhile. With many shards the API server
    cannot be asked for what is on none of them."""
    living = ["shard-0", *(f"other-{i}" for i in range(others))]
    for shard in [*living, "shard-1"]:
        ring.add_shard(shard)
    ring.wait_until_assigning()
    eventually(lambda: ring.status().get("availableShards") == len(living) + 1)
    ring.release("shard-1")
    eventually(lambda: ring.status()["availableShards"] == len(living))
    ring.create_secret("settled")
    eventually(lambda: set(ring.shards(ring.secrets).values()) <= set(living))
    late = ring.create_secret("late", labels={ring.shard_label: "shard-1"})
    ring.create_child("child", late)
    eventually(lambda: set(ring.shards(ring.secrets).values()) <= set(living), 20, "it does not wait for the next full sync")


def test_handover_that_a_dying_shard_leaves_half_done(ring, central):
    """Its children are on a shard that stays, and the ring wants their owner on a third by then."""
    ring.add_shard("shard-0")
    ring.wait_until_assigning()
    ring.create_secrets(60, children=True)
    ring.add_shard("shard-1")
    eventually(ring.draining)
    time.sleep(1)
    children = {name: "child-" + name.removeprefix("object-") for name in ring.draining()}
    for child in children.values():
        label = {"metadata": {"labels": {ring.shard_label: "shard-1"}}}
        ring.api.patch(f"{ring.configmaps}/{child}?fieldManager=sharding-sidecar", label)

    synced = f'ringside_central_sync_duration_seconds_count{{controllerring="{ring.name}",kind="full"}}'
    before = central.metric(synced)
    ring.add_shard("shard-2")
    eventually(lambda: central.metric(synced) > before, 10, "a sync with all three shards")
    ring.release("shard-0")
    eventually(lambda: "shard-0" not in ring.shards(ring.secrets).values(), 10)
    secrets, moved = ring.by_name(ring.secrets), ring.by_name(ring.configmaps)
    assert {ring.shard_of(secrets[name]) for name in children} == {"shard-1", "shard-2"}
    for name, child in children.items():
        assert ring.shard_of(moved[child]) == ring.shard_of(secrets[name])
        assert int(moved[child]["metadata"]["resourceVersion"]) < int(secrets[name]["metadata"]["resourceVersion"])


def test_new_object_does_not_wait_for_those_of_a_dead_shard(ring):
    ring.add_shard("shard-0")
    ring.wait_until_assigning()
    ring.create_secrets(100, children=True)
    ring.release("shard-0")
    eventually(lambda: ring.status()["availableShards"] == 0)
    eventually(lambda: ring.shard_of(ring.api.create(ring.secrets + "?dryRun=All", {"metadata": {"name": "probe"}})) is None)
    assert ring.shard_of(ring.create_secret("new")) is None
    ring.add_shard("shard-1")
    eventually(lambda: set(ring.shards(ring.secrets).values()) == {"shard-1"}, 15)
    first_move = min(int(item["metadata"]["resourceVersion"]) for item in ring.api.items(ring.configmaps))
    assert int(ring.by_name(ring.secrets)["new"]["metadata"]["resourceVersion"]) < first_move


def test_change_of_membership_during_a_sync(ring):
    ring.add_shard("shard-0")
    ring.wait_until_assigning()
    ring.create_secrets(300)
    ring.add_shard("shard-1")
    ring.add_shard("shard-2")
    ring.release("shard-0")
    eventually(lambda: set(ring.shards(ring.secrets).values()) == {"shard-1", "shard-2"}, 15)
    assert ring.draining() == []


def test_cluster_scoped_resources_are_rebalanced(api, central):
    ring = Ring(api, "cluster-scoped", [{"group": "scheduling.k8s.io", "resource": "priorityclasses"}])
    path = "/apis/scheduling.k8s.io/v1/priorityclasses"
    ring.add_shard("shard-0")
    ring.add_shard("shard-1")
    probe = {"metadata": {"name": "probe"}, "value": 1}
    eventually(lambda: ring.shard_of(api.create(path + "?dryRun=All", probe)))
    for i in range(10):
        api.create(path, {"metadata": {"name": f"class-{i}"}, "value": i})
    ring.release("shard-0")
    eventually(lambda: set(ring.shards(path).values()) == {"shard-1"}, 10)


def test_objects_of_a_namespace_that_the_ring_does_not_take_stay(ring, api):
    ring.add_shard("shard-0")
    ring.wait_until_assigning()
    path = "/api/v1/namespaces/default/secrets"
    api.create(path, {"metadata": {"name": ring.name, "labels": {ring.shard_label: "nobody"}}})
    ring.create_secrets(5)
    ring.add_shard("shard-1")
    ring.release("shard-0")
    eventually(lambda: set(ring.shards(ring.secrets).values()) == {"shard-1"})
    assert ring.shard_of(api.get(f"{path}/{ring.name}")) == "nobody"


# The process


def test_children_of_cluster_scoped_objects_go_where_their_owners_are(api, central):
    ring = Ring(api, "cluster-scoped-owners", [
        {"group": "scheduling.k8s.io", "resource": "priorityclasses",
         "controlledResources": [{"group": "", "resource": "configmaps"},
                                 {"group": "node.k8s.io", "resource": "runtimeclasses"}]}])
    owners, cluster_children = "/apis/scheduling.k8s.io/v1/priorityclasses", "/apis/node.k8s.io/v1/runtimeclasses"
    ring.add_shard("shard-0")
    ring.add_shard("shard-1")
    ring.wait_until_assigning_to(owners, {"metadata": {"name": "probe"}, "value": 1})

    def create(i):
        owner = api.create(owners, {"metadata": {"name": f"owner-{i}"}, "value": i})
        reference = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "name": f"owner-{i}",
                     "uid": owner["metadata"]["uid"], "controller": True}
        child = api.create(ring.configmaps, {"metadata": {"name": f"child-{i}", "ownerReferences": [reference]}})
        api.create(cluster_children, {"metadata": {"name": f"child-{i}", "ownerReferences": [reference]}, "handler": "x"})
        assert ring.shard_of(child) == ring.shard_of(owner)

    def together():
        """The shards, once every child is where its owner is."""
        of_owners = {name.removeprefix("owner-"): shard for name, shard in ring.shards(owners).items()
                     if name.startswith("owner-")}
        for path in (ring.configmaps, cluster_children):
            of_children = {name.removeprefix("child-"): shard for name, shard in ring.shards(path).items()
                           if name.startswith("child-")}
            if of_children != of_owners:
                return None
        return set(of_owners.values())

    try:
        for i in range(20):
            create(i)
        assert together() == {"shard-0", "shard-1"}
        ring.release("shard-0")
        eventually(lambda: together() == {"shard-1"}, 15, "everything moved to the shard that is left")
        ring.add_shard("shard-2")
        draining = eventually(lambda: [name for name in ring.draining(owners) if name.startswith("owner-")])
        for name in draining:
            ring.api.patch(f"{owners}/{name}?fieldManager=sharding-sidecar",
                           {"metadata": {"labels": {ring.shard_label: None, ring.drain_label: None}}})
        eventually(lambda: together() == {"shard-1", "shard-2"}, 15, "children follow their owners")
    finally:
        for i in range(20):
            api.delete(f"{owners}/owner-{i}")
            api.delete(f"{cluster_children}/child-{i}")


def test_api_server_that_was_away(ring, cluster, central):
    ring.add_shard("shard-0")
    ring.wait_until_assigning()
    cluster.restart("apiserver", wait=True)
    began = time.monotonic()
    eventually(lambda: ring.api.create(ring.secrets + "?dryRun=All", {"metadata": {"name": "probe"}}), 20)
    ring.add_shard("shard-1")
    ring.release("shard-0")
    ring.create_secret("object")
    eventually(lambda: ring.shards(ring.secrets) == {"object": "shard-1"}, 30)
    print(f"\nmeasured: API server back to shards seen and an object moved {time.monotonic() - began:.2f} s")
    eventually(central.leading, 20)


def test_orphaned_lease_is_deleted_after_a_minute(left_behind):
    ring, began = left_behind
    lease = ring.lease("gone")
    if lease is not None:
        assert lease["metadata"]["labels"]["alpha.sharding.timebertt.dev/state"] == "dead"
    eventually(lambda: ring.lease("gone") is None, 75)
    elapsed = time.monotonic() - began
    print(f"\nmeasured: dead Lease of 1 s deleted at most {elapsed:.0f} s after its release")
