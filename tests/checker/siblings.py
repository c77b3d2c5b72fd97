"""How many children parents have, where a ring says how many there may be: names tell nothing if they are generated."""

import collections

from .result import Surplus


class Siblings:
    def __init__(self, limits):
        self.violations = []
        self._limits = limits
        self._children = collections.defaultdict(set)  # (parent's uid, resource) -> uids
        self._parent_of = {}                           # uid of a child -> that key
        self._allowed = {}                             # the same key -> the most that the parent ever asked for
        self._targets = {}                             # uid of a parent -> its name
        self._blind = set()                            # resources of which a deletion may not be known

    def seen(self, write):
        """A parent or child after a write, or as it was read."""
        for limit in self._limits:
            if write.resource == limit.parent:
                self._see_parent(limit, write)
            if write.resource == limit.child and write.controller_uid:
                self._see_child((write.controller_uid, limit.child), write)

    def gone(self, uid):
        key = self._parent_of.pop(uid, None)
        if key:
            self._children[key].discard(uid)
            if not self._children[key]:
                del self._children[key]
        if self._targets.pop(uid, None):
            for key in [(uid, limit.child) for limit in self._limits]:
                self._allowed.pop(key, None)

    def blind(self):
        """The API server was killed: a child may be gone that is not known to be. Counts again when they were listed."""
        self._blind = {limit.child for limit in self._limits}

    def listed(self, resource, stamp):
        """What is known of that resource is what there is."""
        if resource in self._blind:
            self._blind.discard(resource)
            for key, children in self._children.items():
                if key[1] == resource:
                    self._report(key, f"one of {len(children)} {resource}", "?", stamp)

    def _see_parent(self, limit, write):
        self._targets[write.uid] = write.target
        count = limit.count if isinstance(limit.count, int) else _field(write.content, limit.count)
        if count is not None:
            # The most it ever asked for: a controller needs time to follow when it asks for less.
            key = (write.uid, limit.child)
            self._allowed[key] = max(count, self._allowed.get(key, 0))

    def _see_child(self, key, write):
        if write.uid in self._children[key]:
            return
        self._children[key].add(write.uid)
        self._parent_of[write.uid] = key
        if key[1] not in self._blind:
            self._report(key, write.target, write.pod, write.stamp)

    def _report(self, key, child, pod, stamp):
        allowed, count = self._allowed.get(key), len(self._children[key])
        if allowed is not None and count > allowed:
            self.violations.append(Surplus(self._targets[key[0]], child, pod, count, allowed, stamp))


def _field(item, path):
    for name in path:
        item = (item or {}).get(name)
    return item if isinstance(item, int) else None
