"""Where things are: one cluster's settings and state folder, and the cache of programs that all clusters share."""

import dataclasses
import json
import os
import pathlib
import re
import subprocess

HERE = pathlib.Path(__file__).resolve().parent.parent
NODE_NAME = "node-0"
NODE_IP = "10.250.0.1"
SERVICE_CIDR = "10.96.0.0/16"
API_SERVICE_IP = "10.96.0.1"
DNS_SERVICE_IP = "10.96.0.10"
POD_CIDR = "10.244.0.0/16"
API_PORT = 6443
PAUSE_IMAGE = "ringside.test/pause:1"

# Both name and folder end up in paths of unix sockets, which hold 107 bytes.
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,28}[a-z0-9])?")
_LONGEST_STATE_PATH = 70


class ClusterError(Exception):
    """A cluster command failed; the text names the input or component, and the way out where there is one."""


@dataclasses.dataclass
class Settings:
    """What `up` was asked for; kept in the state folder so that every later command knows it."""

    name: str
    kubernetes_dir: str
    etcd_dir: str
    containerd_dir: str
    pause_dir: str
    api_only: bool = False
    host_net: bool = False
    apiserver_flags: list = dataclasses.field(default_factory=list)
    controller_manager_flags: list = dataclasses.field(default_factory=list)
    owner_pid: int = 0
    api_port: int = API_PORT

    @property
    def program_dirs(self):
        return [self.kubernetes_dir, self.etcd_dir, self.containerd_dir]

    def to_file(self, path):
        path.write_text(json.dumps(dataclasses.asdict(self), indent=2))

    @classmethod
    def from_file(cls, path):
        return cls(**json.loads(path.read_text()))


class State:
    """The state folder of one cluster. Everything that the cluster writes is below it and goes with it."""

    def __init__(self, root, name):
        self.root = pathlib.Path(root)
        self.name = name

    @classmethod
    def of(cls, name):
        """The folder of the cluster of this name; CLUSTER_DIR moves it."""
        if not _NAME.fullmatch(name):
            raise ClusterError(f"'{name}' is not a cluster name: 1 to 30 of a-z, 0-9 and '-', no '-' at the ends")
        root = os.path.abspath(os.environ.get("CLUSTER_DIR") or f"/tmp/ringside-cluster-{name}")
        if len(root) > _LONGEST_STATE_PATH:
            raise ClusterError(f"the state folder '{root}' is longer than {_LONGEST_STATE_PATH} bytes, too long for "
                               "the unix sockets in it: set CLUSTER_DIR to a shorter path")
        return cls(root, name)

    def path(self, *parts):
        return self.root.joinpath(*parts)

    def log(self, component):
        return self.path("log", f"{component}.log")

    @property
    def settings_file(self):
        return self.path("settings.json")

    @property
    def control_socket(self):
        return self.path("control.sock")

    @property
    def kubeconfig(self):
        return self.path("admin.kubeconfig")

    @property
    def audit_log(self):
        return self.path("audit", "audit.log")

    @property
    def etcd_socket(self):
        return self.path("etcd.sock")

    @property
    def containerd_socket(self):
        return self.path("containerd.sock")

    def settings(self):
        try:
            return Settings.from_file(self.settings_file)
        except FileNotFoundError:
            raise ClusterError(f"there is no cluster '{self.name}' ({self.root}): start it with `cluster up`") from None


def find_programs(kubernetes_version, api_only):
    """The four program folders as keyword arguments of Settings; an error if one lacks what the cluster runs."""
    environment = dict(os.environ)
    if kubernetes_version:
        environment["KUBERNETES_VERSION"] = kubernetes_version
    listed = subprocess.run([HERE / "build-binaries", "--print-paths"], env=environment, check=True,
                            capture_output=True, text=True).stdout.split("\n")
    kubernetes, etcd, containerd, pause = listed[:4]
    needed = [f"{etcd}/etcd", f"{kubernetes}/kube-apiserver", f"{kubernetes}/kubectl"]
    if not api_only:
        needed += [f"{kubernetes}/{program}" for program in
                   ("kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy")]
        needed += [f"{containerd}/{program}" for program in ("containerd", "containerd-shim-runc-v2", "ctr")]
        needed += [f"{pause}/pause.tar"]
    for program in needed:
        if not os.path.exists(program):
            variable = f"KUBERNETES_VERSION={kubernetes_version} " if kubernetes_version else ""
            raise ClusterError(f"{program} is not built: run {variable}{HERE / 'build-binaries'}")
    return {"kubernetes_dir": kubernetes, "etcd_dir": etcd, "containerd_dir": containerd, "pause_dir": pause}
