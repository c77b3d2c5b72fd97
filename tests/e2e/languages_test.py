"""Unmodified controllers of several frameworks, each a ring of its own: client-go alone, kopf, the Java Operator SDK, kube-rs,
and controller-runtime two minor versions back.

All live through the same story at the same time, each in its namespace. What the audit log tells of them is judged afterwards.
"""

import time

import pytest
from language_ring import LanguageRing, OlderChecksums, why_without_image
from side_by_side import Story, side_by_side

NAMES = ("go-informers", "python-kopf", "java-operator", "rust-operator", OlderChecksums.NAME)
OBJECTS, MANY = 24, 400


class Life(Story):
    def __init__(self, ring):
        super().__init__(ring)
        self.seconds = {}  # what happened -> until everything was served and in its place

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

    def _after(self, what, shards=3, without=None):
        began = time.monotonic()
        self.ring.checked_off(shards, without=without)
        self.seconds[what] = time.monotonic() - began


@pytest.fixture(scope="module")
def rings(world):
    found = [OlderChecksums(world) if name == OlderChecksums.NAME else LanguageRing(world, name)
             for name in NAMES if not why_without_image(name)]
    for ring in found:
        ring.load()
    yield found
    for ring in found:
        ring.remove()


@pytest.fixture(scope="module")
def lives(rings):
    return side_by_side(rings, Life)


@pytest.fixture(params=NAMES)
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
