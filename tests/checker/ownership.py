"""What is known of every object of one ring, and whose write is allowed."""

import dataclasses

# A write that was given up may still take effect: the API server's client for the store has sent it, and the store stands
# still. Longer than the store is ever stopped.
MAY_STILL_HAPPEN_SECONDS = 30


@dataclasses.dataclass(slots=True)
class Known:
    """An object after its latest known revision."""
    target: str
    identity: tuple
    revision: int
    shard: str
    began: float           # of the write that made it so
    seen: int              # how many kills of the API server had been by then
    drained_at: float = 0  # 0: no drain label
    controller_uid: str = ""


class Objects:
    """All that exist, by uid, and what makes that uncertain."""

    def __init__(self, ring):
        self._ring = ring
        self._known, self._uids = {}, {}
        # By identity, of writes that were given up: until when one may change the object, and for those with a precondition the
        # revision that the object must still have for that.
        self._doubts, self._conditional_doubts = {}, {}
        self._maybe_gone = set()  # uids
        self._kills = 0

    def __iter__(self):
        return iter(list(self._known.items()))

    def get(self, uid):
        return self._known.get(uid)

    def uid_of(self, write):
        return write.uid or self._uids.get(write.identity, "")

    def remember(self, write):
        """-> (before, after); the same twice if it was read at an older revision than is known."""
        before = self._known.get(write.uid)
        revision = write.based_on if write.verb == "observe" else write.revision
        if before and write.verb == "observe" and revision < before.revision:
            return before, before
        drained = self._ring.drain_label in write.labels
        drained_at = (before.drained_at if before and before.drained_at else write.time) if drained else 0
        after = Known(write.target, write.identity, revision, write.labels.get(self._ring.shard_label, ""), write.began,
                      self._kills, drained_at, write.controller_uid)
        self._known[write.uid] = after
        self._uids[write.identity] = write.uid
        self._maybe_gone.discard(write.uid)
        if self._doubts.get(write.identity, 0) < write.began:
            self._doubts.pop(write.identity, None)
        if self._conditional_doubts.get(write.identity, 0) < revision:
            self._conditional_doubts.pop(write.identity, None)
        return before, after

    def forget(self, uid):
        known = self._known.pop(uid, None)
        self._maybe_gone.discard(uid)
        if known and self._uids.get(known.identity) == uid:
            del self._uids[known.identity]
            self._doubts.pop(known.identity, None)
            self._conditional_doubts.pop(known.identity, None)
        return known

    def doubt(self, write):
        """-> uids of the objects that the given-up write may have changed: all of a namespace for a deletecollection"""
        known = self._known.get(self._uids.get(write.identity))
        if write.verb == "create" or (known and known.shard and write.keeps_labels):
            return []  # changes nothing that exists; no shard
        if write.verb.startswith("delete"):
            # Whoever writes to it successfully afterwards shows that it is there, and as it was.
            gone = [uid for uid, each in self._known.items() if each.identity[:2] == write.identity[:2]
                    and write.name in ("", each.identity[2])]
            self._maybe_gone.update(gone)
            return gone
        if write.based_on:
            if known and known.revision > write.based_on:
                return []  # too late for its precondition
            self._conditional_doubts[write.identity] = max(write.based_on, self._conditional_doubts.get(write.identity, 0))
        else:
            until = write.time + MAY_STILL_HAPPEN_SECONDS
            self._doubts[write.identity] = max(until, self._doubts.get(write.identity, 0))
        return [self._uids[write.identity]] if known else []

    def may_be_gone(self, uid):
        return uid in self._maybe_gone

    def api_server_killed(self):
        self._kills += 1

    def why_uncertain(self, known, based_on=0):
        """Why the shard of an object just before a write with that precondition is not known; None if it is."""
        if based_on:
            # Not the revision known here: the log has lost one.
            return f"revision {based_on} of it is not in the log" if based_on > known.revision else None
        if known.revision <= self._conditional_doubts.get(known.identity, 0):
            return "it may have been changed by a write that was given up"
        if known.began <= self._doubts.get(known.identity, 0):
            return "it may have been changed by a write that was given up"
        if known.seen < self._kills:
            return "it may have been changed by a write that was lost with the API server"
        return None


def owners(ring, objects, write, before):
    """The shards that owned what is written, and its controller, just before; and why they are not known."""
    if write.verb == "create" and not write.subresource:
        shard, controller_uid = (write.labels or {}).get(ring.shard_label, ""), write.controller_uid
    elif before is None:
        labelled = write.gone or ring.shard_label in (write.labels or {})
        return set(), "its earlier revisions are not in the log" if labelled else None
    else:
        reason = objects.why_uncertain(before, write.based_on)
        if reason:
            return set(), reason
        shard, controller_uid = before.shard, before.controller_uid
    parent = objects.get(controller_uid)
    reason = objects.why_uncertain(parent) if parent else None
    if objects.may_be_gone(controller_uid):
        reason = "it may have been deleted by a write that was given up"
    if reason and before is None:
        return set(), f"its controller: {reason}"
    parents_shard = parent.shard if parent and not reason else ""
    return {shard, parents_shard} - {""}, None
