"""A chaos run: faults by schedule and load on a real cluster, and then the checker's verdict.

    outcome = run(cluster, seconds=180, seed=7, say=print)
    assert not outcome.faults, report.findings(outcome)
"""

import collections
import contextlib
import dataclasses
import shutil
import threading
import time
import traceback

from api import DEPLOYMENTS
from checker import Journal, Result, check
from checker.journal import read_journal
from checksums import Checksums
from examples import Pools, Sites
from faults import FAULTS, NothingToHit, patient
from load import Load
from schedule import make_schedule
from shifted_clock import ShiftedClock
from world import ROOT

WORKLOADS = (Checksums, Sites, Pools)
_REPLICAS = 3
_LATE_SECONDS = 5    # by how much the last fault may end late
_RETRY_SECONDS = 10  # how long a fault waits for something that it can hit


@dataclasses.dataclass
class Scene:
    world: object
    workloads: list
    journal: Journal
    clock: ShiftedClock

    def list_objects(self):
        for workload in self.workloads:
            for resource, path in workload.lists.items():
                self.journal.listed(resource, "default", patient(lambda path=path: self.world.api.get(path)))


@dataclasses.dataclass
class Outcome:
    results: list            # checker.Result, one for each workload
    injected: collections.Counter
    missed: list             # "fault: why"
    problems: list           # what went wrong in the run itself
    written: int

    @property
    def faults(self):
        return [str(fault) for result in self.results for fault in result.faults] + self.problems


def prepare(world, workloads=WORKLOADS):
    """-> a Scene with everything installed."""
    clock = ShiftedClock(world)
    clock.install()
    workloads = [make(world) for make in workloads]
    for workload in workloads:
        workload.install()
    scene = Scene(world, workloads, Journal(world.cluster.state_dir / "journal"), clock)
    _rest(scene)
    return scene


def run(scene, seconds, seed, say=print):
    steps = make_schedule(seed, seconds)
    say(f"chaos for {seconds:.0f} s, seed {seed}: {len(steps)} faults")
    lanes = [_Lane(scene, [step for step in steps if step.lane == name], seconds, say)
             for name in sorted({step.lane for step in steps})]
    with Load(scene.workloads, seed) as load:
        began = time.monotonic()
        threads = [threading.Thread(target=lane.run, args=(began,)) for lane in lanes]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        time.sleep(max(0.0, began + seconds - time.monotonic()))
    problems = [problem for lane in lanes for problem in lane.problems]
    say("all faults are healed: waiting until everything is at rest")
    try:
        _rest(scene)
    except AssertionError as error:
        problems.append(f"not at rest: {error}")
    scene.list_objects()
    injected = sum((lane.injected for lane in lanes), collections.Counter())
    return Outcome(judge(scene), injected, [each for lane in lanes for each in lane.missed], problems, load.written)


def judge(scene):
    """The checker's verdict on everything since the cluster was started. -> a Result for each workload"""
    return check(scene.world.cluster.audit_events(), [workload.ring for workload in scene.workloads],
                 read_journal(scene.journal.path))


def keep(scene):
    """Copies what the verdict was made of. -> where it is"""
    folder = ROOT / "build/chaos"
    shutil.copy(scene.world.cluster.audit_path, folder / "audit.log")
    shutil.copy(scene.journal.path, folder / "journal")
    return folder


class _Lane:
    """One fault after another."""

    def __init__(self, scene, steps, seconds, say):
        self._scene, self._steps, self._seconds, self._say = scene, steps, seconds, say
        self.injected, self.missed, self.problems = collections.Counter(), [], []

    def run(self, began):
        for step in self._steps:
            time.sleep(max(0.0, began + step.at - time.monotonic()))
            if time.monotonic() + step.lasts > began + self._seconds + _LATE_SECONDS:
                self.missed.append(f"{step.fault} at {step.at:.0f} s: healing those before it took too long")
                continue
            try:
                self._inject(step, began)
            except Exception:  # the other lanes go on, and the run fails at its end
                self.problems.append(f"{step.fault} at {step.at:.0f} s: {traceback.format_exc()}")

    def _inject(self, step, began):
        deadline = time.monotonic() + _RETRY_SECONDS
        while True:
            try:
                with contextlib.ExitStack() as stack:
                    stack.enter_context(FAULTS[step.fault](self._scene, step))
                    self._say(f"{time.monotonic() - began:7.1f} s  {step}")
                    time.sleep(step.lasts)
                self.injected[step.fault] += 1
                return
            except NothingToHit as error:
                if time.monotonic() > deadline:
                    self.missed.append(f"{step.fault} at {step.at:.0f} s: {error}")
                    return
                time.sleep(0.5)


def _rest(scene):
    for workload in scene.workloads:
        patient(lambda: scene.world.api.patch(f"{DEPLOYMENTS}/{workload.deployment}/scale", {"spec": {"replicas": _REPLICAS}}))
        scene.world.kubectl(f"rollout status deployment {workload.deployment} --timeout=120s")
    for workload in scene.workloads:
        workload.settle(_REPLICAS)
