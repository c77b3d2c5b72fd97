"""The writes in the order in which they took effect.

The log has them in the order in which they were answered, and answers overtake each other. A write with a resourceVersion has
its place by that. What has none (a delete tells no revision), or an old one (a write that changed nothing), took effect
after everything that was answered before it began: that is its place. Nothing of its object follows a delete. Of several
that were answered with one revision one alone has made it: the one that was conditional on an earlier revision, if there is one.

A request lives for a minute at most, so a write has found its place when the log is that much further; the writes in between
are all that is held in memory.
"""

import bisect
import heapq
import itertools

# kube-apiserver's --request-timeout, with a margin.
WINDOW_SECONDS = 75


class Sorter:
    def __init__(self, window=WINDOW_SECONDS):
        self._window = window
        self._heap, self._count = [], itertools.count()
        self._now, self._highest = 0.0, 0
        self._times, self._revisions = [], []  # when the highest revision that was answered became which
        self._latest_of = {}                   # uid -> revision, of the objects that exist

    def sort(self, entries):
        """`entries` have `time`, and if they are writes `began`, `revision`, `uid`, `gone` and `succeeded`."""
        for entry in entries:
            self._now = max(self._now, entry.time)
            self._push(entry)
            yield from self._settled(self._now - self._window)
        yield from self._settled(float("inf"))

    def _push(self, entry):
        revision = getattr(entry, "revision", 0)
        place = max(revision, self._answered_before(getattr(entry, "began", entry.time)))
        made_it = 0 < getattr(entry, "based_on", 0) < revision
        heapq.heappush(self._heap, (place, not revision, not made_it, next(self._count), entry))
        if revision:
            self._latest_of[entry.uid] = max(revision, self._latest_of.get(entry.uid, 0))
        if revision > self._highest:
            self._highest = revision
            self._times.append(self._now)
            self._revisions.append(revision)
            if len(self._times) > 1000 and self._times[500] < self._now - 2 * self._window:
                del self._times[:500], self._revisions[:500]

    def _answered_before(self, time):
        index = bisect.bisect_left(self._times, time)
        return self._revisions[index - 1] if index else 0

    def _settled(self, until):
        while self._heap and self._heap[0][-1].time <= until:
            place, _, _, count, entry = heapq.heappop(self._heap)
            if getattr(entry, "gone", False) and entry.succeeded:
                latest = self._latest_of.get(entry.uid, 0)
                if latest > place:
                    heapq.heappush(self._heap, (latest, True, True, count, entry))
                    continue
                self._latest_of.pop(entry.uid, None)
            yield entry
