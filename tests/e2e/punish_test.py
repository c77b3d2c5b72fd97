"""Two unmodified controllers that punish mistakes, while their rings change: the site-controller deletes the children of an
owner that it does not see, the pool-controller makes another child for each that it does not see.

Both live through the same story, and the audit log is judged afterwards, revision by revision. That everything ends as it
should is asserted while the story is told; the judges look for damage on the way.
"""

import dataclasses

import pytest
from checker import Ring, in_order, replay
from checker.log_builder import Log
from checker.ring import ChildLimit
from example_ring import INGRESSES, POOL_MEMBERS, POOLS, SITES, ExampleRing
from world import Moment, eventually

OBJECTS, MEMBERS = 20, 3
MEMBER_LIMIT = ChildLimit.of_text("pools.pool.example.com/poolmembers.pool.example.com=spec.replicas")


@dataclasses.dataclass
class Story:
    sites: ExampleRing
    pools: ExampleRing
    sharded: Moment = None  # when the roll-out of the annotation began

    @property
    def rings(self):
        return self.sites, self.pools

    def judged_by(self, judge):
        """-> the damage that the judge sees before the roll-out, and from then on."""
        faults = judge(self.sites.world.cluster.audit_events())
        return [[str(fault) for fault in faults if (self.sharded.until(fault.time) >= 0) == sharded] for sharded in (False, True)]


@dataclasses.dataclass
class Fault:
    time: str
    what: str
    by: str

    def __str__(self):
        return f"{self.time} {self.what} by {self.by}"


@pytest.fixture(scope="module")
def story(world):
    told = Story(ExampleRing(world, "site-controller", SITES, INGRESSES),
                 ExampleRing(world, "pool-controller", POOLS, POOL_MEMBERS))
    for ring in told.rings:
        ring.load()
        ring.install(sharded=False)
    add(told, "first", OBJECTS)
    finished(told)
    change(told, 0)
    finished(told)
    told.sharded = Moment()
    live_as_rings(told)
    yield told
    for ring in told.rings:
        ring.remove()


def live_as_rings(story):
    """Rolled out as rings, then scaled out and in, with objects coming, changing and going meanwhile."""
    for ring in story.rings:
        ring.install(sharded=True)
    for ring in story.rings:
        ring.rolled_out()
        ring.settle(2)
    for index, shards in enumerate((4, 2), start=1):
        for ring in story.rings:
            ring.scale(shards)
        add(story, f"later-{index}", OBJECTS // 5)
        change(story, index)
        for ring in story.rings:
            ring.settle(shards)
    finished(story)


def add(story, prefix, count):
    for index in range(count):
        story.sites.create(f"{prefix}-{index}", {"host": f"{prefix}-{index}.test", "service": "web"})
        story.pools.create(f"{prefix}-{index}", {"replicas": MEMBERS})


def change(story, index):
    """A Site and a Pool go, a Pool grows, another shrinks."""
    for ring in story.rings:
        ring.delete(f"first-{index}")
    story.pools.api.patch(f"{POOLS.path}/first-{index + 5}", {"spec": {"replicas": MEMBERS + 1}})
    story.pools.api.patch(f"{POOLS.path}/first-{index + 10}", {"spec": {"replicas": MEMBERS - 1}})


def finished(story):
    """Every object has the children it should have, and nothing else has any."""
    def sites_are():
        wanted = {item["metadata"]["name"]: 2 for item in story.sites.api.metadata(SITES.path)}
        return story.sites.child_counts() == wanted

    def pools_are():
        wanted = {item["metadata"]["name"]: item["spec"]["replicas"] for item in story.pools.api.items(POOLS.path)}
        return story.pools.child_counts() == wanted
    eventually(sites_are, 60, "two Ingresses for each Site")
    eventually(pools_are, 60, "as many PoolMembers for each Pool as it asks for")


def deleted_ingresses_of_living_sites(events):
    living, owners, faults = set(), {}, []
    for write in in_order(events):
        if write.resource == "sites.web.example.com" and not write.subresource:
            (living.discard if write.gone else living.add)(write.uid)
        if write.resource != "ingresses.networking.k8s.io":
            continue
        if write.controller_uid:
            owners[write.uid] = write.controller_uid
        if write.gone and owners.get(write.uid) in living:
            faults.append(Fault(write.stamp, f"{write.verb} {write.target}", write.pod or write.user))
    return faults


def members_too_many(events):
    return replay(events, Ring("pool-controller", frozenset({MEMBER_LIMIT.parent}), frozenset({MEMBER_LIMIT.child}),
                               limits=(MEMBER_LIMIT,))).surplus


JUDGES = pytest.mark.parametrize("judge", [deleted_ingresses_of_living_sites, members_too_many])


@JUDGES
def test_a_single_leader_does_no_damage(story, judge):
    before, _ = story.judged_by(judge)
    assert not before, "\n".join(before)


@JUDGES
def test_a_ring_does_no_damage(story, judge, measurements):
    _, after = story.judged_by(judge)
    measurements.record(judge.__name__.replace("_", " "), len(after), "", objects=OBJECTS)
    assert not after, "\n".join(after)


def test_no_write_by_a_non_owner_of_pools(story):
    expect_owners_alone(story.pools)


def test_no_write_by_a_non_owner_of_sites(story):
    expect_owners_alone(story.sites)


def expect_owners_alone(ring):
    result = ring.replay()
    assert result.judged and result.moves and not result.violations, result.explain()


def test_the_judge_of_deletions_sees_what_it_looks_for():
    log = Log(shards=())
    log.write("", "create", "sites", "site")
    log.write("", "create", "ingresses", "ingress", owner="sites/site")
    log.write("somebody", "delete", "ingresses", "ingress", gone=True)
    assert [fault.by for fault in deleted_ingresses_of_living_sites(log.events)] == ["somebody"]


def test_the_judge_of_deletions_lets_a_clean_up_pass():
    log = Log(shards=())
    log.write("", "create", "sites", "site")
    log.write("", "create", "ingresses", "ingress", owner="sites/site")
    log.write("", "delete", "sites", "site", gone=True)
    log.write("somebody", "delete", "ingresses", "ingress", gone=True)
    assert not deleted_ingresses_of_living_sites(log.events)
