"""From fresh namespaces to a ready cluster; runs in the supervisor, before it serves."""

import http.client
import json
import os
import pathlib
import socket
import ssl
import time

from . import components, config, pki
from .layout import API_SERVICE_IP, NODE_IP, NODE_NAME, ClusterError

_POLL_SECONDS = 0.05
_API_SECONDS = 120
_NODE_SECONDS = 120

# The kubelet sets these kernel parameters, which belong to the host and not to a namespace, unless they have the value
# that it wants already.
_KERNEL_PARAMETERS = {
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/keys/root_maxbytes": "25000000",
}


def boot(supervisor):
    state, settings = supervisor.state, supervisor.settings
    if settings.host_net:
        supervisor.reserve_port()
        settings.to_file(state.settings_file)
    else:
        _set_up_network(supervisor, settings)
    pki.create(state.path("pki"))
    _write_files(state, settings)
    supervisor.start("etcd")
    supervisor.start("apiserver")
    if not settings.api_only:
        # In the shadow of the API server's start, which takes longest.
        _hide_host(supervisor)
        supervisor.start("containerd")
        _wait(supervisor, state.containerd_socket.is_socket, _NODE_SECONDS, "containerd")
        supervisor.run(["ctr", "--address", state.containerd_socket, "--namespace", "k8s.io", "images", "import",
                        f"{settings.pause_dir}/pause.tar"])
    _wait(supervisor, lambda: is_ready(state, settings), _API_SECONDS, "apiserver")
    if not settings.api_only:
        for name in components.ALL:
            if name not in ("etcd", "apiserver", "containerd"):
                supervisor.start(name)
        _wait(supervisor, lambda: _node_is_ready(state, settings), _NODE_SECONDS, "kubelet")
        _wait(supervisor, _services_work, _NODE_SECONDS, "kube-proxy")


def is_ready(state, settings):
    return not what_is_not_ready(state, settings)


def what_is_not_ready(state, settings):
    """-> what the API server itself says; "" if it is ready"""
    status, body = _get(state, settings, "/readyz")
    if status == 200:
        return ""
    failed = [line for line in body.decode(errors="replace").splitlines() if line.startswith("[-]")]
    return "; ".join(failed) or (f"HTTP status {status}" if status else "no answer")


def _node_is_ready(state, settings):
    """True when the node takes pods and the default namespace has the ServiceAccount that every pod needs."""
    status, body = _get(state, settings, f"/api/v1/nodes/{NODE_NAME}")
    if status != 200:
        return False
    conditions = json.loads(body).get("status", {}).get("conditions", [])
    if not any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions):
        return False
    return _get(state, settings, "/api/v1/namespaces/default/serviceaccounts/default")[0] == 200


def _services_work():
    """True when kube-proxy has installed the API server's Service, so that the first pod can use it at once."""
    try:
        socket.create_connection((API_SERVICE_IP, 443), timeout=0.2).close()
        return True
    except OSError:
        return False


def _get(state, settings, path):
    """(status, body) of a GET as admin; status 0 when there was no answer."""
    certificates = state.path("pki")
    context = ssl.create_default_context(cafile=certificates / "ca.crt")
    context.load_cert_chain(certificates / "admin.crt", certificates / "admin.key")
    connection = http.client.HTTPSConnection("127.0.0.1", settings.api_port, timeout=2, context=context)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        connection.close()


def _wait(supervisor, condition, seconds, component):
    deadline = time.monotonic() + seconds
    while not condition():
        supervisor.fail_if_crashed()
        if time.monotonic() > deadline:
            raise ClusterError(f"{component} is not ready after {seconds} s; the end of its log:\n"
                               f"{supervisor.log_tail(component)}")
        time.sleep(_POLL_SECONDS)


def _set_up_network(supervisor, settings):
    """Gives the network namespace a loopback and, for pods, a node interface.

    A bridge without ports serves as the latter: not every kernel has the dummy device.
    """
    supervisor.run(["ip", "link", "set", "lo", "up"])
    if settings.api_only:
        return
    for command in ("link add node0 type bridge", f"address add {NODE_IP}/24 dev node0", "link set node0 up",
                    "route add default dev node0"):
        supervisor.run(["ip", *command.split()])
    pathlib.Path("/proc/sys/net/ipv4/ip_forward").write_text("1")


def _write_files(state, settings):
    for directory in ("log", "audit"):
        state.path(directory).mkdir(exist_ok=True)
    certificates = state.path("pki")
    config.write_audit_policy(state.path("audit-policy.json"))
    users = ["admin"]
    if not settings.api_only:
        users += ["controller-manager", "scheduler", "kubelet", "kube-proxy"]
        config.write_kubelet(state.path("kubelet.json"), state)
        config.write_containerd(state.path("containerd.toml"), state)
        config.write_cni(state.path("cni"), state)
    for user in users:
        config.write_kubeconfig(state.path(f"{user}.kubeconfig"), certificates, user, settings.api_port)


def _hide_host(supervisor):
    """Puts private mounts over what containerd, CNI and the kubelet would write on the host.

    They go with the mount namespace: /run (shims, network namespaces, locks), /var/log (pods' logs), /var/lib (CNI's
    results), and the host's kernel parameters.
    """
    state = supervisor.state
    for directory in ("var-log", "var-lib-upper", "var-lib-work", "sysctl"):
        state.path(directory).mkdir()
    supervisor.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run"])
    supervisor.run(["mount", "--bind", state.path("var-log"), "/var/log"])
    supervisor.run(["mount", "-t", "overlay", "overlay", "-o",
                    f"lowerdir=/var/lib,upperdir={state.path('var-lib-upper')},workdir={state.path('var-lib-work')}",
                    "/var/lib"])
    for name, value in _KERNEL_PARAMETERS.items():
        target = f"/proc/sys/{name}"
        if os.path.exists(target):
            source = state.path("sysctl", name.replace("/", "."))
            source.write_text(value + "\n")
            supervisor.run(["mount", "--bind", source, target])
