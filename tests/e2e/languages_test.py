"""Unmodified controllers of several frameworks, each a ring of its own: client-go alone, kopf, the Java Operator SDK, kube-rs,
and controller-runtime two minor versions back.

All live through the same stories at the same time, each in its namespace. What the audit log tells of them is judged afterwards.
"""

import time

import pytest
from language_ring import CONFIGMAPS, SECRETS, LanguageRing, OlderChecksums, why_without_image
from ring_edits import RingEdits
from ring_writes import RingWrites
from rollouts import LEASE_SECONDS, Rollout
from side_by_side import Story, side_by_side
from world import Moment, eventually

KOPF = "python-kopf"
NAMES = ("go-informers", KOPF, "java-operator", "rust-operator", OlderChecksums.NAME)
# Compiling takes many minutes, the first time.
PARAMETERS = [pytest.param(name, marks=pytest.mark.long) if name == "rust-operator" else name for name in NAMES]
OBJECTS, MANY = 24, 400
BUSY = 5  # seconds that a machine with four rings on it may take longer


class Life(Story):
    def __init__(self, ring):
        super().__init__(ring)
        self.seconds = {}  # what happened -> until everything was served and in its place
        self.until_released = None  # a Lease, from the stop of its shard's process

    def live(self):
        ring = self.ring
        ring.install(sharded=True)
        ring.rolled_out()
        self._after("installed")
        ring.create_secrets("first", OBJECTS)
        self._after("objects created")
        ring.scale(2)
        self._after("scaled to 2", shards=2)
        ring.create_secrets("later", OBJECTS // 4)
        ring.scale(3)
        self._after("scaled to 3")
        gone = ring.available()[0]
        ring.delete_by_force(gone)
        self._after("pod deleted by force", without=gone)
        self._kill_a_process()
        self._stop_a_process()
        ring.change_secrets("changed")
        ring.restart_all()
        self._after("rolled out while Secrets changed")
        ring.change_secrets("changed again")
        self._after("all Secrets changed")

    def _kill_a_process(self):
        """The controller alone; its sidecar stays. There is a Secret for it meanwhile."""
        ring, pod = self.ring, self.ring.pods()[0]
        name = ring.name_on(pod, "killed")
        ring.world.cluster.kill_container(ring.namespace, pod, ring.name)
        ring.create_secret(name)
        self._after("process killed")

    def _stop_a_process(self):
        """Its kernel goes on acknowledging what comes, and it keeps its connections."""
        ring, pod = self.ring, self.ring.pods()[0]
        name = ring.name_on(pod, "stopped")
        ring.world.cluster.kill_container(ring.namespace, pod, ring.name, "STOP")
        began = time.monotonic()
        try:
            eventually(lambda: not ring.holder(pod), LEASE_SECONDS + BUSY, f"{ring.name}: the Lease of {pod} is released")
            self.until_released = time.monotonic() - began
            ring.create_secret(name)
            self._after("process stopped", shards=2, without=pod)
        finally:
            ring.world.cluster.kill_container(ring.namespace, pod, ring.name, "CONT")
        self._after("stopped process goes on")

    def _after(self, what, shards=3, without=None):
        began = time.monotonic()
        self.ring.checked_off(shards, without=without)
        self.seconds[what] = time.monotonic() - began


class AllSecretsSeen(Story):
    """The replicas see all Secrets, and of the ConfigMaps their shard's: annotation `view.secrets: all`."""

    def live(self):
        ring, prefix = self.ring, "sidecar.alpha.sharding.timebertt.dev/view."
        ring.annotate_pods({f"{prefix}secrets": "all", f"{prefix}configmaps": "mine"})
        ring.checked_off(3)
        self.began = Moment()
        ring.create_secrets("seen-by-all", 4)
        ring.change_secrets("seen by all")
        ring.checked_off(3)
        secrets = {item["metadata"]["name"] for item in ring.api.metadata(ring.path(SECRETS))}
        for pod in ring.available():
            assert ring.listed(pod, SECRETS) == secrets != ring.of_shard(pod, SECRETS)
            assert ring.listed(pod, CONFIGMAPS) == ring.of_shard(pod, CONFIGMAPS) != set()


@pytest.fixture(scope="module")
def rings(world, request):
    """Of those that are asked for."""
    chosen = {item.callspec.params.get("name") for item in request.session.items if hasattr(item, "callspec")}
    found = [OlderChecksums(world) if name == OlderChecksums.NAME else LanguageRing(world, name)
             for name in NAMES if name in chosen and not why_without_image(name)]
    for ring in found:
        ring.load()
    yield found
    for ring in found:
        ring.remove()


@pytest.fixture(scope="module")
def lives(rings):
    return side_by_side(rings, Life)


@pytest.fixture(scope="module")
def edits(lives):
    return side_by_side([life.ring for life in lives.values()], RingEdits)


@pytest.fixture(scope="module")
def rollouts(lives):
    return side_by_side([life.ring for life in lives.values()], Rollout)


@pytest.fixture(scope="module")
def views(lives):
    return side_by_side([life.ring for name, life in lives.items() if name != KOPF], AllSecretsSeen)


@pytest.fixture(params=PARAMETERS)
def name(request):
    if why_without_image(request.param):
        pytest.skip(why_without_image(request.param))
    return request.param


@pytest.fixture
def story(name, lives):
    return lives[name]


def test_everything_is_served_whatever_happens(story, measurements):
    assert not story.failure, story.failure
    for what, seconds in story.seconds.items():
        measurements.record(f"{story.ring.name}, {what}: to everything in place and served", seconds)


def test_a_stopped_process_loses_its_shard_within_one_lease_duration(story, measurements):
    assert story.until_released and story.until_released < LEASE_SECONDS + BUSY
    measurements.record(f"{story.ring.name}: SIGSTOP to the release of the Lease", story.until_released)


def test_every_shard_has_some(story):
    ring = story.ring
    shards = {item["metadata"]["labels"][ring.shard_label] for item in ring.api.metadata(ring.path(ring.main))}
    assert shards == set(ring.available()) and len(shards) == 3


@pytest.mark.long
def test_five_shards_with_many_objects_and_back(story, measurements):
    ring = story.ring
    ring.create_secrets("many", MANY)
    for what, shards in (("created", 3), ("scaled to 5", 5), ("scaled to 3", 3)):
        ring.scale(shards)
        measurements.record(f"{ring.name}, {what}: to everything in place and served", ring.checked_off(shards, seconds=400),
                            objects=MANY)
    expect_owners_alone(ring, measurements)


def test_no_write_by_a_non_owner(story, measurements):
    expect_owners_alone(story.ring, measurements)


def expect_owners_alone(ring, measurements):
    result = ring.replay()
    print(result.explain())
    note = f"of {result.judged} judged; {len(result.unjudged)} not judged; {len(result.moves)} moves"
    measurements.record(f"{ring.name}: writes by a non-owner", len(result.violations), "", note=note)
    assert result.judged and result.moves and not result.violations, result.explain()


@pytest.mark.long
def test_the_rings_resources_change_while_its_controller_runs(name, edits, measurements):
    """What the fence refuses meanwhile shows what the controllers see: every Secret while they are none of the ring's."""
    edit = edits[name]
    assert not edit.failure, edit.failure
    first, second, third = edit.since.values()
    writes = RingWrites(edit.ring, first)
    # A Secret that is not in the ring is everybody's; kopf notes in its annotations what it has handled.
    found = [each for each in writes.violations()
             if not (each.target.startswith("secrets/") and second.until(each.time) >= 0 > third.until(each.time))]
    assert not found, "\n".join(map(str, found))
    assert not writes.refused(first, second), "each sees its own Secrets, and all ConfigMaps"
    refused = writes.refused(second, third)
    assert refused, "each sees all Secrets"
    assert not writes.refused(third), "each sees its own again"
    measurements.record(f"{name}, Secrets not in the ring for a while: writes that the fence refused", refused, "")


@pytest.mark.long
def test_a_rolling_update_to_one_leader_and_to_shards_again(name, rollouts, measurements):
    rollout = rollouts[name]
    assert not rollout.failure, rollout.failure
    writes, is_sharded = RingWrites(rollout.ring, rollout.began), rollout.kinds()
    assert writes.turns(is_sharded) == [True, False, True], "shards, leaders, shards: never both at the same time"
    leaders = [pod for pod in writes.turns(str) if not is_sharded(pod)]
    assert len(leaders) == len(set(leaders)), "one leader after the other"
    assert not writes.violations()
    waits = writes.waits()
    measurements.record(f"{name}, rolled out and back: longest wait of {len(waits)} changes for their ConfigMap", max(waits))
    for what, seconds in rollout.seconds.items():
        measurements.record(f"{name}, rolled out: command to {what} at work", seconds)
    # Until somebody has seen for one duration that nobody renews the Lease; and as long again, twice, for a busy machine.
    assert max(waits) < 3 * LEASE_SECONDS


@pytest.mark.long
def test_a_view_of_all_objects_does_not_let_others_write(name, views):
    if name == KOPF:
        pytest.skip("kopf writes to each Secret that it sees, and is busy with refusals then")
    view = views[name]
    assert not view.failure, view.failure
    writes = RingWrites(view.ring, view.began)
    assert writes.refused() and not writes.violations()
