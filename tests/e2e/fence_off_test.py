"""The sidecars alone: with the ring's fence in the API server off, nothing else keeps a controller from others' objects.

Everything that moves objects happens while they change; the audit log is judged afterwards. With the fence on, a write that a
sidecar lets through by mistake would be refused behind it, and nobody would see the mistake.
"""

import hashlib
import threading

import pytest
from api import CONFIGMAPS, RINGS, SECRETS
from pod_test import probe
from world import CONTROLLER, RING, SIDECAR, Moment, eventually

SECRET_COUNT = 60
ANNOTATION = "alpha.sharding.timebertt.dev/fence"


class Changer(threading.Thread):
    """Changes one Secret after another until it is stopped."""

    def __init__(self, api, names):
        super().__init__(daemon=True)
        self._api, self._stop_asked = api, threading.Event()
        self.values = {name: f"value of {name}" for name in names}
        self.start()

    def run(self):
        number = 0
        while not self._stop_asked.wait(0.01):
            number += 1
            name = list(self.values)[number % len(self.values)]
            self._api.patch(f"{SECRETS}/{name}", {"stringData": {"key": f"{name} {number}"}})
            self.values[name] = f"{name} {number}"

    def stop(self):
        self._stop_asked.set()
        self.join()
        return self.values


def set_fence(ring, value):
    ring.api.patch(f"{RINGS}/{RING}", {"metadata": {"annotations": {ANNOTATION: value}}})


@pytest.fixture
def unfenced(ring):
    """The ring without its policy. -> the ring, 60 Secrets that change all the time"""
    names = [f"unfenced-{i}" for i in range(SECRET_COUNT)]
    ring.api.create_secrets(names)
    now = ring.settle()
    pod = now.available[0]
    other = next(name for name in now.objects if name.startswith("ConfigMap/") and now.shard(name) != pod)
    path = f"{CONFIGMAPS}/{other.removeprefix('ConfigMap/')}?dryRun=All"
    try:
        set_fence(ring, "off")
        eventually(lambda: probe(ring, pod, "write", path)["direct"][0] == 200, 15, "the fence is lifted")
        changer = Changer(ring.api, names)
        try:
            yield ring, changer
        finally:
            changer.stop()
    finally:
        set_fence(ring, None)
    eventually(ring.is_fenced, 15, "the fence is in force again")


def is_up_to_date(ring, name, value):
    return hashlib.sha256(value.encode()).hexdigest() in str(ring.api.get(f"{CONFIGMAPS}/checksums-{name}").get("data"))


def test_no_write_by_a_non_owner_without_the_fence_in_the_api_server(unfenced, measurements):
    ring, changer = unfenced
    before, began = ring.snapshot(), Moment()
    stopped = ring.fresh_pod()

    # Objects leave a controller that stands still, with news in its sockets and reconciles half done; then it goes on.
    process = ring.cluster.container_pid("default", stopped, CONTROLLER)
    ring.cluster.signal_pid(process, "STOP")
    try:
        ring.scale(4)
        eventually(lambda: len(ring.snapshot().available) == 4, 30, "a fourth shard")
        eventually(lambda: ring.since(began).drains and not draining(ring), 30, "all that drains is handed over")
    finally:
        ring.cluster.signal_pid(process, "CONT")
    assert stopped in {move.source for move in ring.since(began).moves}, "objects left the controller that stood still"
    ring.settle(4)

    # A sidecar dies while objects come to its shard.
    ring.scale(2)
    eventually(lambda: len(ring.pods()) == 2, 10, "two pods are on their way out")
    ring.cluster.kill_container("default", sorted(ring.pods())[0], SIDECAR)
    ring.settle(2)

    ring.kubectl(f"rollout restart deployment {RING}")
    ring.kubectl(f"rollout status deployment {RING} --timeout=60s")
    ring.settle(2)

    values = changer.stop()
    for name, value in values.items():
        eventually(lambda: is_up_to_date(ring, name, value), 20, f"{name} as it was changed last is worked on")
    result = ring.since(began, before)
    assert ring.is_fenced() is None, "it was off until now"
    assert not result.violations, result.explain()
    measurements.record("fence off: writes by a non-owner", len(result.violations), "", objects=SECRET_COUNT,
                        note=f"of {result.judged} judged; {len(result.moves)} moves, {len(result.drains)} drains")


def draining(ring):
    return [name for name, item in ring.snapshot().objects.items()
            if any(label.startswith("drain.") for label in item["metadata"]["labels"])]
