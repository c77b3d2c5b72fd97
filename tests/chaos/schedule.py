"""When which fault is injected: pure, so that a seed and a duration always give the same.

    for step in make_schedule(seed=7, seconds=180): ...

Three lanes run at once, each with one fault after another: what happens to the ring (replicas, roll-outs), to single pods, and
to the system around it. In each, every fault comes once, in random order, before any comes again.
"""

import dataclasses
import random

# Lane -> fault -> how long it lasts, in seconds; (0, 0) is over as soon as it is done.
LANES = {
    "ring": {"scale": (0, 0), "rolling update": (0, 0)},
    "pod": {
        "kill controller": (0, 0), "kill sidecar": (0, 0), "kill both": (0, 0),
        "freeze controller": (4, 12), "freeze sidecar": (4, 12), "freeze both": (4, 12), "partition": (5, 20),
    },
    "system": {
        "API server restarted": (1, 4), "etcd paused": (5, 15), "webhook hangs": (4, 8), "central down": (4, 10),
        "injector down": (4, 10), "clock of central +60 s": (5, 10), "clock of central -60 s": (5, 10),
    },
}
# Between the end of one fault of a lane and the next: the ring has to come to rest now and then, or nothing moves by handover.
_GAPS = {"ring": (7, 14), "pod": (3, 8), "system": (5, 9)}
# Once in so many faults of a pod it lasts so long that the shard's Lease is taken from it.
_LONG_EVERY, _LONG = 4, (32, 45)
_REPLICAS = (2, 3, 4, 5)


@dataclasses.dataclass(frozen=True)
class Step:
    at: float       # seconds from the start
    lane: str
    fault: str
    lasts: float
    choice: float   # in [0, 1): which pod
    replicas: int   # for "scale"

    def __str__(self):
        what = f"{self.fault} to {self.replicas}" if self.fault == "scale" else self.fault
        return f"{self.at:7.1f} s  {self.lane:<6}  {what}" + (f", for {self.lasts:.1f} s" if self.lasts else "")


def make_schedule(seed, seconds):
    """All steps that end within the time, in the order of their begin."""
    steps = [step for lane in LANES for step in _lane(lane, random.Random(f"{seed}/{lane}"), seconds)]
    return sorted(steps, key=lambda step: (step.at, step.lane))


def _lane(lane, chance, seconds):
    at, bag, replicas, count = chance.uniform(1, 6), [], 3, 0
    while True:
        if not bag:
            bag = sorted(LANES[lane])
            chance.shuffle(bag)
        fault, count = bag.pop(), count + 1
        lasts = chance.uniform(*LANES[lane][fault])
        if lane == "pod" and lasts and chance.randrange(_LONG_EVERY) == 0:
            lasts = chance.uniform(*_LONG)
        if fault == "scale":
            replicas = chance.choice([each for each in _REPLICAS if each != replicas])
        choice, gap = chance.random(), chance.uniform(*_GAPS[lane])
        if at + lasts > seconds:
            return
        yield Step(at, lane, fault, lasts, choice, replicas)
        at += lasts + gap
