"""The replay has to find a violation where there is one, and none where it only looks like one: made-up logs, a rule each."""

import pytest

from . import Ring, replay
from .log_builder import DRAIN, RING, SHARD, A, B, Log, stamp

SECRETS = Ring(RING, frozenset({"secrets"}), frozenset({"configmaps"}))


@pytest.fixture(name="log")
def log_with_a_secret_of_a():
    log = Log()
    log.secret(A)
    return log


def judge(log, ring=SECRETS):
    return replay(iter(log.events), ring, iter(log.journal), history=True)


def test_owner_writes(log):
    log.child(A, A)
    log.child(A, A, "update")
    log.write(A, "patch", "secrets", "foo", {SHARD: A}, subresource="status")
    log.child(A, A, "delete", gone=True)
    result = judge(log)
    assert (result.judged, result.faults, result.unjudged) == (4, [], [])


@pytest.mark.parametrize("subresource", ["", "status", "scale"])
@pytest.mark.parametrize("verb", ["update", "patch"])
def test_another_shard_writes(log, verb, subresource):
    log.secret(A, verb, user=B, subresource=subresource)
    result = judge(log)
    assert [(write.pod, write.verb, write.target, write.owner) for write in result.violations] == [(B, verb, "secrets/foo", A)]
    assert "not the owner's" in result.explain() and "secrets/foo" in result.explain()


@pytest.mark.parametrize("owner, faults", [(A, 0), (B, 1)])
def test_a_child_that_is_created_by_an_apply(log, owner, faults):
    log.write(A, "patch", "configmaps", "child", {SHARD: owner}, owner="secrets/foo", code=201)
    result = judge(log)
    assert (result.judged, len(result.violations), result.unjudged) == (1, faults, [])


def test_another_shard_deletes(log):
    log.secret(A, "delete", user=B, gone=True)
    assert len(judge(log).violations) == 1


def test_another_shard_deletes_what_a_finalizer_keeps(log):
    log.secret(A, "delete", user=B, metadata={"finalizers": ["x"], "deletionTimestamp": stamp(9)})
    assert len(judge(log).violations) == 1


def test_another_shard_deletes_a_collection(log):
    items = [{"metadata": {"name": "foo", "uid": "uid-secrets-foo", "resourceVersion": "3", "labels": {SHARD: A}}}]
    log.write(B, "deletecollection", "secrets", "", items=items)
    assert [write.target for write in judge(log).violations] == ["secrets/foo"]


def test_a_collection_is_deleted_that_was_the_deleters_when_it_ended(log):
    log.secret(B, "patch")
    items = [{"metadata": {"name": "foo", "uid": "uid-secrets-foo", "resourceVersion": "3", "labels": {SHARD: A}}}]
    log.write(B, "deletecollection", "secrets", "", items=items)
    result = judge(log)
    assert (result.judged, result.violations) == (1, [])


def test_a_delete_is_judged_by_the_last_revision_whatever_the_order_of_the_log(log):
    # Answered before the move, though it came after it: answers overtake each other.
    log.secret(A, "delete", user=B, gone=True)
    log.secret(B, "patch", received=log.now - 1)
    assert judge(log).violations == []


def test_another_shard_creates_the_child(log):
    log.child(B, A)
    assert judge(log).violations[0].owner == A


def test_a_child_of_anothers_object_labelled_as_ones_own(log):
    log.child(B, B)
    assert judge(log).violations[0].owner == A


@pytest.mark.parametrize("options", [{"verb": "update"}, {"verb": "delete", "gone": True}])
def test_a_child_is_written_that_has_arrived_before_its_owner(log, options):
    log.child(A, A)
    log.child(A, B, "patch")  # the handover moves it first
    log.child(B, B, **options)
    assert [(write.pod, write.owner) for write in judge(log).violations] == [(B, A)]


def test_a_child_is_written_whose_owner_is_gone(log):
    log.child(A, A)
    log.child(A, B, "patch")
    log.secret(A, "delete", user=A, gone=True)
    log.child(B, B, "update")
    assert judge(log).violations == []


def test_a_late_write_after_the_handover(log):
    log.secret(A, "patch", more={DRAIN: "true"})
    log.secret(B, "patch", user=A)  # the acknowledgement: A's own, as the object was A's before it
    assert judge(log).violations == []
    assert [drain.target for drain in judge(log).drains] == ["secrets/foo"]
    log.child(A, B)
    result = judge(log)
    assert len(result.violations) == 1
    assert [(move.source, move.to, move.drained) for move in result.moves] == [(A, B, True)]


def test_a_handover_lasts_from_the_drain_to_the_move(log):
    log.secret(A, "patch", more={DRAIN: "true"})
    log.secret(A, "update", user=A, more={DRAIN: "true"})  # goes on working meanwhile
    log.secret(B, "patch", user=A)
    log.secret(A, "patch")  # moved without a drain
    result = judge(log)
    assert result.handovers == 1
    assert result.handover_seconds.quantile(0.5) == pytest.approx(2, rel=0.02)


def test_writes_are_replayed_by_revision_not_by_their_place_in_the_log(log):
    log.secret(B, "patch", at=10, received=8)
    log.secret(B, "update", user=B, at=9, received=8.5)
    log.events.sort(key=lambda event: event["stageTimestamp"])
    assert judge(log).violations == []


def test_a_write_that_changed_nothing_is_judged_by_its_time(log):
    # Its answer has the old revision. B wrote when the object was A's: nothing came of it, and it is wrong all the same.
    log.secret(A, "update", user=B, revision=3)
    assert len(judge(log).violations) == 1


def test_refused_writes_and_dry_runs_are_none(log):
    log.secret(A, "update", user=B, code=409)
    log.secret(A, "update", user=B, uri="/x?dryRun=All")
    result = judge(log)
    assert (result.judged, result.violations) == (0, [])


def test_objects_without_a_shard_belong_to_nobody():
    log = Log()
    log.secret("")
    log.secret("", "update", user=B)
    assert judge(log).judged == 0


def test_a_log_of_hours_is_replayed_as_one_of_seconds(log):
    for _ in range(2000):  # longer than any window of the sorter
        log.secret(A, "update", user=A)
    log.secret(B, "patch")
    log.secret(B, "update", user=A)
    result = judge(log)
    assert (result.judged, len(result.violations)) == (2001, 1)


def test_what_depends_on_a_write_that_was_given_up_is_not_judged(log):
    log.secret("", "patch", user="", code=504)  # it may have moved the Secret to B, or not
    log.child(B, B)
    log.secret(B, "update", user=B)
    result = judge(log)
    assert (result.violations, len(result.unjudged), result.unknown) == ([], 2, ["secrets/foo"])


@pytest.mark.parametrize("options", [{"verb": "create", "name": ""}, {"verb": "patch", "body": {"data": {"a": "b"}}}])
def test_a_write_that_was_given_up_and_cannot_have_changed_the_shard_leaves_no_doubt(log, options):
    log.secret(A, user="", code=504, **options)
    log.secret(A, "update", user=B)
    assert (len(judge(log).violations), judge(log).unjudged) == (1, [])


def test_a_write_that_was_given_up_may_take_effect_later_but_not_for_ever(log):
    log.secret("", "patch", user="", code=504)
    log.secret(B, "update", user="")
    log.secret(B, "update", user=A)
    assert judge(log).violations == []
    log.renew(60)
    log.secret(B, "update", user="")
    log.secret(B, "update", user=A)
    assert len(judge(log).violations) == 1


def test_a_write_with_a_precondition_that_was_given_up_cannot_happen_after_another():
    log = Log()
    created = log.secret(A)
    log.secret("", "patch", user="", code=504, based_on=created)
    log.secret(B, "update", user=B)
    assert (judge(log).violations, len(judge(log).unjudged)) == ([], 1)
    log.secret(B, "update", user=A)
    assert len(judge(log).violations) == 1


def test_a_write_whose_precondition_was_too_old_has_not_happened():
    log = Log()
    created = log.secret(A)
    log.secret(A, "update", user=A)
    log.secret("", "patch", user="", code=504, based_on=created)
    log.secret(A, "update", user=B)
    assert (len(judge(log).violations), judge(log).unjudged) == (1, [])


def test_a_precondition_tells_that_a_write_given_up_has_not_happened():
    log = Log()
    created = log.secret(A)
    log.secret("", "patch", code=504)
    log.secret(A, "update", user=B, based_on=created)
    assert len(judge(log).violations) == 1


def test_a_write_given_up_counts_from_its_begin(log):
    log.secret(B, "update", user=B)
    log.secret("", "patch", code=504, received=log.now - 1.5)
    result = judge(log)
    assert (result.violations, len(result.unjudged)) == ([], 1)


@pytest.mark.parametrize("name", ["", "foo"])
def test_a_deletion_that_was_given_up_leaves_no_doubt_about_what_is_written_afterwards(log, name):
    log.write("", "deletecollection" if not name else "delete", "secrets", name, code=504, items=[])
    log.secret(A, "update", user=B)
    assert (len(judge(log).violations), judge(log).unjudged) == (1, [])


def test_the_child_of_what_may_be_gone_is_not_judged_by_it(log):
    log.child(A, B)
    log.secret(A, "delete", user="", code=504)
    log.child(B, B, name="another")
    log.child(B, B, "update")
    result = judge(log)
    assert [write.pod for write in result.violations] == [A]
    assert [write.verb for write in result.unjudged] == ["create"]


def test_what_the_log_has_lost_is_said_to_be_not_judged(log):
    lost = log.secret(B, "patch", lost=True)
    log.secret(B, "update", user=B, based_on=lost)
    result = judge(log)
    assert (len(result.violations), len(result.unjudged)) == (0, 1)
    assert "not in the log" in result.explain()


def test_what_may_be_lost_with_a_killed_api_server_is_not_judged(log):
    log.secret(B, "patch", lost=True)
    log.killed()
    log.secret(B, "patch", user=B)
    result = judge(log)
    assert (result.violations, len(result.unjudged)) == ([], 1)


def test_a_listing_after_the_kill_tells_what_was_lost():
    log = Log()
    log.secret(A)
    moved = log.secret(B, "patch", lost=True)
    log.killed()
    log.listed("secrets", [("foo", B, moved)])
    log.secret(B, "patch", user=B)
    assert (judge(log).judged, judge(log).faults) == (1, [])
    log.secret(B, "patch", user=A)
    assert len(judge(log).violations) == 1


def test_a_listing_after_the_kill_confirms_what_was_not_lost():
    log = Log()
    created = log.secret(A)
    log.killed()
    log.listed("secrets", [("foo", A, created)])
    log.secret(A, "patch", user=B)
    assert len(judge(log).violations) == 1


def test_an_older_reading_does_not_undo_what_is_known():
    log = Log()
    created = log.secret(A)
    log.secret(B, "patch")
    log.listed("secrets", [("foo", A, created)])
    log.secret(B, "patch", user=B)
    assert judge(log).violations == []


def test_losing_the_label_is_noted(log):
    log.secret("", "patch")
    log.secret(B, "patch")
    result = judge(log)
    assert [(loss.target, loss.source) for loss in result.losses] == [("secrets/foo", A)]
    assert result.moves == []


def test_those_who_assign_may_write_whatever_it_is(log):
    log.secret(B, "patch", user="sharder-1", service_account="system:serviceaccount:sharding-system:sharder")
    log.secret(B, "patch")
    assert judge(log).judged == 0


def test_every_other_pod_is_judged_whatever_its_name(log):
    log.secret(A, "patch", user="escaped-injection", service_account="system:serviceaccount:elsewhere:escaped")
    assert len(judge(log).violations) == 1


def test_without_any_shard_left_an_unsharded_controller_may_write(log):
    log.secret(A, "update", user=B)
    log.lease(A, holder="")
    log.lease(B, holder="shardlease-controller")
    assert [(change.shard, change.held) for change in judge(log).leases] == [(A, True), (B, True), (A, False), (B, False)]
    log.secret(A, "update", user="checksum-controller-unsharded")
    assert [write.pod for write in judge(log).violations] == [B]


def test_objects_outside_of_the_ring_are_none_of_its_business(log):
    elsewhere = Ring(RING, frozenset({"secrets"}), frozenset(), frozenset({"elsewhere"}))
    log.secret(A, "update", user=B)
    log.write(B, "update", "deployments", "x", {SHARD: A})
    assert judge(log, elsewhere).judged == 0
    assert len(judge(log).violations) == 1


def test_a_new_object_of_the_same_name_has_no_history(log):
    log.secret(A, "delete", user=A, gone=True)
    log.secret(B, metadata={"uid": "another"})
    log.secret(B, "update", user=B, metadata={"uid": "another"})
    assert judge(log).violations == []
