"""The test cluster for Python tests.

    from ringside_cluster import Cluster

    with Cluster("handover") as cluster:                    # or api_only=True, host_net=True
        cluster.load("operator.tar")
        cluster.kubectl("apply", "-f", "-", input=manifest)
        cluster.kubectl("wait", "--for=condition=Ready", "pod/operator-0", "--timeout=60s")
        cluster.kill_container("default", "operator-0", "operator")
        writes = [event for event in cluster.audit_events() if event["verb"] == "update"]

Cluster(name, api_only=False, host_net=False, kubernetes_version=None, apiserver_flags=(), controller_manager_flags=())
    up(), down()                 also as a context manager; the cluster goes when this process ends, however it ends
    kubectl(*args, input=None, check=True, timeout=120) -> CompletedProcess with text
    kubectl_json(*args)          kubectl ... -o json, parsed
    exec(*args, input=None, check=True, timeout=120)     any command inside the namespaces -> CompletedProcess with text
    popen(*args, **kwargs)       the same as a subprocess.Popen; killing it kills the command inside
    load(archive, name=None)     an OCI archive into containerd -> the image's name
    restart(component, gap=0, signal="KILL", wait=False), stop(component, signal="KILL"), start(component)
    pause(component), resume(component)                  SIGSTOP, SIGCONT
    wait_until_ready(seconds=120)  the API server's /readyz
    status()                     {component: (running | paused | stopped | crashed, detail)}
    state_dir, kubeconfig, audit_path                    pathlib.Path; kubeconfig works from outside with host_net only
    server                       the API server's URL, "https://127.0.0.1:PORT"
    audit_events()               iterator of dicts, oldest first
    container_pid(namespace, pod, container)             the main process' pid inside the cluster's pid namespace
    container_rootfs(namespace, pod, container)          pathlib.Path of its file system, inside the cluster's namespaces;
                                 writable even if the container's own view of it is read-only
    kill_container(namespace, pod, container, signal="KILL")
    node_pids(process_name)      pids inside the cluster's pid namespace of all processes of that name
    signal_pid(pid, signal)      for such a pid

COMPONENTS: etcd apiserver controller-manager scheduler containerd kubelet kube-proxy. Signals are names ("KILL") or
numbers. Whatever fails raises ClusterError, whose text says what and why.
"""

import atexit
import json
import os
import pathlib
import signal as signals
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from node import components, lifecycle  # noqa: E402  (found through the line above)
from node.layout import ClusterError, State  # noqa: E402

__all__ = ["COMPONENTS", "Cluster", "ClusterError"]

COMPONENTS = components.ALL


class Cluster:
    """One cluster, of its own name; see the top of this file."""

    def __init__(self, name, api_only=False, host_net=False, kubernetes_version=None, apiserver_flags=(),
                 controller_manager_flags=()):
        self._state = State.of(name)
        self._options = {
            "api_only": api_only, "host_net": host_net, "kubernetes_version": kubernetes_version,
            "apiserver_flags": apiserver_flags, "controller_manager_flags": controller_manager_flags,
        }

    def up(self):
        # The keeper ends the cluster when this process is gone, even by SIGKILL; atexit makes `down` complete before.
        lifecycle.up(self._state, owner_pid=os.getpid(), **self._options)
        atexit.register(self.down)
        return self

    def down(self):
        lifecycle.down(self._state)
        atexit.unregister(self.down)

    def __enter__(self):
        return self.up()

    def __exit__(self, *_):
        self.down()

    @property
    def state_dir(self):
        return self._state.root

    @property
    def kubeconfig(self):
        return self._state.kubeconfig

    @property
    def audit_path(self):
        return self._state.audit_log

    @property
    def server(self):
        return f"https://127.0.0.1:{self._state.settings().api_port}"

    def kubectl(self, *args, input=None, check=True, timeout=120):
        return self.exec("kubectl", *args, input=input, check=check, timeout=timeout)

    def kubectl_json(self, *args):
        return json.loads(self.kubectl(*args, "-o", "json").stdout)

    def exec(self, *args, input=None, check=True, timeout=120):
        if input is None:
            source = {"stdin": subprocess.DEVNULL}
        else:
            source = {"input": input}
        result = subprocess.run(lifecycle.enter_command(self._state, args), env=lifecycle.environment(self._state),
                                text=True, capture_output=True, check=False, timeout=timeout, **source)
        if check and result.returncode != 0:
            raise ClusterError(f"{' '.join(map(str, args))} ended with {result.returncode}: "
                               f"{result.stderr.strip() or result.stdout.strip()}")
        return result

    def popen(self, *args, **kwargs):
        kwargs.setdefault("env", lifecycle.environment(self._state))
        return subprocess.Popen(lifecycle.enter_command(self._state, args), **kwargs)

    def load(self, archive, name=None):
        return lifecycle.load(self._state, str(archive), name)

    def restart(self, component, gap=0, signal="KILL", wait=False):
        lifecycle.restart(self._state, component, gap, _to_signal(signal))
        if wait:
            self.wait_until_ready()

    def stop(self, component, signal="KILL"):
        lifecycle.stop(self._state, component, _to_signal(signal))

    def start(self, component):
        lifecycle.start(self._state, component)

    def pause(self, component):
        lifecycle.send_signal(self._state, component, signals.SIGSTOP)

    def resume(self, component):
        lifecycle.send_signal(self._state, component, signals.SIGCONT)

    def wait_until_ready(self, seconds=120):
        lifecycle.wait_until_ready(self._state, seconds)

    def status(self):
        return lifecycle.status(self._state)

    def audit_events(self):
        return lifecycle.audit_events(self._state)

    def container_pid(self, namespace, pod, container):
        # containerd's shim leaves the pid in the container's bundle: no need to ask containerd, which may be stopped.
        try:
            return int((self._bundle(namespace, pod, container) / "init.pid").read_text())
        except FileNotFoundError:
            raise ClusterError(f"container {container} of pod {namespace}/{pod} is not running") from None

    def container_rootfs(self, namespace, pod, container):
        return self._bundle(namespace, pod, container) / "rootfs"

    def kill_container(self, namespace, pod, container, signal="KILL"):
        self.signal_pid(self.container_pid(namespace, pod, container), signal)

    def node_pids(self, process_name):
        result = self.exec("pgrep", "--exact", process_name, check=False)
        return [int(line) for line in result.stdout.split()]

    def signal_pid(self, pid, signal):
        self.exec("kill", f"-{int(_to_signal(signal))}", str(pid))

    def _bundle(self, namespace, pod, container):
        container_id = self._container_id(namespace, pod, container)
        return self._state.path("containerd", "state", "io.containerd.runtime.v2.task", "k8s.io", container_id)

    def _container_id(self, namespace, pod, container):
        status = self.kubectl_json("--namespace", namespace, "get", "pod", pod)["status"]
        statuses = status.get("containerStatuses", []) + status.get("initContainerStatuses", [])
        for entry in statuses:
            if entry["name"] == container and entry.get("containerID"):
                return entry["containerID"].removeprefix("containerd://")
        known = ", ".join(entry["name"] for entry in statuses) or "none yet"
        raise ClusterError(f"pod {namespace}/{pod} has no container {container} that was started; it has: {known}")


def _to_signal(signal):
    if isinstance(signal, int):
        return signals.Signals(signal)
    return signals.Signals["SIG" + signal.removeprefix("SIG")]
