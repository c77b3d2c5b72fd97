"""What stands still or is gone for a while: everything is as before once it is back, without anybody's hand."""

import collections
import concurrent.futures
import dataclasses
import itertools
import threading
import time

import pytest
from api import LEASES, RINGS, ApiError
from checker import in_order
from faults_test import Creator
from world import CONTROLLER, RING, RING_LABEL, SHARD_LABEL, SIDECAR, STATE_LABEL, Moment, eventually

SYSTEM_PODS = "/api/v1/namespaces/sharding-system/pods?labelSelector=app.kubernetes.io/component=sharder"
EVENTS = "/api/v1/namespaces/default/events"
LEADER = "/apis/coordination.k8s.io/v1/namespaces/sharding-system/leases/sharder"


class StatusWatcher(threading.Thread):
    """Compares the ring's status with the shard Leases again and again: `longest` is how long they were apart at once.
    `conditions` are the messages of a ring that was not Ready."""

    def __init__(self, world):
        super().__init__(daemon=True)
        self._world, self._stop_asked = world, threading.Event()
        self.longest, self.seen, self.conditions = 0.0, 0, []
        self.start()

    def run(self):
        agreed = time.monotonic()
        while not self._stop_asked.wait(0.1):
            try:
                said = self._world.api.get(f"{RINGS}/{RING}")["status"]
                there = sum(is_ready(lease) for lease in leases_of(self._world))
            except (ApiError, OSError, KeyError):
                agreed = time.monotonic()
                continue
            self.seen += 1
            condition = said["conditions"][0]
            if condition["status"] != "True" and condition["message"] not in self.conditions:
                self.conditions.append(condition["message"])
            if said["availableShards"] == there:
                agreed = time.monotonic()
            self.longest = max(self.longest, time.monotonic() - agreed)

    def stop(self):
        self._stop_asked.set()
        self.join()


@pytest.mark.parametrize("seconds", [5, 15, pytest.param(60, marks=pytest.mark.long)])
def test_every_shard_is_back_after_the_api_server_stood_still(ring, measurements, seconds):
    ring.api.create_secrets([f"before-{seconds}-{i}" for i in range(30)])
    before = ring.settle()
    pods, restarts = uids(ring), restarts_of(ring)
    began, creator = Moment(), Creator(ring.api, f"during-{seconds}")
    eventually(lambda: len(creator.created) > 10, 30, "Secrets are being created")
    ring.cluster.pause("apiserver")
    try:
        time.sleep(seconds)
    finally:
        ring.cluster.resume("apiserver")
    back, status = Moment(), StatusWatcher(ring)
    count = len(creator.created)
    eventually(lambda: all_ready_since(ring, back), 120, "every shard is ready and has renewed its Lease")
    ready = back.elapsed()
    eventually(lambda: len(creator.created) > count + 10, 120, "Secrets are being created again")
    creator.stop()
    names = [f"after-{seconds}-{i}" for i in range(10)]
    ring.api.create_secrets(names)
    now = ring.settle(3, seconds=120)
    settled = back.elapsed()
    status.stop()

    condition = eventually(lambda: ready_condition(ring), 10, "the ring says that it is ready")
    assert condition["reason"] == "ReconciliationSucceeded"
    assert status.seen and status.longest < 5, f"the ring's status lagged behind for {status.longest:.1f} s"
    assert uids(ring) == pods, "the same pods: nobody had to delete one"
    assert now.available == before.available
    assert {f"Secret/{name}" for name in [*creator.created, *names]} <= set(now.objects)
    result = ring.since(began, before)
    assert result.judged and not result.violations, result.explain()

    what, restarted = f"API server stood still for {seconds} s", sum((restarts_of(ring) - restarts).values())
    measurements.record(f"{what}: going on to every shard ready", ready,
                        note=f"{restarted} restarts of containers, {len(creator.created)} Secrets in the middle")
    measurements.record(f"{what}: going on to everything settled", settled,
                        note="; ".join(status.conditions) or "the ring stayed Ready")
    measurements.record(f"{what}: status and Leases apart", status.longest)


@pytest.mark.parametrize("killed", ["the leader", "both"])
def test_creates_at_full_speed_while_central_is_killed(ring, measurements, killed):
    """While nobody answers the webhook, objects are created without a shard (failurePolicy Ignore). Each one has to be found
    within ten seconds of its creation, or of the moment from which a replica of central runs again."""
    fresh_central(ring)
    pods = [pod["metadata"]["name"] for pod in ring.api.items(SYSTEM_PODS)]
    leader = ring.api.get(LEADER)["spec"]["holderIdentity"]
    victims = pods if killed == "both" else [pod["metadata"]["name"] for pod in led_by(ring)]
    survivors = [pod for pod in pods if pod not in victims]
    counted, began, status = orphans_counted(ring, survivors), Moment(), StatusWatcher(ring)
    count, done = 1500, itertools.count(1)
    hit = threading.Event()

    def create(i):
        ring.api.create_secret(f"burst-{killed.split()[-1]}-{i}")
        if next(done) == count // 5:
            hit.set()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        creates = [pool.submit(create, i) for i in range(count)]
        assert hit.wait(120), "Secrets are being created"
        death = Moment()
        for pod in victims:
            ring.cluster.kill_container("sharding-system", pod, "sharder")
        for each in creates:
            each.result()
    speed = count / began.elapsed()
    ring.settle(3, seconds=120)
    settled = death.elapsed()

    leader_again = ring.api.get(LEADER)["spec"]["holderIdentity"]
    returned = death.wall.timestamp() + (0 if survivors else min(death.until(stamp) for stamp in starts(ring, pods)))
    births = births_since(ring, began)
    assert len([birth for birth in births if birth.target.startswith("secrets/")]) == count
    missed = [birth for birth in births if birth.missed]
    assert not [birth for birth in missed if birth.assigned is None], "none is without a shard in the end"
    late = [birth for birth in missed if birth.assigned - max(birth.created, returned) > 10]
    assert not late, f"{len(late)} of {len(missed)} that the webhook missed waited for more than 10 s: {late[:5]}"

    eventually(lambda: ready_condition(ring), 30, "the ring says that it is ready")
    status.stop()
    found = orphans_counted(ring, pods) - counted
    assert bool(found) == bool(missed), f"{found} counted as orphans, {len(missed)} missed by the webhook"
    assert not missed or any("had no shard" in message for message in status.conditions), status.conditions
    assert not missed or [event for event in ring.api.items(EVENTS) if event["reason"] == "ObjectsUnassigned"]
    result = ring.since(began)
    assert result.judged and not result.violations, result.explain()
    what = f"{count} creates while central was killed ({killed})"
    longest = max((birth.assigned - birth.created for birth in missed), default=0)
    measurements.record(f"{what}: missed by the webhook", len(missed), "",
                        note=f"{speed:.0f} creates/s; {found} counted as orphans")
    measurements.record(f"{what}: longest without a shard", longest,
                        note=f"{'the same' if leader_again == leader else 'the other'} replica led afterwards")
    measurements.record(f"{what}: kill to everything settled", settled)


@dataclasses.dataclass
class Birth:
    """Of an object of the ring, by the audit log: when it was created, and when it had a shard first."""
    target: str
    created: float
    assigned: float = None

    @property
    def missed(self):
        """By the webhook, which assigns in the same request."""
        return self.assigned != self.created


def births_since(world, began):
    births = {}
    for write in in_order(world.cluster.audit_events()):
        owned = write.resource == "secrets" or (write.resource == "configmaps" and write.controller_uid)
        if not owned or not write.succeeded or write.time < began.wall.timestamp() or write.namespace != "default":
            continue
        if write.verb == "create":
            births[write.uid] = Birth(write.target, write.time)
        birth = births.get(write.uid)
        if birth and birth.assigned is None and SHARD_LABEL in (write.labels or {}):
            birth.assigned = write.time
    return list(births.values())


def leases_of(world):
    return [lease for lease in world.api.items(LEASES) if lease["metadata"].get("labels", {}).get(RING_LABEL) == RING]


def all_ready_since(world, moment):
    # The Lease of a pod that an earlier test has ended is there for another minute.
    pods = world.pods()
    leases = [lease for lease in leases_of(world) if lease["metadata"]["name"] in pods]
    return len(leases) == 3 and all(is_ready(lease) and moment.until(lease["spec"]["renewTime"]) > 0 for lease in leases)


def is_ready(lease):
    return lease["metadata"]["labels"].get(STATE_LABEL) == "ready"


def uids(world):
    return {pod["metadata"]["uid"] for pod in world.pods().values()}


def restarts_of(world):
    return collections.Counter({(pod, container): world.restarts(pod, container)
                                for pod in world.pods() for container in (CONTROLLER, SIDECAR)})


def ready_condition(world):
    status = world.api.get(f"{RINGS}/{RING}")["status"]
    condition = status["conditions"][0]
    # Not its "shards": they include the one whose pod an earlier test has ended, for a minute.
    return condition["status"] == "True" and status["availableShards"] == 3 and condition


def fresh_central(world):
    """No replica was restarted yet: the kubelet restarts them without a back-off."""
    pods = world.api.items(SYSTEM_PODS)
    if any(status["restartCount"] for pod in pods for status in pod["status"]["containerStatuses"]):
        world.kubectl("-n sharding-system rollout restart deployment sharder")
    world.kubectl("-n sharding-system rollout status deployment sharder --timeout=120s")
    eventually(lambda: len(world.api.items(SYSTEM_PODS)) == 2, 60, "two replicas of central, and none on its way out")
    eventually(lambda: len(led_by(world)) == 1, 60, "one of them leads")


def led_by(world):
    leader = world.api.get(LEADER)["spec"]["holderIdentity"]
    return [pod for pod in world.api.items(SYSTEM_PODS) if leader.startswith(pod["metadata"]["name"] + "_")]


def starts(world, pods):
    """When the containers began that run now."""
    return [pod["status"]["containerStatuses"][0]["state"]["running"]["startedAt"]
            for pod in world.api.items(SYSTEM_PODS) if pod["metadata"]["name"] in pods]


def orphans_counted(world, pods):
    """By the metric of these replicas; one that was killed begins anew."""
    total = 0
    for name in pods:
        text = world.kubectl(f"get --raw /api/v1/namespaces/sharding-system/pods/{name}:8080/proxy/metrics", check=False)
        total += sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines()
                     if line.startswith(f'ringside_central_orphans_total{{controllerring="{RING}"}}'))
    return int(total)
