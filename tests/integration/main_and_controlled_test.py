"""A resource that is main and controlled in one ring."""

import time

from fence_test import FencedRing, denied, touch
from support import RINGS, eventually


def test_what_is_main_and_controlled_goes_by_its_own_key(api, central):
    """Secrets control ConfigMaps, and the same controller reconciles ConfigMaps for themselves."""
    secrets, configmaps = {"group": "", "resource": "secrets"}, {"group": "", "resource": "configmaps"}
    ring = FencedRing(api, "f-main-and-controlled", resources=[{**secrets, "controlledResources": [configmaps]}, configmaps])
    ring.add_shard("a")
    ring.add_shard("b")
    ring.wait_until_fenced()
    ring.wait_until_assigning()
    owner = ring.create_secret("owner")
    present = ring.shard_of(owner)
    other = {"a": "b", "b": "a"}[present]
    ring.api = ring.pod(present)
    children = [ring.create_child(f"child-{i}", owner) for i in range(12)]
    ring.api = api
    elsewhere = [child["metadata"]["name"] for child in children if ring.shard_of(child) == other]
    assert elsewhere and len(elsewhere) < len(children), "by their own names, and any shard may make them"
    denied(lambda: touch(ring.pod(present), f"{ring.configmaps}/{elsewhere[0]}"))
    touch(ring.pod(other), f"{ring.configmaps}/{elsewhere[0]}")

    before = ring.shards(ring.configmaps)
    ring.add_shard("c")
    draining = set(eventually(lambda: ring.draining(ring.configmaps), what="children with a handover of their own"))
    time.sleep(6)  # in which those who only follow would have been moved
    assert ring.shards(ring.configmaps) == before, "no child follows its owner, none goes before it was handed over"
    for name in draining:
        handed_over = ring.pod(before[name]).patch(
            f"{ring.configmaps}/{name}?fieldManager=sharding-sidecar",
            {"metadata": {"labels": {ring.shard_label: None, ring.drain_label: None}}})
        assert ring.shard_of(handed_over) == "c"
    ring.release(other)
    eventually(lambda: other not in ring.shards(ring.configmaps).values(), 15, "those of a dead shard move at once")
    assert {name for name, shard in ring.shards(ring.configmaps).items() if shard != before[name]} <= \
        draining | set(elsewhere), "those of living shards stay"
    api.delete(f"{RINGS}/{ring.name}")
