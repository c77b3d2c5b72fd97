"""Unmodified controllers of several frameworks, each a ring of its own: client-go alone, kopf, the Java Operator SDK, and
controller-runtime two minor versions back.

All live through the same story at the same time, each in its namespace. What the audit log tells of them is judged afterwards.
"""

import concurrent.futures
import dataclasses
import time
import traceback

import pytest
from language_ring import LanguageRing, OlderChecksums

NAMES = ("go-informers", "python-kopf", "java-operator", OlderChecksums.NAME)
OBJECTS, MANY = 24, 400


@dataclasses.dataclass
class Story:
    ring: LanguageRing
    seconds: dict = dataclasses.field(default_factory=dict)  # what happened -> until everything was served and in its place
    failure: str = ""

    def tell(self):
        try:
            self._live()
        except Exception as error:  # reported by the test of this framework, with its logs; the others go on
            self.failure = f"{''.join(traceback.format_exception(error, limit=4))}\n{self.ring.logs()}"

    def _live(self):
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
def stories(world):
    rings = [OlderChecksums(world) if name == OlderChecksums.NAME else LanguageRing(world, name) for name in NAMES]
    for ring in rings:
        ring.load()
    told = {ring.name: Story(ring) for ring in rings}
    with concurrent.futures.ThreadPoolExecutor(len(told)) as pool:
        list(pool.map(Story.tell, told.values()))
    yield told
    for ring in rings:
        ring.remove()


@pytest.fixture(params=NAMES)
def story(request, stories):
    return stories[request.param]


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
