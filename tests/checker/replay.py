"""Replays writes in the order of their effect and judges them.

A write by a pod is a violation if the object belonged to another shard at that revision:

- update, patch, delete, of a subresource too: the label that the object had just before;
- create: the label that the object came to have;
- of a child, for each of these: also the label that its controller (owner reference) had then.

The sidecar writes with its pod's identity and is judged in the same way: what it hands over has to be its own. Pods in
sharding-system assign objects to shards, and are not judged. Nobody owns anything while no shard of the ring holds its Lease;
that is how an unsharded controller takes over.
"""

import heapq

from .journal import Killed, Listing, Outage
from .order import Sorter
from .ownership import Objects, owners
from .result import Drain, Judged, LeaseChange, Loss, Move, Result
from .siblings import Siblings
from .unowned import UnownedTime
from .writes import of_event

RING_LABEL = "alpha.sharding.timebertt.dev/controllerring"
LEASES = "leases.coordination.k8s.io"
_ASSIGNING_NAMESPACES = ("sharding-system", "kube-system")


def replay(events, ring, journal=(), history=False):
    """-> Result. `events`: audit events as dicts. `journal`: see read_journal(). `history`: every move, drain and so on too."""
    return check(events, [ring], journal, history)[0]


def check(events, rings, journal=(), history=False):
    """Several rings in one pass. -> a Result each"""
    replays = [_Replay(ring, history) for ring in rings]
    writes = (write for event in events for write in of_event(event))
    for entry in Sorter().sort(heapq.merge(writes, journal, key=lambda entry: entry.time)):
        for each in replays:
            each.take(entry)
    return [each.finish() for each in replays]


def in_order(events):
    """All writes, of objects of any kind, in the order in which they took effect."""
    return Sorter().sort(write for event in events for write in of_event(event))


class _Replay:
    def __init__(self, ring, history):
        self._ring, self._history = ring, history
        self._objects, self._unowned, self._siblings = Objects(ring), UnownedTime(), Siblings(ring.limits)
        self._result = Result(ring.name)
        self._lease_resources = (LEASES, "leases")
        self._now = 0.0

    def take(self, entry):
        """A Write, or an entry of the journal."""
        self._now = max(self._now, entry.time)
        if isinstance(entry, Killed):
            self._objects.api_server_killed()
            self._siblings.blind()
        elif isinstance(entry, Outage):
            self._unowned.outage(entry.what, entry.begins, entry.time)
        elif isinstance(entry, Listing):
            self._take_listing(entry)
        elif entry.resource in self._lease_resources:
            self._take_lease(entry)
        elif entry.resource in self._ring.resources and self._ring.has_namespace(entry.namespace):
            self._take_write(entry)

    def finish(self):
        existing = {uid for uid, _ in self._objects}
        self._unowned.finish(existing, self._now)
        self._result.unowned, self._result.unowned_seconds = self._unowned.violations, self._unowned.spread
        self._result.surplus = self._siblings.violations
        return self._result

    def _take_listing(self, listing):
        if listing.resource not in self._ring.resources:
            return
        for uid, known in self._objects:
            resource, namespace, _ = known.identity
            if resource == listing.resource and uid not in listing.uids and listing.namespace in ("", namespace):
                self._forget(uid, listing.time)
        self._siblings.listed(listing.resource, listing.stamp)

    def _take_lease(self, write):
        if not write.succeeded or write.partial:
            return
        held = not write.gone and bool(write.holder) and write.holder == write.name
        known = write.name in self._unowned.shards
        if not write.gone and (write.labels or {}).get(RING_LABEL) != self._ring.name:
            return
        if held != known:
            self._unowned.lease(write.name, held, write.time)
            if self._history:
                self._result.leases.append(LeaseChange(write.name, held, write.stamp))

    def _take_write(self, write):
        if not write.succeeded:
            self._take_doubt(write)
            return
        uid = self._objects.uid_of(write)
        before = self._objects.get(uid)
        if write.pod and write.pod_namespace not in _ASSIGNING_NAMESPACES and self._unowned.shards:
            self._judge(write, before)
        if write.gone:
            self._forget(uid, write.time)
        elif write.labels is not None and write.subresource in ("", "status") and write.uid:
            self._remember(write)

    def _take_doubt(self, write):
        for uid in self._objects.doubt(write):
            self._result.unknown.append(self._objects.get(uid).target)
            self._unowned.doubted(uid)
            if write.verb.startswith("delete"):
                self._siblings.gone(uid)

    def _judge(self, write, before):
        shards, unknown = owners(self._ring, self._objects, write, before)
        if unknown:
            self._result.unjudged.append(_judged(write, unknown))
        if not shards:
            return
        self._result.judged += 1
        others = shards - {write.pod}
        if others:
            self._result.violations.append(_judged(write, ", ".join(sorted(others))))

    def _remember(self, write):
        before, after = self._objects.remember(write)
        if before is None:
            self._result.objects += 1
        self._siblings.seen(write)
        if after.shard:
            self._unowned.ended(write.uid, write.time)
        elif write.resource in self._ring.mains or after.controller_uid:
            self._unowned.without(write.uid, after.target, write.time, write.stamp)
        self._note_change(write, before, after)

    def _note_change(self, write, before, after):
        moved = before and before.shard and after.shard and before.shard != after.shard
        drained = bool(before and before.drained_at)
        if moved and drained:
            self._result.handovers += 1
            self._result.handover_seconds.add(write.time - before.drained_at)
        if not self._history:
            return
        if moved:
            self._result.moves.append(Move(after.target, before.shard, after.shard, drained, write.stamp))
        if before and before.shard and not after.shard:
            self._result.losses.append(Loss(after.target, before.shard, write.user, write.stamp))
        if after.drained_at and not drained:
            self._result.drains.append(Drain(after.target, write.stamp))

    def _forget(self, uid, time):
        self._objects.forget(uid)
        self._unowned.ended(uid, time)
        self._siblings.gone(uid)


def _judged(write, owner):
    return Judged(write.pod, write.verb, write.target, owner, write.revision, write.stamp, write.user_agent)
