#!/usr/bin/python3
"""Handovers at scale on a real node: 3 to 4 replicas of the checksum controller, back to 3, and the hard death of a pod, with
many Secrets and as many ConfigMaps. Prints a table. Needs `make build`.

    tests/bench/handover_scale.py [--objects 10000]
"""

import argparse
import contextlib
import os
import pathlib
import re
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / folder) for folder in ("e2e", "cluster", "")]

from api import PODS, proxy  # noqa: E402
from ringside_cluster import Cluster  # noqa: E402
from world import RING, Moment, World, eventually  # noqa: E402


class Cpu:
    """CPU seconds of everything on the node since the last look, by program; what has ended meanwhile is not counted."""
    SHOWN = {"central": "ringside-central", "API server": "kube-apiserver", "etcd": "etcd", "sidecars": "ringside-sidecar",
             "controllers": "checksum-controller"}

    def __init__(self, world):
        self.world, self.before = world, {}
        self.spent()

    def spent(self):
        now = {}
        for line in self.world.cluster.exec("sh", "-c", "cat /proc/[0-9]*/stat 2>/dev/null; true").stdout.splitlines():
            head, _, fields = line.rpartition(")")
            pid, _, name = head.partition(" (")
            fields = fields.split()
            now[pid, name] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        before, self.before = self.before, now
        spent = {}
        for (pid, name), seconds in now.items():
            spent[name] = spent.get(name, 0) + seconds - before.get((pid, name), 0)
        # The kernel keeps 15 characters of a name.
        shown = {what: spent.pop(name[:15], 0) for what, name in self.SHOWN.items()}
        return {**shown, "all else": sum(spent.values())}


class Requests:
    """What the API server was asked for since the last look, by verb and resource."""

    def __init__(self, world):
        self.world, self.before = world, {}
        self.done()

    def done(self):
        now = {}
        for labels, count in re.findall(r"^apiserver_request_total{(.*)} (\S+)$", self.world.kubectl("get --raw /metrics"), re.M):
            label = dict(re.findall(r'(\w+)="([^"]*)"', labels))
            key = f"{label['verb']} {label['resource']}" + (f"/{label['subresource']}" if label["subresource"] else "")
            now[key] = now.get(key, 0) + float(count)
        before, self.before = self.before, now
        return {key: int(count - before.get(key, 0)) for key, count in now.items() if count > before.get(key, 0)}


class Fenced:
    """How long objects were fenced by the sidecars, since this was made."""
    NAME = "ringside_sidecar_handover_phase_seconds"

    def __init__(self, world):
        self.world, self.before = world, {}
        self.before = self.buckets()

    def refused(self):
        """Writes of the controllers that the sidecars have refused, in all."""
        return sum(float(count) for text in self.metrics() for count in
                   re.findall(r"^ringside_sidecar_fence_denials_total (\S+)$", text, re.M))

    def metrics(self):
        return [self.world.kubectl(f"get --raw {PODS}/{pod}:16480/proxy/metrics") for pod in self.world.pods()]

    def buckets(self):
        counts = {}
        for text in self.metrics():
            for phase, bound, count in re.findall(rf'{self.NAME}_bucket{{phase="(\w+)",le="([^"]+)"}} (\d+)', text):
                counts[phase, float(bound)] = counts.get((phase, float(bound)), 0) + int(count)
        return {key: count - self.before.get(key, 0) for key, count in counts.items()}

    def quantile(self, share, phase="fenced"):
        """Interpolated within its bucket."""
        bounds = sorted((bound, count) for (each, bound), count in self.buckets().items() if each == phase)
        total, low, below = bounds[-1][1] if bounds else 0, 0.0, 0
        for bound, count in bounds:
            if total and count >= share * total:
                return low + (min(bound, 120) - low) * (share * total - below) / max(count - below, 1)
            low, below = bound, count
        return float("nan")


def row(what, value):
    print(f"  {what:<60} {value}", flush=True)


def row_cpu(spent):
    row("CPU, s", ", ".join(f"{what} {seconds:.1f}" for what, seconds in spent.items()))


def story(world, count):
    began = time.monotonic()
    world.steady()
    names = [f"scale-{i}" for i in range(count)]
    for i in range(0, count, 1000):
        world.api.create_secrets(names[i:i + 1000])
        print(f"  created {min(i + 1000, count)} of {count}", end="\r", flush=True)
    before = world.settle(3, seconds=120 + count / 20)
    row(f"{count} Secrets created and served, s", f"{time.monotonic() - began:.1f}")

    cpu, fenced, requests, moment = Cpu(world), Fenced(world), Requests(world), Moment()
    world.scale(4)
    after = world.settle(4, seconds=120 + count / 20)
    spent = cpu.spent()
    asked = sorted(requests.done().items(), key=lambda each: -each[1])
    seen = world.since(moment, before)
    new = set(after.available) - set(before.available)
    joined = min(moment.until(change.time) for change in seen.leases if change.shard in new and change.held)
    secrets = [move for move in seen.moves if move.target.startswith("secrets/")]
    last = max(moment.until(move.time) for move in seen.moves)
    twice = len(seen.moves) - len({move.target for move in seen.moves})
    print("scale-up 3 to 4")
    row("Secrets handed over (and as many ConfigMaps)", len(secrets))
    row("first Lease of the new shard to the last move, s", f"{last - joined:.1f}")
    row("object fenced, median / p99, s", f"{fenced.quantile(0.5):.2f} / {fenced.quantile(0.99):.2f}")
    for phase in ("quiesce", "children", "acknowledge"):
        row(f"  {phase}, median / p99, s", f"{fenced.quantile(0.5, phase):.2f} / {fenced.quantile(0.99, phase):.2f}")
    row("objects moved twice", twice)
    row("writes that the sidecars refused", f"{fenced.refused():.0f}")
    row("requests to the API server, the most frequent", ", ".join(f"{count} {what}" for what, count in asked[:6]))
    row_cpu(spent)

    before, moment = after, Moment()
    world.scale(3)
    after = world.settle(3, seconds=120 + count / 20)
    spent = cpu.spent()
    seen = world.since(moment, before)
    gone = set(before.available) - set(after.available)
    released = min(moment.until(change.time) for change in seen.leases if change.shard in gone and not change.held)
    print("scale-down 4 to 3")
    row("objects moved", len(seen.moves))
    row("Lease released to the last move, s", f"{max(moment.until(move.time) for move in seen.moves) - released:.1f}")
    row("objects of other shards moved", len([move for move in seen.moves if move.source not in gone]))
    row_cpu(spent)

    before, moment = after, Moment()
    pod = sorted(world.pods())[0]
    world.api.delete(f"{PODS}/{pod}", gracePeriodSeconds=0)
    eventually(lambda: len(world.snapshot().available) == 3 and pod not in world.snapshot().available, 120, "another pod")
    world.settle(3, seconds=120 + count / 20, without=pod)
    spent = cpu.spent()
    seen = world.since(moment, before)
    of_dead = [moment.until(move.time) for move in seen.moves if move.source == pod]
    print("a pod deleted by force, and its successor")
    row("its objects moved / last of them, s", f"{len(of_dead)} / {max(of_dead):.1f}")
    row("all moves, the successor's included / last, s",
        f"{len(seen.moves)} / {max(moment.until(move.time) for move in seen.moves):.1f}")
    row_cpu(spent)
    print(f"writes: {seen.judged} judged, {len(seen.violations)} by a non-owner")
    for container, namespace, selector in (("sharder", "sharding-system", "app.kubernetes.io/component=sharder"),):
        pods = world.kubectl(f"-n {namespace} get pods -l {selector} -o name").split()
        memory = [f"{world.memory_mib(namespace, pod.split('/')[1], container):.1f}" for pod in pods]
        row("resident memory of central's replicas, MiB", " / ".join(memory))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--objects", type=int, default=10_000)
    arguments = parser.parse_args()
    with contextlib.ExitStack() as stack:
        cluster = stack.enter_context(Cluster(f"handover-scale-{os.getpid()}"))
        world = World(cluster, stack.enter_context(proxy(cluster)))
        world.install()
        print(f"ring {RING}, {arguments.objects} Secrets", flush=True)
        story(world, arguments.objects)


if __name__ == "__main__":
    main()
