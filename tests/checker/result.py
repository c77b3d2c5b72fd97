"""What was found."""

import collections
import dataclasses
import math


@dataclasses.dataclass
class Judged:
    """A write that breaks the rule, or one that could not be judged."""
    pod: str
    verb: str
    target: str  # resource/name
    owner: str   # the shard that owned it, or why that is not known
    revision: int
    time: str
    user_agent: str

    def __str__(self):
        return (f"{self.time} {self.pod} {self.verb} {self.target}: owner {self.owner} "
                f"(revision {self.revision}, {self.user_agent})")


@dataclasses.dataclass
class Unowned:
    """An object was without owner for too long while it could have had one."""
    target: str
    seconds: float
    time: str     # since when
    at_end: bool = False

    def __str__(self):
        return f"{self.target}: without owner since {self.time}" + (
            ", and still at the end" if self.at_end else f" for {self.seconds:.1f} s while a shard was available")


@dataclasses.dataclass
class Surplus:
    """A parent came to have more children than it may: at least one of them was created twice."""
    parent: str
    child: str
    pod: str
    count: int
    limit: int
    time: str

    def __str__(self):
        return f"{self.time} {self.pod} create {self.child}: {self.parent} has {self.count} of {self.limit} children now"


@dataclasses.dataclass
class Move:
    target: str
    source: str
    to: str
    drained: bool
    time: str


@dataclasses.dataclass
class Drain:
    """The drain label was put on an object."""
    target: str
    time: str


@dataclasses.dataclass
class Loss:
    """An object that had a shard was left without one."""
    target: str
    source: str
    by: str
    time: str


@dataclasses.dataclass
class LeaseChange:
    """A shard began or ceased to hold its Lease."""
    shard: str
    held: bool
    time: str


class Spread:
    """Quantiles of any number of durations in little memory, exact to one percent."""
    _STEP = math.log(1.01)

    def __init__(self):
        self._buckets, self.count, self.longest = collections.Counter(), 0, 0.0

    def add(self, seconds):
        seconds = max(seconds, 0.0)
        self.count += 1
        self.longest = max(self.longest, seconds)
        self._buckets[round(math.log(max(seconds, 1e-3)) / self._STEP)] += 1

    def quantile(self, share):
        """0 if there is nothing to tell of."""
        rank, below = math.ceil(share * self.count), 0
        for bucket in sorted(self._buckets):
            below += self._buckets[bucket]
            if below >= rank:
                return math.exp(bucket * self._STEP)
        return 0.0


@dataclasses.dataclass
class Result:
    """`violations`, `unowned` and `surplus` are what must not be."""
    ring: str = ""
    judged: int = 0
    violations: list = dataclasses.field(default_factory=list)
    unowned: list = dataclasses.field(default_factory=list)
    surplus: list = dataclasses.field(default_factory=list)
    unjudged: list = dataclasses.field(default_factory=list)
    objects: int = 0         # that there were, of the ring's
    handovers: int = 0       # moves of drained objects
    handover_seconds: Spread = dataclasses.field(default_factory=Spread)  # from the drain label to the move
    unowned_seconds: Spread = dataclasses.field(default_factory=Spread)   # of objects that were without owner at all
    unknown: list = dataclasses.field(default_factory=list)  # targets of writes that may have happened or not
    # Only if asked for, as they grow with the log.
    moves: list = dataclasses.field(default_factory=list)
    drains: list = dataclasses.field(default_factory=list)
    leases: list = dataclasses.field(default_factory=list)
    losses: list = dataclasses.field(default_factory=list)

    @property
    def faults(self):
        return [*self.violations, *self.unowned, *self.surplus]

    def explain(self, at_most=20):
        lines = [f"{self.judged} writes judged, {len(self.violations)} by a non-owner, {len(self.unjudged)} not judged; "
                 f"{len(self.unowned)} of {self.objects} objects too long without owner; "
                 f"{len(self.surplus)} children created twice"]
        for what, found in (("not the owner's", self.violations), ("without owner", self.unowned),
                            ("created twice", self.surplus), ("not judged", self.unjudged)):
            lines += [f"  {what}: {each}" for each in found[:at_most]]
            lines += [f"  {what}: and {len(found) - at_most} more"] if len(found) > at_most else []
        return "\n".join(lines)
