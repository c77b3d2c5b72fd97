"""The faults: `with FAULTS[name](scene, step): ...` injects one, and heals it at the end.

A scene has `world` (tests/e2e), `workloads`, `journal` (tests/checker) and `clock` (shifted_clock.py). A fault that finds
nothing to hit raises NothingToHit; that happens when pods are being replaced at that moment.
"""

import contextlib
import time

from api import DEPLOYMENTS, ApiError
from ringside_cluster import ClusterError
from world import SIDECAR, Moment, eventually

SYSTEM = "sharding-system"
SYSTEM_DEPLOYMENTS = f"/apis/apps/v1/namespaces/{SYSTEM}/deployments"
SYSTEM_PODS = f"/api/v1/namespaces/{SYSTEM}/pods"
LEADER = f"/apis/coordination.k8s.io/v1/namespaces/{SYSTEM}/leases/sharder"
_API_SERVER = "10.96.0.1"
_RECOVERY_SECONDS = 2  # a leader that is back has to see first what it has missed


class NothingToHit(Exception):
    """Nothing is there at the moment that the fault could be injected into."""


# To the ring.

@contextlib.contextmanager
def scale(scene, step):
    for workload in scene.workloads:
        path = f"{DEPLOYMENTS}/{workload.deployment}/scale"
        patient(lambda path=path: scene.world.api.patch(path, {"spec": {"replicas": step.replicas}}))
    yield


@contextlib.contextmanager
def rolling_update(scene, step):
    template = {"metadata": {"annotations": {"chaos/rolled-out-at": f"{step.at:.3f}"}}}
    for workload in scene.workloads:
        patient(lambda: scene.world.api.patch(f"{DEPLOYMENTS}/{workload.deployment}", {"spec": {"template": template}}))
    yield


# To single pods.

def kill(controller=False, sidecar=False):
    @contextlib.contextmanager
    def fault(scene, step):
        with contextlib.suppress(ClusterError):  # one of two died of the other
            for pid in _pids(scene, step, controller, sidecar):
                scene.world.cluster.signal_pid(pid, "KILL")
        yield
    return fault


def freeze(controller=False, sidecar=False):
    @contextlib.contextmanager
    def fault(scene, step):
        pids = _pids(scene, step, controller, sidecar)
        try:
            for pid in pids:
                _signal(scene, "STOP", pid)
            yield
        finally:
            for pid in pids:
                _signal(scene, "CONT", pid)
    return fault


@contextlib.contextmanager
def partition(scene, step):
    """The pod's network loses every packet to and from the API server. The shell holds the network until it is healed, so
    that it is healed even if the pod ends meanwhile."""
    (pid,) = _pids(scene, step, controller=False, sidecar=True)
    rules = (f"OUTPUT -d {_API_SERVER} -j DROP", f"INPUT -s {_API_SERVER} -j DROP")
    script = "; ".join([*(f"iptables -w -I {rule}" for rule in rules), "echo done", "read -r _",
                        *(f"iptables -w -D {rule}" for rule in rules)])
    shell = scene.world.cluster.popen("nsenter", "--target", str(pid), "--net", "sh", "-c", script, stdin=-1, stdout=-1)
    try:
        if shell.stdout.readline() != b"done\n":
            raise NothingToHit(f"no network to cut off in process {pid}")
        yield
    finally:
        shell.communicate(b"\n", timeout=30)


# To the system.

@contextlib.contextmanager
def api_server_restarted(scene, step):
    with scene.journal.outage("the API server is down"):
        scene.world.cluster.stop("apiserver")
        scene.journal.killed()
        try:
            yield
        finally:
            scene.world.cluster.start("apiserver")
            scene.world.cluster.wait_until_ready()
            _central_leads(scene)
    scene.list_objects()


@contextlib.contextmanager
def etcd_paused(scene, step):
    with scene.journal.outage("etcd is paused"):
        scene.world.cluster.pause("etcd")
        try:
            yield
        finally:
            scene.world.cluster.resume("etcd")
            scene.world.cluster.wait_until_ready()
            _central_leads(scene)


@contextlib.contextmanager
def webhook_hangs(scene, step):
    """Both replicas of central stand still: connections to them are accepted, and nobody answers."""
    pids = [_pid(scene, SYSTEM, pod, "sharder") for pod in _system_pods(scene, "sharder")]
    with scene.journal.outage("the webhook hangs"):
        try:
            for pid in pids:
                _signal(scene, "STOP", pid)
            yield
        finally:
            for pid in pids:
                _signal(scene, "CONT", pid)
            _central_leads(scene)


@contextlib.contextmanager
def central_down(scene, step):
    with scene.journal.outage("both replicas of central are down"):
        with _scaled_to_zero(scene, "sharder"):
            yield
        _central_leads(scene)


@contextlib.contextmanager
def injector_down(scene, step):
    with _scaled_to_zero(scene, "injector"):
        yield


def clock_shifted(seconds):
    @contextlib.contextmanager
    def fault(scene, step):
        pods = _system_pods(scene, "sharder")
        try:
            if not all([scene.clock.set(pod, seconds) for pod in pods]):
                raise NothingToHit("a replica of central is being replaced")
            eventually(lambda: abs(_ahead(scene) - seconds) < 10, 30, "central's Lease shows the shifted clock")
            yield
        finally:
            for pod in pods:
                scene.clock.set(pod, 0)
    return fault


FAULTS = {
    "scale": scale,
    "rolling update": rolling_update,
    "kill controller": kill(controller=True),
    "kill sidecar": kill(sidecar=True),
    "kill both": kill(controller=True, sidecar=True),
    "freeze controller": freeze(controller=True),
    "freeze sidecar": freeze(sidecar=True),
    "freeze both": freeze(controller=True, sidecar=True),
    "partition": partition,
    "API server restarted": api_server_restarted,
    "etcd paused": etcd_paused,
    "webhook hangs": webhook_hangs,
    "central down": central_down,
    "injector down": injector_down,
    "clock of central +60 s": clock_shifted(60),
    "clock of central -60 s": clock_shifted(-60),
}


def patient(request, seconds=60):
    """The result of a request that may find the API server away."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return request()
        except (ApiError, OSError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


def _pids(scene, step, controller, sidecar):
    """The processes of a pod that the step chooses."""
    workload = scene.workloads[int(step.choice * 1000) % len(scene.workloads)]
    try:
        pods = workload.pods()
    except (ApiError, OSError) as error:
        raise NothingToHit(f"the API server does not tell: {error}") from None
    if not pods:
        raise NothingToHit(f"no pod of {workload.deployment} runs")
    pod = pods[int(step.choice * len(pods))]
    containers = [workload.container] * controller + [SIDECAR] * sidecar
    return [_pid(scene, "default", pod, container) for container in containers]


def _pid(scene, namespace, pod, container):
    try:
        return scene.world.cluster.container_pid(namespace, pod, container)
    except ClusterError as error:
        raise NothingToHit(str(error)) from None


def _signal(scene, signal, pid):
    scene.world.cluster.exec("kill", f"-{signal}", str(pid), check=False)  # it may have ended meanwhile


def _system_pods(scene, component):
    try:
        return _running_pods(scene, component)
    except (ApiError, OSError) as error:
        raise NothingToHit(f"the API server does not tell: {error}") from None


def _running_pods(scene, component):
    return [pod["metadata"]["name"] for pod in _pods_of(scene, component) if "deletionTimestamp" not in pod["metadata"]]


def _pods_of(scene, component):
    return scene.world.api.items(f"{SYSTEM_PODS}?labelSelector=app.kubernetes.io/component={component}")


def _is_ready(pod):
    return any(condition["type"] == "Ready" and condition["status"] == "True"
               for condition in pod["status"].get("conditions", ()))


@contextlib.contextmanager
def _scaled_to_zero(scene, deployment):
    """Until no pod of it is left, and after that until two others are ready. The Deployment's status does not tell: after a
    restart of the API server controllers and kubelet may act on it late, and a pod that is deleted goes on for a while."""
    def replicas(count):
        patient(lambda: scene.world.api.patch(f"{SYSTEM_DEPLOYMENTS}/{deployment}/scale", {"spec": {"replicas": count}}))
    replicas(0)
    try:
        eventually(lambda: not patient(lambda: _pods_of(scene, deployment)), 90, f"no pod of {deployment} is left")
        yield
    finally:
        replicas(2)
        eventually(lambda: [_is_ready(pod) for pod in patient(lambda: _pods_of(scene, deployment))] == [True, True], 90,
                   f"two replicas of {deployment} are ready")


def _ahead(scene):
    """Seconds by which central's clock is ahead, by the time that its leader has last written into its Lease."""
    renewed = scene.world.api.get(LEADER)["spec"]["renewTime"]
    return Moment().until(renewed)


def _central_leads(scene):
    """Until a replica of central has renewed its Lease: it works again."""
    def renewed():
        return scene.world.api.get(LEADER)["spec"]["renewTime"]
    before = patient(renewed)
    eventually(lambda: renewed() != before, 60, "a replica of central leads")
    time.sleep(_RECOVERY_SECONDS)
