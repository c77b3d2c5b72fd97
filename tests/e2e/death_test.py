"""Killed processes are back in place and nothing moves; a pod that is gone loses its objects at once."""

import pytest
from api import PODS
from world import CONTROLLER, SIDECAR, Moment, eventually


def test_a_controller_process_killed_hard_is_back_and_nothing_moves(ring, measurements):
    ring.api.create_secrets([f"kill-{i}" for i in range(20)])
    before = ring.settle()
    pod = ring.fresh_pod()
    name = ring.name_on(pod, "kill-new")
    began = Moment()
    ring.cluster.kill_container("default", pod, CONTROLLER)
    killed = Moment()
    ring.api.create_secret(name)
    ring.served(name)
    measurements.record("controller killed (SIGKILL): served again", killed.elapsed(), note="a new Secret of its shard")
    eventually(lambda: ring.restarts(pod, CONTROLLER) == 1, 20, "one restart of the controller")
    assert ring.restarts(pod, SIDECAR) == 0
    stays_with_its_shards(ring, before, began)


def test_a_sidecar_killed_alone_is_back_and_its_controller_goes_on(ring, measurements):
    ring.api.create_secrets([f"sidecar-{i}" for i in range(20)])
    before = ring.settle()
    pod = ring.fresh_pod()
    name = ring.name_on(pod, "sidecar-new")
    began = Moment()
    ring.cluster.kill_container("default", pod, SIDECAR)
    killed = Moment()
    ring.api.create_secret(name)
    ring.served(name)
    measurements.record("sidecar killed (SIGKILL): served again", killed.elapsed(), note="a new Secret of its shard")
    eventually(lambda: ring.restarts(pod, SIDECAR) == 1, 20, "one restart of the sidecar")
    assert ring.restarts(pod, CONTROLLER) == 0, "the controller reconnects without a restart"
    stays_with_its_shards(ring, before, began)


def stays_with_its_shards(ring, before, began):
    ring.kubectl("wait --for=condition=Ready pod -l app.kubernetes.io/component=checksum-controller --timeout=30s")
    after = ring.settle()
    assert {target: after.shard(target) for target in before.objects} == before.shards()
    seen = ring.since(began, before)
    assert not seen.moves and not seen.drains and not seen.leases


def force_delete(ring, measurements, count):
    ring.api.create_secrets([f"gone-{i}" for i in range(count)])
    before = ring.settle(seconds=60 + count / 10)
    pod = before.available[0]
    began = Moment()
    ring.api.delete(f"{PODS}/{pod}?gracePeriodSeconds=0&propagationPolicy=Background")
    ring.settle(3, without=pod, seconds=60 + count / 20)
    seen = ring.since(began, before)
    moved = [move for move in seen.moves if move.source == pod]
    assert not seen.losses, "moved from shard to shard, never without one"
    known = {move.target for move in moved} | set(seen.unknown)
    assert {as_target(name) for name in before.of_shard(pod)} <= known
    # The kubelet ends the pod after it is gone from the API. If the API server refuses its token by then (401, "pod not
    # found"), the sidecar cannot release the Lease, which has to expire: 30 s, as with the reference.
    released = min(began.until(change.time) for change in seen.leases if change.shard == pod and not change.held)
    outcome = "Lease released" if released < 5 else "token refused, Lease expired"
    measurements.record(f"pod deleted by force: command to all its objects moved ({outcome})",
                        max(began.until(move.time) for move in moved), objects=count, note=f"{len(moved)} objects")


def as_target(name):
    """Secret/foo, as the audit log names it."""
    kind, name = name.split("/", 1)
    return f"{kind.lower()}s/{name}"


def test_a_pod_deleted_by_force_with_100_objects(ring, measurements):
    force_delete(ring, measurements, 100)


@pytest.mark.long
def test_a_pod_deleted_by_force_with_2000_objects(ring, measurements):
    force_delete(ring, measurements, 2000)


@pytest.mark.long
@pytest.mark.parametrize("count", [100, 2000])
def test_a_pod_frozen_whole_loses_its_objects_when_its_lease_has_expired(ring, measurements, count):
    """As when its node is lost: nobody releases the Lease, and nobody renews it."""
    ring.api.create_secrets([f"frozen-{i}" for i in range(count)])
    before = ring.settle(seconds=60 + count / 10)
    pod = ring.fresh_pod()
    pids = [ring.cluster.container_pid("default", pod, container) for container in (CONTROLLER, SIDECAR)]
    began = Moment()
    try:
        for pid in pids:
            ring.cluster.signal_pid(pid, "STOP")
        eventually(lambda: ring.state(pod) == "dead", 60, "the frozen shard is dead")
        eventually(lambda: not ring.snapshot().of_shard(pod), 60, "all its objects moved")
    finally:
        for pid in pids:
            ring.cluster.exec("kill", "-CONT", str(pid), check=False)
    seen = ring.since(began, before)
    moved = [move for move in seen.moves if move.source == pod]
    assert {as_target(name) for name in before.of_shard(pod)} <= {move.target for move in moved} | set(seen.unknown)
    measurements.record("whole pod lost (frozen): to all its objects moved",
                        max(began.until(move.time) for move in moved), objects=count, note=f"{len(moved)} objects")
    eventually(lambda: ring.state(pod) == "ready", 90, "the shard is back when its pod is")
    ring.settle(3, seconds=120)
