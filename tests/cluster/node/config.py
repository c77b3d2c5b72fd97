"""The configuration files that the components read. JSON is YAML, so json.dumps writes them."""

import base64
import json

from . import cgroups
from .layout import DNS_SERVICE_IP, NODE_NAME, PAUSE_IMAGE, POD_CIDR

# Users whose writes say nothing about the components under test.
_SILENT_USERS = ["system:apiserver", "system:kube-scheduler", f"system:node:{NODE_NAME}"]


def write_audit_policy(path):
    """Every write with its whole request and response; no reads."""
    path.write_text(json.dumps({
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived", "ResponseStarted"],
        "rules": [
            {"level": "None", "verbs": ["get", "list", "watch"]},
            {"level": "None", "users": _SILENT_USERS},
            {"level": "RequestResponse"},
        ],
    }))


def write_kubeconfig(path, pki, user, port):
    """A kubeconfig that needs no other file, so that tests can copy it anywhere."""
    def embedded(name):
        return base64.b64encode((pki / name).read_bytes()).decode()

    path.write_text(json.dumps({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "ringside", "cluster": {
            "server": f"https://127.0.0.1:{port}", "certificate-authority-data": embedded("ca.crt")}}],
        "users": [{"name": user, "user": {
            "client-certificate-data": embedded(f"{user}.crt"), "client-key-data": embedded(f"{user}.key")}}],
        "contexts": [{"name": user, "context": {"cluster": "ringside", "user": user}}],
        "current-context": user,
    }, indent=1))
    path.chmod(0o600)


def write_kubelet(path, state):
    pki = state.path("pki")
    path.write_text(json.dumps({
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": cgroups.root_of(state.name),
        "failCgroupV1": False,
        "failSwapOn": False,
        "containerRuntimeEndpoint": f"unix://{state.containerd_socket}",
        "volumePluginDir": str(state.path("kubelet-plugins")),
        "tlsCertFile": str(pki / "kubelet.crt"),
        "tlsPrivateKeyFile": str(pki / "kubelet.key"),
        "authentication": {"anonymous": {"enabled": False}, "webhook": {"enabled": False},
                           "x509": {"clientCAFile": str(pki / "ca.crt")}},
        "authorization": {"mode": "AlwaysAllow"},
        "clusterDNS": [DNS_SERVICE_IP],
        "clusterDomain": "cluster.local",
        # The node shares its disk and memory with the build: pods go only when there is next to nothing left.
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        # Loaded images cannot be pulled again, so none may be collected.
        "imageGCHighThresholdPercent": 100,
        "maxPods": 250,
    }, indent=1))


def write_containerd(path, state):
    # Without AppArmor and with restrict_oom_score_adj, so that it works in plain VMs and in containers.
    path.write_text(f"""\
version = 3
root = "{state.path('containerd', 'root')}"
state = "{state.path('containerd', 'state')}"

[grpc]
  address = "{state.containerd_socket}"

[plugins."io.containerd.internal.v1.opt"]
  path = "{state.path('containerd', 'opt')}"

[plugins."io.containerd.cri.v1.images".pinned_images]
  sandbox = "{PAUSE_IMAGE}"

[plugins."io.containerd.cri.v1.runtime"]
  disable_apparmor = true
  restrict_oom_score_adj = true

  [plugins."io.containerd.cri.v1.runtime".cni]
    bin_dirs = ["/usr/lib/cni"]
    conf_dir = "{state.path('cni')}"
""")


def write_cni(directory, state):
    directory.mkdir(exist_ok=True)
    (directory / "10-bridge.conflist").write_text(json.dumps({
        "cniVersion": "1.0.0",
        "name": "pods",
        "plugins": [
            {
                "type": "bridge", "bridge": "cni0", "isGateway": True, "ipMasq": True, "hairpinMode": True,
                "ipam": {
                    "type": "host-local", "dataDir": str(state.path("ipam")),
                    "ranges": [[{"subnet": POD_CIDR}]], "routes": [{"dst": "0.0.0.0/0"}],
                },
            },
            {"type": "portmap", "capabilities": {"portMappings": True}},
        ],
    }))
