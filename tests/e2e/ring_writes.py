"""What the audit log tells of one LanguageRing since a Moment.

    writes = RingWrites(ring, began)
    writes.turns(lambda pod: ...)     # of whom, one after the other, the controller's writes are
    writes.waits()                    # seconds from every change of a Secret until its ConfigMap has its checksums
    writes.refused(since, before)     # how many writes to ConfigMaps the fence has refused to the controller, between Moments
    writes.violations()               # writes by a non-owner, as the checker judges them
"""

import collections
import itertools

from checker import replay
from checker.replay import in_order
from checker.writes import POD_NAME
from language_ring import checksums

_PREFIX = "checksums-"


class _Secret:
    """The changes of a Secret that nobody has served yet."""

    def __init__(self):
        self.changes, self._sums = [], None

    def written(self, write):
        sums = checksums(write.content)
        if write.gone:
            self.changes = []
        elif sums != self._sums:  # else it is its metadata that has changed
            self.changes.append(write)
        self._sums = sums

    def served(self, sums):
        """-> those that a ConfigMap with these checksums serves"""
        last = max((index for index, each in enumerate(self.changes, 1) if checksums(each.content) == sums), default=0)
        served, self.changes = self.changes[:last], self.changes[last:]
        return served


class RingWrites:
    def __init__(self, ring, began):
        self._ring, self._began = ring, began
        self._events = [event for event in ring.world.cluster.audit_events()
                        if event.get("objectRef", {}).get("namespace") == ring.namespace]
        self._writes = [write for write in in_order(self._events) if write.resource in ("secrets", "configmaps")]

    def turns(self, kind):
        """In the order of their effect: kind(pod) of every write by a pod, those that are equal and adjacent taken together."""
        pods = [write.pod for write in self._writes if write.succeeded and self._is_ours(write.pod) and self._is_new(write.stamp)]
        return [key for key, _ in itertools.groupby(pods, key=kind)]

    def waits(self):
        """A change that a later one has overtaken is served with that one."""
        secrets, seconds = collections.defaultdict(_Secret), []
        for write in (each for each in self._writes if each.succeeded and not each.partial):
            if write.resource == "secrets":
                secrets[write.name].written(write)
            elif write.name.startswith(_PREFIX) and not write.gone:
                served = secrets[write.name.removeprefix(_PREFIX)].served(write.content.get("data"))
                seconds += [write.time - change.time for change in served if self._is_new(change.stamp)]
        unserved = [name for name, secret in secrets.items() if secret.changes]
        assert not unserved, f"nobody has served the last change of {unserved}"
        return seconds

    def refused(self, since=None, before=None):
        return sum(1 for event in self._events if (since or self._began).until(event["stageTimestamp"]) >= 0
                   and (before is None or before.until(event["stageTimestamp"]) < 0)
                   and event.get("responseStatus", {}).get("code") == 403
                   and event["objectRef"]["resource"] == "configmaps"
                   and event["objectRef"].get("namespace") == self._ring.namespace
                   and "ValidatingAdmissionPolicy" in event.get("responseObject", {}).get("message", "")
                   and self._is_ours(event["user"].get("extra", {}).get(POD_NAME, [""])[0]))

    def violations(self):
        found = replay(self._events, self._ring.checked()).violations
        return [each for each in found if self._is_new(each.time)]

    def _is_ours(self, pod):
        return pod.startswith(f"{self._ring.name}-")

    def _is_new(self, stamp):
        return self._began.until(stamp) >= 0
