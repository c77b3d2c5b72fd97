#!/usr/bin/python3
"""A ring with very many objects: what its changes cost, and whether central's memory grows with them.

    tests/bench/large_ring.py [OBJECTS]        100,000 by default, half an hour on two cores; 5000 for a quick look

A real API server with central, the release build, as in the integration tests. Shards are Leases made by hand; helpers
acknowledge drains as sidecars would. Measured for a tenth of the objects and for all of them: the time of each phase, CPU
seconds of central and of the API server, requests of central, and the memory of central (RSS, sampled every 100 ms). After
40 minutes it stops with what it has.
"""

import os
import pathlib
import sys
import tempfile
import time

import yaml

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "integration"), str(TESTS / "cluster")]
os.environ.setdefault("RINGSIDE_BIN", str(TESTS.parent / "build/release/bin"))

import gauges  # noqa: E402  (found through the lines above, as those that follow)
import own_network  # noqa: E402
from conftest import RING_PERMISSIONS  # noqa: E402
from objects import Acknowledgers, Stopped, create_secrets  # noqa: E402
from ringside_cluster import Cluster  # noqa: E402
from rings import Ring  # noqa: E402
from support import RINGS, ROOT, Api, Central, eventually, write_kubeconfig  # noqa: E402

LIMIT = 40 * 60  # seconds
MEMORY = 24 * 1024  # KiB: the budget of central, for any number of objects
QUIET = 30  # seconds


class Measurement:
    """All phases for one number of objects, with a ring, a namespace and a central of its own."""

    def __init__(self, cluster, api, count, deadline):
        self.cluster, self.api, self.count, self.deadline = cluster, api, count, deadline
        self.name = f"of-{count}"
        self.secrets = f"/api/v1/namespaces/{self.name}/secrets"
        self.phases = []

    def run(self, folder):
        print(f"\n{self.count:,} objects", flush=True)
        self.api.create("/api/v1/namespaces", {"metadata": {"name": self.name}})
        taken = create_secrets(self.cluster, self.secrets, [f"object-{i:06}" for i in range(self.count)], self.deadline)
        print(f"  created without a ring: {self.count / taken:,.0f} per second", flush=True)
        kubeconfig = write_kubeconfig(folder / self.name, self.cluster, self.api.token("sharding-system", "sharder"))
        with Central(folder, f"central-{self.name}", kubeconfig, log_level="info") as central:
            eventually(central.leading, 30, "central leads")
            measured = gauges.Gauges(self.api, central)
            self.phases = measured.phases
            self.change(measured, central)
            self.api.delete(f"{RINGS}/{self.name}")

    def change(self, measured, central):
        with measured.phase("no ring"):
            time.sleep(5)
        with measured.phase("first assignment") as phase:
            ring = Ring(self.api, self.name, [{"group": "", "resource": "secrets"}], namespace=False)
            for shard in ("shard-0", "shard-1", "shard-2"):
                ring.add_shard(shard)
            self.wait(lambda: self.moved(central) >= self.count, "all objects are assigned")
            phase.note = f"{self.count:,} objects"
        self.expect_none(f"!{ring.shard_label}")
        with measured.phase(f"{QUIET} s of quiet"):
            time.sleep(QUIET)
        with measured.phase("full sync, nothing to do") as phase:
            syncs, seconds = self.syncs(central, "full"), self.sync_seconds(central)
            # Says the same in other words, which is a change of the ring.
            same = {"matchLabels": None, "matchExpressions": [
                {"key": "kubernetes.io/metadata.name", "operator": "In", "values": [self.name]}]}
            self.api.patch(f"{RINGS}/{self.name}", {"spec": {"namespaceSelector": same}})
            self.wait(lambda: self.syncs(central, "full") > syncs, "the sync has ended")
            phase.note = f"sync {self.sync_seconds(central) - seconds:.2f} s"
        self.create_some(measured, ring)
        with measured.phase("a shard leaves") as phase:
            moved, syncs = self.moved(central), self.syncs(central, "homeless")
            ring.release("shard-2")
            self.wait(lambda: self.syncs(central, "homeless") > syncs, "what the shard left is assigned")
            phase.note = f"{self.moved(central) - moved:,.0f} objects moved"
        self.expect_none(f"{ring.shard_label}=shard-2")
        self.join(measured, central, ring)

    def create_some(self, measured, ring):
        some = min(2000, self.count // 10)
        with measured.phase("creates, with webhook") as phase:
            phase.seconds = create_secrets(self.cluster, self.secrets, [f"late-{i:06}" for i in range(some)], self.deadline)
            phase.note = f"{some / phase.seconds:,.0f} per second"
        self.expect_none(f"!{ring.shard_label}")
        self.count += some

    def join(self, measured, central, ring):
        with Acknowledgers(self.cluster, ring) as hands:
            measured.own_writes = hands.count
            with measured.phase("a shard joins") as phase:
                drains, syncs, began = self.drains(central), self.syncs(central, "full"), time.monotonic()
                ring.add_shard("shard-3")
                self.wait(lambda: self.syncs(central, "full") > syncs, "all drains are put")
                asked, taken = self.drains(central) - drains, time.monotonic() - began
                self.wait(lambda: hands.count() >= asked, "all drains are acknowledged")
                phase.note = f"{asked:,.0f} objects drained in {taken:.1f} s, all acknowledged"
        # The hands are gone, their count stays.
        acknowledged = hands.count()
        measured.own_writes = lambda: acknowledged
        self.expect_none(ring.drain_label)

    def series(self, central, name, **labels):
        text = ",".join(f'{key}="{value}"' for key, value in {"controllerring": self.name, **labels}.items())
        return central.metric(f"{name}{{{text}}}")

    def moved(self, central):
        return self.series(central, "controller_sharding_movements_total", group="", resource="secrets")

    def drains(self, central):
        return self.series(central, "controller_sharding_drains_total", group="", resource="secrets")

    def syncs(self, central, kind):
        return self.series(central, "ringside_central_sync_duration_seconds_count", kind=kind)

    def sync_seconds(self, central):
        return self.series(central, "ringside_central_sync_duration_seconds_sum", kind="full")

    def expect_none(self, selector):
        left = self.api.get(f"{self.secrets}?limit=1&labelSelector={selector}")["items"]
        if left:
            raise Stopped(f"an object with {selector} is left: {left[0]['metadata']}")

    def wait(self, condition, what):
        # Seldom enough to be no load of its own.
        while not condition():
            if time.monotonic() > self.deadline:
                raise Stopped(f"the time is up before {what}: use fewer objects")
            time.sleep(0.2)


def measure_all(cluster, count, folder, deadline):
    api = Api.of_cluster(cluster)
    measurements = []
    try:
        for size in (count // 10, count):
            measurements.append(Measurement(cluster, api, size, deadline))
            measurements[-1].run(folder)
    except Stopped as why:
        print(f"stopped: {why}")
        return 1
    finally:
        for measurement in measurements:
            gauges.show(measurement.count, measurement.phases)
    peak = max(phase.rss_peak for measurement in measurements for phase in measurement.phases)
    print(f"\ncentral's memory: {peak / 1024:.1f} MiB at most, budget {MEMORY // 1024} MiB")
    return 0 if peak <= MEMORY else 1


def main(count=100_000):
    own_network.enter()
    deadline = time.monotonic() + LIMIT
    # Without the audit log, in which the tests read: it would be the larger part of what the API server does.
    with Cluster(f"large-ring-{os.getpid()}", api_only=True, host_net=True,
                 apiserver_flags=["--audit-log-path="]) as cluster, \
            tempfile.TemporaryDirectory() as folder:
        for manifest in ("crd/controllerrings.yaml", "central/namespace.yaml"):
            cluster.kubectl("apply", "--server-side", "-f", str(ROOT / "deploy" / manifest))
        cluster.kubectl("apply", "--namespace", "sharding-system", "-f", str(ROOT / "deploy/central/rbac.yaml"))
        cluster.kubectl("apply", "-f", "-", input=yaml.safe_dump_all(RING_PERMISSIONS))
        return measure_all(cluster, count, pathlib.Path(folder), deadline)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
