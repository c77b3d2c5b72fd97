"""How long objects are without owner while there is somebody to own them and somebody to assign them."""

import dataclasses

from .result import Spread, Unowned

LIMIT_SECONDS = 5


@dataclasses.dataclass(slots=True)
class _Since:
    target: str
    time: float
    stamp: str
    assignable: float


class UnownedTime:
    def __init__(self):
        self.violations, self.spread = [], Spread()
        self._shards, self._outages = set(), set()
        self._assignable, self._counted_to = 0.0, None  # a clock that runs only while objects can be assigned
        self._since = {}  # uid -> _Since

    @property
    def shards(self):
        """Those that hold their Lease."""
        return self._shards

    def lease(self, shard, held, time):
        self._advance(time)
        (self._shards.add if held else self._shards.discard)(shard)

    def outage(self, what, begins, time):
        self._advance(time)
        (self._outages.add if begins else self._outages.discard)(what)

    def without(self, uid, target, time, stamp):
        """It has no owner from now on, if it had one; otherwise that goes on."""
        self._advance(time)
        self._since.setdefault(uid, _Since(target, time, stamp, self._assignable))

    def ended(self, uid, time):
        """It has an owner, or is gone."""
        self._advance(time)
        since = self._since.pop(uid, None)
        if since is None:
            return
        self.spread.add(time - since.time)
        seconds = self._assignable - since.assignable
        if seconds > LIMIT_SECONDS:
            self.violations.append(Unowned(since.target, seconds, since.stamp))

    def doubted(self, uid):
        """It may have an owner by a write that was given up: nothing can be said until it is seen again."""
        self._since.pop(uid, None)

    def finish(self, existing, time):
        """At the end there may be none, unless there is no shard. `existing`: uids of the objects that there are."""
        for uid in list(self._since):
            since = self._since[uid]
            reported = len(self.violations)
            self.ended(uid, time)
            if uid in existing and self._shards and len(self.violations) == reported:
                self.violations.append(Unowned(since.target, time - since.time, since.stamp))
            if uid in existing and self._shards:
                self.violations[-1].at_end = True

    def _advance(self, time):
        if self._counted_to is None:
            self._counted_to = time
        if self._shards and not self._outages:
            self._assignable += max(0.0, time - self._counted_to)
        self._counted_to = max(self._counted_to, time)
