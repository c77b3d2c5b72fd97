"""Objects without owner: made-up logs, a rule each."""

from . import Ring, replay
from .log_builder import RING, A, Log

SECRETS = Ring(RING, frozenset({"secrets"}), frozenset({"configmaps"}))


def judge(log):
    return replay(iter(log.events), SECRETS, iter(log.journal))


def targets(log):
    return [(each.target, each.at_end) for each in judge(log).unowned]


def test_without_owner_for_too_long():
    log = Log()
    log.secret("")
    log.renew(5)
    log.secret(A, "patch")
    assert targets(log) == [("secrets/foo", False)]
    assert "for 6.0 s while a shard was available" in judge(log).explain()


def test_without_owner_for_a_short_time():
    log = Log()
    log.secret("")
    log.renew(3)
    log.secret(A, "patch")
    log.renew(60)
    assert targets(log) == []
    assert abs(judge(log).unowned_seconds.quantile(0.99) - 4) < 0.1


def test_a_label_that_was_lost_counts_like_one_that_never_was():
    log = Log()
    log.secret(A)
    log.secret("", "update")
    log.renew(7)
    log.secret(A, "update")
    assert targets(log) == [("secrets/foo", False)]


def test_without_owner_at_the_end():
    log = Log()
    log.secret("")
    log.renew(1)
    assert targets(log) == [("secrets/foo", True)]
    assert "still at the end" in judge(log).explain()


def test_at_the_end_after_a_long_time_it_is_reported_once():
    log = Log()
    log.secret("")
    log.renew(20)
    assert targets(log) == [("secrets/foo", True)]


def test_deleted_before_it_could_get_one():
    log = Log()
    log.secret("")
    log.secret("", "delete", gone=True)
    log.renew(60)
    assert targets(log) == []


def test_deleted_after_too_long():
    log = Log()
    log.secret("")
    log.renew(20)
    log.secret("", "delete", gone=True)
    assert targets(log) == [("secrets/foo", False)]


def test_the_last_finalizer_is_removed():
    log = Log()
    log.secret("", metadata={"finalizers": ["x"]})
    log.secret("", "patch", metadata={"deletionTimestamp": "2026-01-01T00:00:04Z"})
    log.renew(60)
    assert targets(log) == []


def test_no_shard_is_available():
    log = Log(shards=())
    log.secret("")
    log.renew(60)
    assert targets(log) == []
    log.lease(A, holder=A)
    log.renew(4)
    log.secret(A, "patch")
    assert targets(log) == []


def test_the_time_counts_that_any_shard_was_available():
    log = Log(shards=())
    log.secret("")
    for _ in range(2):
        log.lease(A, holder=A)
        log.renew(3)
        log.lease(A, holder="")
        log.renew(60)
    log.secret(A, "patch")
    assert targets(log) == [("secrets/foo", False)]


def test_nobody_can_assign_in_an_outage():
    log = Log()
    log.outage(begins=True)
    log.renew(1)
    log.secret("")
    log.renew(60)
    log.outage(begins=False)
    log.renew(3)
    log.secret(A, "patch")
    assert targets(log) == []


def test_after_an_outage_the_time_counts_again():
    log = Log()
    log.outage(begins=True)
    log.secret("")
    log.outage(begins=False)
    log.renew(10)
    log.secret(A, "patch")
    assert targets(log) == [("secrets/foo", False)]


def test_controlled_objects_count_if_they_have_a_controller():
    log = Log()
    log.secret(A)
    log.child("", "", name="orphan", owner=None)
    log.child("", "", name="child")
    log.renew(60)
    assert targets(log) == [("configmaps/child", True)]


def test_an_assignment_that_may_have_happened_gives_the_benefit_of_the_doubt():
    log = Log()
    log.secret("")
    log.secret("", "patch", code=504)
    log.renew(60)
    assert targets(log) == []


def test_a_deletion_that_was_lost_with_the_api_server_shows_in_the_listing():
    log = Log()
    log.secret("")
    log.secret("", "delete", gone=True, lost=True)
    log.killed()
    log.listed("secrets", [])
    log.renew(60)
    assert targets(log) == []
