"""Children created twice: made-up logs, a rule each."""

import dataclasses

import pytest

from . import Ring, replay
from .log_builder import RING, A, B, Log
from .ring import ChildLimit

POOLS = Ring(RING, frozenset({"pools.example.test"}), frozenset({"poolmembers.example.test"}),
             limits=(ChildLimit.of_text("pools.example.test/poolmembers.example.test=spec.replicas"),))


@pytest.fixture(name="log")
def log_with_a_pool_of_two():
    log = Log()
    pool(log, 2, "create")
    member(log, "p-1")
    member(log, "p-2")
    return log


def pool(log, replicas, verb="update", **options):
    log.write("", verb, "pools", "p", {}, content={"spec": {"replicas": replicas}}, **options)


def member(log, name, verb="create", user=A, owner="pools/p", **options):
    log.write(user, verb, "poolmembers", name, {}, owner=owner, **options)


def surplus(log, ring=POOLS):
    return [(each.child, each.pod, each.count, each.limit)
            for each in replay(iter(log.events), ring, iter(log.journal)).surplus]


def test_as_many_as_there_may_be(log):
    member(log, "p-1", "update")
    assert surplus(log) == []


def test_one_too_many(log):
    member(log, "p-3", user=B)
    assert surplus(log) == [("poolmembers.example.test/p-3", B, 3, 2)]
    assert "has 3 of 2 children now" in replay(iter(log.events), POOLS).explain()


def test_one_is_replaced(log):
    member(log, "p-1", "delete", gone=True)
    member(log, "p-3")
    assert surplus(log) == []


def test_one_is_replaced_whose_deletion_is_answered_late(log):
    member(log, "p-3")
    member(log, "p-1", "delete", gone=True, received=log.now - 1.5)
    assert surplus(log) == []


def test_more_were_asked_for(log):
    pool(log, 3)
    member(log, "p-3")
    assert surplus(log) == []


def test_fewer_were_asked_for_a_moment_ago(log):
    pool(log, 1)
    member(log, "p-1", "update")
    assert surplus(log) == []


def test_a_new_parent_of_the_same_name_starts_anew(log):
    log.write("", "delete", "pools", "p", gone=True)
    for name in ("p-1", "p-2"):
        member(log, name, "delete", gone=True)
    pool(log, 1, "create", metadata={"uid": "uid-pools-new"})
    member(log, "p-3", owner="pools/new")
    assert surplus(log) == []
    member(log, "p-4", owner="pools/new")
    assert len(surplus(log)) == 1


def test_a_deletion_that_may_have_happened_counts_as_one(log):
    member(log, "p-1", "delete", code=504)
    member(log, "p-3")
    assert surplus(log) == []
    member(log, "p-1", "update")  # it has not
    assert len(surplus(log)) == 1


def test_what_the_api_server_did_not_live_to_tell(log):
    member(log, "p-1", "delete", gone=True, lost=True)
    log.killed()
    member(log, "p-3")
    assert surplus(log) == []


def test_a_fixed_number(log):
    ring = dataclasses.replace(POOLS, limits=(ChildLimit.of_text("pools.example.test/poolmembers.example.test=1"),))
    assert len(surplus(log, ring)) == 1
