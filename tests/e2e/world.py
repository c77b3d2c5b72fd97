"""Ringside on a cluster, as the end-to-end tests see and handle it.

    world.steady()              3 replicas, sharded, and every object where the hash ring says: where each test starts
    world.settle(4)             waits for that with 4 shards -> Snapshot
    world.snapshot()            Leases and objects now
    world.since(began)          what the audit log tells of the time since then: moves, drains, Leases
    world.served(name)          waits until the Secret has its ConfigMap -> seconds
"""

import contextlib
import dataclasses
import datetime
import json
import pathlib
import subprocess
import time

import yaml
from api import CONFIGMAPS, DEPLOYMENTS, LEASES, PODS, POLICY_BINDINGS, SECRETS, ApiError
from checker import Ring, observed, replay
from hash_ring import HashRing, controller_of

ROOT = pathlib.Path(__file__).resolve().parents[2]
RING = "checksum-controller"
SHARD_LABEL = f"shard.alpha.sharding.timebertt.dev/{RING}"
DRAIN_LABEL = f"drain.alpha.sharding.timebertt.dev/{RING}"
RING_LABEL = "alpha.sharding.timebertt.dev/controllerring"
STATE_LABEL = "alpha.sharding.timebertt.dev/state"
CONTROLLER, SIDECAR = "checksum-controller", "ringside-sidecar"
SHARDED = ROOT / "examples/checksum-controller/manifests/sharded"
UNSHARDED = ROOT / "examples/checksum-controller/manifests/unsharded"
CHECKED_RING = Ring.of_file(SHARDED / "controllerring.yaml")
IMAGES = ("central", "injector", "sidecar", "checksum-controller")


def eventually(condition, seconds, what):
    """The first true value of condition(); what it raises counts as false until the deadline. It is asked every 50 ms, or
    less often if it is slow, so that watching thousands of objects does not disturb what is watched."""
    deadline = time.monotonic() + seconds
    while True:
        began = time.monotonic()
        try:
            value = condition()
            problem = f"is {value!r}"
        except (ApiError, OSError, KeyError, AssertionError) as error:
            value, problem = None, f"raises {error!r}"
        if value:
            return value
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}: {problem}"
        time.sleep(max(0.05, 5 * (time.monotonic() - began)))


@dataclasses.dataclass
class Snapshot:
    leases: dict   # shard -> Lease
    objects: dict  # "Secret/foo" -> object

    @property
    def available(self):
        return sorted(name for name, lease in self.leases.items()
                      if lease["metadata"]["labels"].get(STATE_LABEL) in ("ready", "expired", "uncertain"))

    def shard(self, target):
        return self.objects[target]["metadata"].get("labels", {}).get(SHARD_LABEL, "")

    def of_shard(self, shard):
        return {target for target in self.objects if self.shard(target) == shard}

    def shards(self):
        return {target: self.shard(target) for target in self.objects}

    def observed(self, time):
        """As the checker takes what was read at that time."""
        resources = {"Secret": "secrets", "ConfigMap": "configmaps"}
        return [observed(resources[target.partition("/")[0]], item, time) for target, item in self.objects.items()]

    def faults(self, shards):
        """What keeps this from being a settled ring of that many shards."""
        if len(self.available) != shards:
            return [f"{len(self.available)} of {shards} shards are available"]
        ring, faults = HashRing(self.available), []
        for target, item in self.objects.items():
            kind, name = target.split("/", 1)
            if self.shard(target) != ring.shard_of(item, kind):
                faults.append(f"{target} is on '{self.shard(target)}' instead of {ring.shard_of(item, kind)}")
            elif DRAIN_LABEL in item["metadata"]["labels"]:
                faults.append(f"{target} is draining")
            elif kind == "Secret" and f"ConfigMap/checksums-{name}" not in self.objects:
                faults.append(f"{target} has no ConfigMap")
        return faults


class Moment:
    """A point in time, by both clocks."""

    def __init__(self):
        self.monotonic = time.monotonic()
        self.wall = datetime.datetime.now(datetime.timezone.utc)

    def until(self, timestamp):
        """Seconds from here to a time of the audit log."""
        return (datetime.datetime.fromisoformat(timestamp.replace("Z", "+00:00")) - self.wall).total_seconds()

    def elapsed(self):
        return time.monotonic() - self.monotonic


class World:
    def __init__(self, cluster, api):
        self.cluster, self.api = cluster, api

    # Installing.

    def install(self):
        for image in IMAGES:
            archive = ROOT / "build/images" / f"{image}.tar"
            assert archive.exists(), f"{archive} is missing: make build, then scripts/build-images"
            self.cluster.load(archive)
        for namespace in ("default", "sharding-system"):
            self.kubectl(f"create namespace {namespace}", check=False)
            self.kubectl(f"label namespace {namespace} pod-security.kubernetes.io/enforce=restricted")
        self.kubectl(f"apply -k {ROOT}/deploy/default")
        self.kubectl("-n sharding-system wait --for=condition=Available deployment --all --timeout=120s")
        self.kubectl(f"apply -k {SHARDED}")

    def kubectl(self, line, **options):
        return self.cluster.kubectl(*line.split(), **options).stdout

    # Looking.

    def snapshot(self):
        leases = {item["metadata"]["name"]: item for item in self.api.items(LEASES)
                  if item["metadata"].get("labels", {}).get(RING_LABEL) == RING}
        objects = {f"Secret/{item['metadata']['name']}": item for item in self.api.metadata(SECRETS)}
        objects |= {f"ConfigMap/{item['metadata']['name']}": item for item in self.api.metadata(CONFIGMAPS)
                    if controller_of(item["metadata"])}
        return Snapshot(leases, objects)

    def pods(self):
        """Name -> pod, of those that are not on their way out."""
        pods = self.api.items(f"{PODS}?labelSelector=app.kubernetes.io/component={RING}")
        return {pod["metadata"]["name"]: pod for pod in pods if "deletionTimestamp" not in pod["metadata"]}

    def restarts(self, pod, container):
        status = self.api.get(f"{PODS}/{pod}")["status"]
        entries = status["containerStatuses"] + status.get("initContainerStatuses", [])
        return next(entry["restartCount"] for entry in entries if entry["name"] == container)

    def state(self, shard):
        lease = self.api.find(f"{LEASES}/{shard}")
        return lease["metadata"]["labels"].get(STATE_LABEL, "") if lease else "deleted"

    def since(self, began, before=None):
        """The replay of the whole audit log, with moves, drains and Leases reduced to what came after `began`, of which
        `before` may be a Snapshot."""
        result = replay(self.cluster.audit_events(), CHECKED_RING, before.observed(began.wall) if before else (), history=True)
        for name in ("moves", "drains", "leases", "losses"):
            setattr(result, name, [entry for entry in getattr(result, name) if began.until(entry.time) >= 0])
        return result

    def memory_mib(self, namespace, pod, container):
        pid = self.cluster.container_pid(namespace, pod, container)
        status = self.cluster.exec("cat", f"/proc/{pid}/status").stdout
        return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))) / 1024

    def in_pod_network(self, pod, *command, timeout=120, namespace="default", container=CONTROLLER):
        """Runs a program of this machine in a pod's network; the pod's files are under /proc/PID/root. -> text"""
        pid = str(self.cluster.container_pid(namespace, pod, container))
        command = [argument.replace("{root}", f"/proc/{pid}/root") for argument in command]
        return self.cluster.exec("nsenter", "--target", pid, "--net", *command, timeout=timeout).stdout

    # Waiting.

    def settle(self, shards=3, seconds=60, without=None):
        def settled():
            now = self.snapshot()
            faults = now.faults(shards)
            assert without not in now.available, f"{without} is still available"
            assert not faults, "; ".join(faults[:5]) + (f" and {len(faults) - 5} more" if len(faults) > 5 else "")
            return now
        return eventually(settled, seconds, f"{shards} shards, every object on the right one")

    def steady(self, replicas=3):
        """Sharded, settled, and every pod has the latest template."""
        template = self.api.get(f"{DEPLOYMENTS}/{RING}")["spec"]["template"]["metadata"]
        if "sidecar.alpha.sharding.timebertt.dev/controllerring" not in template.get("annotations", {}):
            self.kubectl(f"apply -k {SHARDED}")
        self.scale(replicas)
        self.kubectl(f"rollout status deployment {RING} --timeout=120s")
        self.settle(replicas, seconds=90)
        eventually(self.is_fenced, 15, "the ring's fence is in force: without any object, nothing else tells")
        return self.snapshot()

    def is_fenced(self):
        """For shards that publish a ServiceAccount; objects are assigned to them from then on."""
        binding = self.api.find(f"{POLICY_BINDINGS}/controllerring-{RING}") or {"metadata": {}}
        return binding["metadata"].get("annotations", {}).get("alpha.sharding.timebertt.dev/fence-in-force")

    def served(self, name, seconds=30):
        """Seconds until the Secret has its ConfigMap."""
        began = Moment()
        eventually(lambda: self.api.find(f"{CONFIGMAPS}/checksums-{name}"), seconds, f"a ConfigMap for {name}")
        return began.elapsed()

    # Doing.

    def scale(self, replicas):
        self.api.patch(f"{DEPLOYMENTS}/{RING}/scale", {"spec": {"replicas": replicas}})

    @contextlib.contextmanager
    def deployed(self, change, *more):
        """With the sharded Deployment as change(deployment) makes it, and more objects; afterwards it is as it was before."""
        self.steady()
        objects = list(yaml.safe_load_all(self.kubectl(f"kustomize {SHARDED}")))
        deployment = next(item for item in objects if item["kind"] == "Deployment")
        change(deployment)
        self.cluster.kubectl("apply", "-f", "-", input=yaml.safe_dump_all([*more, deployment]))
        self.kubectl(f"rollout status deployment {RING} --timeout=120s")
        try:
            yield self
        finally:
            self.kubectl(f"apply -k {SHARDED}")
            self.kubectl(f"rollout status deployment {RING} --timeout=120s")
            self.remove_secrets()
            self.steady()

    def fresh_pod(self):
        """A pod of the ring none of whose containers was ever restarted: the kubelet restarts it without a back-off."""
        fresh = [name for name in sorted(self.pods()) if self.restarts(name, CONTROLLER) + self.restarts(name, SIDECAR) == 0]
        if fresh:
            return fresh[0]
        name = sorted(self.pods())[0]
        self.api.delete(f"{PODS}/{name}")
        self.settle(len(self.pods()) or 3, without=name)
        return self.fresh_pod()

    def name_on(self, shard, prefix, available=None):
        """A Secret's name that the ring puts on this shard."""
        ring = HashRing(available or self.snapshot().available)
        return next(f"{prefix}-{i}" for i in range(100_000) if ring.owner(f"/Secret/default/{prefix}-{i}") == shard)

    def remove_secrets(self):
        """Until the garbage collector has removed their ConfigMaps, too."""
        def gone():
            if self.api.items(f"{SECRETS}?limit=1"):
                self.api.delete(SECRETS)  # with thousands of them it times out, having deleted some
            return not [item for item in self.api.metadata(CONFIGMAPS) if controller_of(item["metadata"])]
        eventually(gone, 600, "no Secrets and ConfigMaps")

    # Reporting.

    def logs(self, lines=15):
        """The ends of all logs, for a test that failed."""
        parts = [self.kubectl("get pod,lease,controllerring -A --show-labels", check=False)]
        for selection in (f"-l app.kubernetes.io/component={RING} -c {SIDECAR}",
                          f"-l app.kubernetes.io/component={RING} -c {CONTROLLER}",
                          "-n sharding-system -l app.kubernetes.io/component=sharder",
                          "-n sharding-system -l app.kubernetes.io/component=injector"):
            with contextlib.suppress(subprocess.TimeoutExpired):
                result = self.cluster.kubectl("logs", "--prefix", f"--tail={lines}", *selection.split(), check=False, timeout=20)
                parts.append(f"--- kubectl logs {selection}\n{_shortened(result.stdout)}{result.stderr}")
        return "\n".join(parts)


def _shortened(text):
    """Without the stack traces that controllers add to every error."""
    lines = []
    for line in text.splitlines():
        prefix, brace, rest = line.partition("{")
        with contextlib.suppress(ValueError):
            record = json.loads(brace + rest)
            record.pop("stacktrace", None)
            line = prefix + json.dumps(record)
        lines.append(line)
    return "\n".join(lines) + "\n"
