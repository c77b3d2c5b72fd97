"""What happens to the objects while something changes, seen by two watches: which moved, when, and whether drained before."""

import contextlib
import dataclasses
import time

from .ring import DRAIN_LABEL, SHARD_LABEL

_KINDS = {"secret": "Secret", "configmap": "ConfigMap"}


@dataclasses.dataclass
class Move:
    target: str
    source: str
    to: str
    drained: bool
    at: float


@dataclasses.dataclass
class Row:
    """One row of the summary."""
    what: str
    moved: int
    seconds: float
    of_what: str


class Change:
    def __init__(self, guide, before):
        self._guide, self._before = guide, before
        self._watches = {resource: guide.watch(resource) for resource in _KINDS}
        self.began = time.monotonic()

    def show_secrets(self):
        watch = self._watches["secret"]
        self._guide.terminal.command(f"{watch.command}   # in the background since before the last command")
        self._guide.terminal.output("\n".join(watch.lines()))

    def moves(self):
        """Objects going from one shard to another, in the order in which it happened."""
        moves = []
        for resource, kind in _KINDS.items():
            known = {}
            for event in self._watches[resource].events():
                target = f"{kind}/{event.name}"
                before = self._before.shard(target) if target in self._before.objects else ""
                source, drained = known.get(target, (before, False))
                to = event.labels.get(SHARD_LABEL, "")
                if source and to and source != to:
                    moves.append(Move(target, source, to, drained, event.at))
                known[target] = to, DRAIN_LABEL in event.labels
        return sorted(moves, key=lambda move: move.at)

    def first_drain(self):
        return min((event.at for event in self._watches["secret"].events() if DRAIN_LABEL in event.labels), default=None)

    def close(self):
        for watch in self._watches.values():
            watch.close()


@contextlib.contextmanager
def observed(guide, before):
    change = Change(guide, before)
    try:
        yield change
    finally:
        change.close()
