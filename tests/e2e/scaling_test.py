"""Scaling in and out: objects of a shard that leaves move at once, those of living shards are drained."""

import pytest
from api import LEASES
from world import RING, Moment, eventually

# The Lease that the scale-down has left, for the test that waits for its deletion; and when it was released.
_ORPHAN = {}


def create_objects(ring, prefix, count, shards=3):
    ring.api.create_secrets([f"{prefix}-{i}" for i in range(count)])
    return ring.settle(shards, seconds=60 + count / 10)


def scale_down(ring, measurements, count):
    before = create_objects(ring, "in", count)
    began = Moment()
    ring.scale(2)
    after = ring.settle(2, seconds=30 + count / 50)
    (gone,) = set(before.available) - set(after.available)
    assert ring.state(gone) == "dead"
    assert after.leases[gone]["spec"].get("holderIdentity", "") == ""
    seen = ring.since(began, before)
    assert {move.source for move in seen.moves} == {gone}, "only the objects of the shard that left move"
    assert not seen.drains, "there is nobody to ask"
    assert len({move.target for move in seen.moves} | set(seen.unknown)) == len(before.of_shard(gone))
    released = next(change.time for change in seen.leases if change.shard == gone and not change.held)
    last = max(began.until(move.time) for move in seen.moves)
    measurements.record("scale-down 3 to 2: command to all objects moved", last, objects=count,
                        note=f"{len(seen.moves)} of {len(before.objects)} objects")
    measurements.record("scale-down 3 to 2: Lease released to all objects moved", last - began.until(released), objects=count)
    return gone, Moment()


def scale_up(ring, measurements, count):
    before = ring.snapshot()
    began = Moment()
    ring.scale(4)
    after = ring.settle(4, seconds=60 + count / 20)
    new = set(after.available) - set(before.available)
    seen = ring.since(began, before)
    secrets = [move for move in seen.moves if move.target.startswith("secrets/")]
    assert secrets and all(move.drained or move.target in seen.unknown for move in secrets), \
        "an object of a living shard is drained before it moves"
    assert {move.to for move in seen.moves} <= new, "objects move to the new shards only"
    assert {move.target for move in secrets} | set(seen.unknown) >= {drain.target for drain in seen.drains}
    # settle() has seen that no drain label is left, and that every object is with the hash ring's shard.
    joined = min(began.until(change.time) for change in seen.leases if change.shard in new and change.held)
    last = max(began.until(move.time) for move in secrets)
    note = f"{len(secrets)} Secrets drained"
    measurements.record("scale-up 2 to 4: first new Lease to last acknowledgement", last - joined, objects=count, note=note)
    measurements.record("scale-up 2 to 4: first drain to last acknowledgement",
                        last - min(began.until(drain.time) for drain in seen.drains), objects=count, note=note)
    measurements.record("scale-up 2 to 4: command to last acknowledgement", last, objects=count, note="with the pods' start")


def test_scaled_down_and_up_with_100_objects(ring, measurements):
    _ORPHAN["lease"], _ORPHAN["released"] = scale_down(ring, measurements, 100)
    scale_up(ring, measurements, 100)


@pytest.mark.long
def test_scaled_down_and_up_with_2000_objects(ring, measurements):
    _ORPHAN["lease"], _ORPHAN["released"] = scale_down(ring, measurements, 2000)
    scale_up(ring, measurements, 2000)


def test_children_move_before_their_owner(ring):
    """The new owner's caches hold the children when the owner arrives: the reverse order would create them twice."""
    create_objects(ring, "order", 30)
    began = Moment()
    ring.scale(4)
    ring.settle(4)
    moved = {move.target: move.time for move in ring.since(began).moves}
    secrets = [target.removeprefix("secrets/") for target in moved if target.startswith("secrets/")]
    assert secrets
    late = [name for name in secrets if moved.get(f"configmaps/checksums-{name}", "9") > moved[f"secrets/{name}"]]
    assert not late, f"moved before their ConfigMaps: {late}"


def test_handovers_go_by_the_controllers_own_metrics(ring):
    """Nothing was configured for it: the port is called `metrics` in the controller's manifest."""
    ring.steady(2)
    create_objects(ring, "proof", 30, shards=2)
    ring.scale(4)
    ring.settle(4)
    counts = {"proof": 0, "window": 0, "deadline": 0}
    for pod in ring.pods():
        text = ring.in_pod_network(pod, "curl", "--silent", "--fail", "http://127.0.0.1:16480/metrics")
        for by in counts:
            counts[by] += sum(float(line.split()[-1]) for line in text.splitlines()
                              if line.startswith(f'ringside_sidecar_quiescence_total{{by="{by}"}}'))
    assert counts["proof"] > 0 and counts["window"] == counts["deadline"] == 0, counts


def deletion_of_the_orphan(world, measurements):
    """Called by the last test that runs in the meantime (ownership_test.py), so that nobody just waits for it."""
    if not _ORPHAN:
        return
    eventually(lambda: world.api.find(f"{LEASES}/{_ORPHAN['lease']}") is None, 120, f"the orphaned Lease of {RING} is deleted")
    (deleted,) = [event for event in world.cluster.audit_events() if event["verb"] == "delete"
                  and event["objectRef"]["resource"] == "leases" and event["objectRef"]["name"] == _ORPHAN["lease"]
                  and event["responseStatus"]["code"] == 200]
    seconds = _ORPHAN["released"].until(deleted["stageTimestamp"])
    measurements.record("orphaned Lease: released to deleted", seconds, note="a minute after its expiry")
    assert 55 < seconds < 90
