"""The replay has to find a violation where there is one: made-up logs, one rule each."""

import itertools

import pytest
from audit_replay import replay

RING = "checksum-controller"
SHARD = f"shard.alpha.sharding.timebertt.dev/{RING}"
DRAIN = f"drain.alpha.sharding.timebertt.dev/{RING}"
A, B = "checksum-controller-a", "checksum-controller-b"


class Log:
    """Writes an audit log; every write gets the next revision and a later time."""

    def __init__(self, shards=(A, B)):
        self.events, self._clock = [], itertools.count(1)
        for shard in shards:
            self.lease(shard, holder=shard)

    def write(self, user, verb, resource, name, labels=None, **options):
        """options: owner (a Secret's name), code, status (a Status as response), based_on, uri, lost (not logged), at."""
        now = next(self._clock)
        metadata = {"name": name, "uid": f"uid-{resource}-{name}", "resourceVersion": str(now), "labels": labels or {}}
        if options.get("owner"):
            metadata["ownerReferences"] = [{"kind": "Secret", "name": options["owner"], "controller": True,
                                            "uid": f"uid-secrets-{options['owner']}"}]
        response = {"kind": "X", "metadata": metadata, "spec": options.get("spec", {})}
        if options.get("status"):
            response = {"kind": "Status", "details": {"uid": metadata["uid"]}, "metadata": {}}
        event = {"verb": verb, "stage": "ResponseComplete", "stageTimestamp": f"{options.get('at', now):04}",
                 "requestReceivedTimestamp": f"{options.get('received', now):04}",
                 "requestURI": options.get("uri", "/"), "userAgent": "test/1",
                 "user": {"username": "x", "extra": {"authentication.kubernetes.io/pod-name": [user]}},
                 "objectRef": {"resource": resource, "name": name}, "responseObject": response,
                 "responseStatus": {"code": options.get("code", 200)}}
        if options.get("based_on"):
            event["requestObject"] = {"metadata": {"resourceVersion": str(options["based_on"])}}
        if not options.get("lost"):
            self.events.append(event)
        return now

    def lease(self, shard, holder, verb="update"):
        self.write("", verb, "leases", shard, {"alpha.sharding.timebertt.dev/controllerring": RING},
                   spec={"holderIdentity": holder})

    def secret(self, shard, verb="create", user="", **labels):
        return self.write(user, verb, "secrets", "foo", {SHARD: shard, **labels} if shard else {})

    def replay(self):
        return replay(iter(self.events), RING, "checksum-controller-")


@pytest.fixture(name="log")
def log_with_a_secret_of_a():
    log = Log()
    log.secret(A)
    return log


def test_owner_writes(log):
    log.write(A, "create", "configmaps", "checksums-foo", {SHARD: A}, owner="foo")
    log.write(A, "update", "configmaps", "checksums-foo", {SHARD: A}, owner="foo")
    log.write(A, "delete", "configmaps", "checksums-foo", status=True)
    result = log.replay()
    assert (result.judged, result.violations, result.unjudged) == (3, [], [])


@pytest.mark.parametrize("verb", ["update", "patch"])
def test_another_shard_writes(log, verb):
    log.secret(A, verb, user=B)
    result = log.replay()
    assert [(write.pod, write.verb, write.target, write.owner) for write in result.violations] == [(B, verb, "secrets/foo", A)]
    assert "secrets/foo" in result.explain()


def test_another_shard_deletes(log):
    log.write(B, "delete", "secrets", "foo", status=True)
    assert len(log.replay().violations) == 1


def test_a_delete_is_judged_by_the_last_revision_whatever_the_order_of_the_log(log):
    # Logged before the move, though it came after it: responses overtake each other.
    log.write(B, "delete", "secrets", "foo", status=True, at=4)
    log.secret(B, "patch")
    assert log.replay().violations == []


def test_another_shard_creates_the_child(log):
    log.write(B, "create", "configmaps", "checksums-foo", {SHARD: A}, owner="foo")
    assert log.replay().violations[0].owner == A


def test_a_child_of_anothers_object_labelled_as_ones_own(log):
    log.write(B, "create", "configmaps", "checksums-foo", {SHARD: B}, owner="foo")
    assert log.replay().violations[0].owner == A


def test_late_write_after_the_handover(log):
    log.secret(A, "patch", **{DRAIN: "true"})
    log.secret(B, "patch", user=A)  # the acknowledgement: A's own, as the object was A's before it
    assert log.replay().violations == []
    assert [drain.target for drain in log.replay().drains] == ["secrets/foo"]
    log.write(A, "create", "configmaps", "checksums-foo", {SHARD: B}, owner="foo")
    result = log.replay()
    assert len(result.violations) == 1
    assert [(move.source, move.to, move.drained) for move in result.moves] == [(A, B, True)]


def test_events_are_replayed_by_revision_not_by_their_place_in_the_log(log):
    log.secret(B, "patch")
    log.secret(B, "update", user=B)
    log.events[-1], log.events[-2] = log.events[-2], log.events[-1]
    log.events[-1]["stageTimestamp"] = "9999"
    assert log.replay().violations == []


def test_refused_writes_and_dry_runs_are_none(log):
    log.write(B, "update", "secrets", "foo", {SHARD: A}, code=409)
    log.write(B, "update", "secrets", "foo", {SHARD: A}, uri="/x?dryRun=All")
    result = log.replay()
    assert (result.judged, result.violations) == (0, [])


def test_objects_without_a_shard_belong_to_nobody():
    log = Log()
    log.secret("")
    log.secret("", "update", user=B)
    assert log.replay().judged == 0


def test_what_depends_on_a_write_that_was_given_up_is_not_judged(log):
    log.write("sharder-1", "patch", "secrets", "foo", code=504)  # it may have moved the Secret to B, or not
    log.write(B, "create", "configmaps", "checksums-foo", {SHARD: B}, owner="foo")
    log.secret(B, "update", user=B)
    result = log.replay()
    assert (result.violations, len(result.unjudged), result.unknown) == ([], 2, ["secrets/foo"])
    log.secret(B, "update", user=A)  # from here on the owner is known again
    assert len(log.replay().violations) == 1


def test_a_precondition_tells_that_a_write_given_up_has_not_happened():
    log = Log()
    created = log.secret(A)
    log.write("sharder-1", "patch", "secrets", "foo", code=504)
    log.write(B, "update", "secrets", "foo", {SHARD: A}, based_on=created)
    assert len(log.replay().violations) == 1


def test_a_write_given_up_counts_from_its_begin(log):
    log.secret(B, "update", user=B)
    log.write("sharder-1", "patch", "secrets", "foo", code=504, received=3)
    result = log.replay()
    assert (result.violations, len(result.unjudged)) == ([], 1)


def test_a_move_is_seen_of_an_object_whose_creation_is_not_in_the_log():
    log = Log()
    created = log.secret(A)
    log.events.pop()
    log.secret(B, "patch")
    read = {"metadata": {"uid": "uid-secrets-foo", "resourceVersion": str(created), "labels": {SHARD: A}}}
    assert log.replay().moves == []
    moves = replay(iter(log.events), RING, "checksum-controller-", known=[read]).moves
    assert [(move.source, move.to) for move in moves] == [(A, B)]


def test_losing_the_label_is_noted(log):
    log.secret("", "patch")
    log.secret(B, "patch")
    result = log.replay()
    assert [(loss.target, loss.source) for loss in result.losses] == [("secrets/foo", A)]
    assert result.moves == []


def test_other_pods_may_write(log):
    log.secret(B, "patch", user="sharder-1")
    log.secret(B, "patch", user="")
    assert log.replay().judged == 0


def test_without_any_shard_left_an_unsharded_controller_may_write(log):
    log.secret(A, "update", user=B)
    log.lease(A, holder="")
    log.lease(B, holder="shardlease-controller")
    assert [(change.shard, change.held) for change in log.replay().leases] == [(A, True), (B, True), (A, False), (B, False)]
    log.secret(A, "update", user="checksum-controller-unsharded")
    assert [write.pod for write in log.replay().violations] == [B]


def test_what_the_log_has_lost_is_said_to_be_not_judged(log):
    lost = log.write("", "patch", "secrets", "foo", {SHARD: B}, lost=True)
    log.write(B, "update", "secrets", "foo", {SHARD: B}, based_on=lost)
    log.write(A, "deletecollection", "secrets", "foo", status=True)
    result = log.replay()
    assert (len(result.violations), len(result.unjudged)) == (0, 2)
    assert "not in the log" in result.explain()
