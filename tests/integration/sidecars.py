"""A sidecar and an unmodified controller behind it, as processes, against the API server of the tests.

Objects get their shard label from the tests themselves: no central, so that a test decides who owns what. Where one hands
children over, give_away() stands in for the webhook.
"""

import base64
import concurrent.futures
import contextlib
import http.client
import json
import os
import pathlib
import signal
import socket
import ssl
import subprocess

import yaml
from ringside_cluster import Cluster

from support import LEASES, ROOT, Process, cluster_ca, eventually, free_port, program

RING = "checksum-controller"
SHARD_LABEL = f"shard.alpha.sharding.timebertt.dev/{RING}"
DRAIN_LABEL = f"drain.alpha.sharding.timebertt.dev/{RING}"
SECRETS = "/api/v1/namespaces/default/secrets"
CONFIGMAPS = "/api/v1/namespaces/default/configmaps"
RING_OF_SECRETS = {"apiVersion": "sharding.timebertt.dev/v1alpha1", "kind": "ControllerRing", "metadata": {"name": RING},
                   "spec": {"resources": [{"group": "", "resource": "secrets"}]}}
# The ServiceAccount of an app that may do everything, for kubectl apply.
APP_AS_ADMIN = [
    {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "app", "namespace": "default"}},
    {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "app"},
     "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
     "subjects": [{"kind": "ServiceAccount", "name": "app", "namespace": "default"}]},
]
CONTROLLER = ROOT / "examples" / "checksum-controller" / "bin" / "checksum-controller"


class Program(Process):
    """Any program, with an environment of its own."""

    def __init__(self, path, arguments, log, env=None):  # pylint: disable=super-init-not-called
        self.log_path = log
        with open(log, "ab") as file:
            self._process = subprocess.Popen([str(path), *map(str, arguments)], stderr=file, stdout=file,
                                             stdin=subprocess.DEVNULL, env={**os.environ, **(env or {})})

    def signal(self, name):
        self._process.send_signal(getattr(signal, "SIG" + name))


class Sidecar(Program):
    """Speaks to the API server as in a pod: by the files of a ServiceAccount directory and two environment variables.

    service: the host of the API server, if not that of the cluster's URL. hosts: what it sees as /etc/hosts, a file.
    """

    def __init__(self, folder, cluster, shard, token, arguments=(), port=None, service=None, hosts=None):
        self.folder, self.shard = folder / shard, shard
        self.port, self.status_port = port or free_port(), free_port()
        self.source, self.app, state = (self.folder / name for name in ("kubelet", "app", "state"))
        for path in (self.source, self.app, state):
            path.mkdir(parents=True, exist_ok=True)
        self.ca_file = state / "ca.crt"
        (self.source / "ca.crt").write_text(cluster_ca(cluster))
        (self.source / "namespace").write_text("default")
        self.set_token(token)
        server = cluster.server.removeprefix("https://")
        env = {"KUBERNETES_SERVICE_HOST": service or server.split(":")[0], "KUBERNETES_SERVICE_PORT": server.split(":")[1]}
        command = [program("ringside-sidecar")]
        if hosts:
            command = ["unshare", "--mount", "sh", "-c", f'mount --bind {hosts} /etc/hosts && exec "$@"', "sh", *command]
        super().__init__(command[0],
                         [*command[1:], f"--ring={RING}", f"--shard={shard}", "--namespace=default", f"--listen=127.0.0.1:{self.port}",
                          f"--status-listen=127.0.0.1:{self.status_port}", f"--serviceaccount-source={self.source}",
                          f"--serviceaccount-dir={self.app}", f"--state-dir={state}", "--log-level=debug", *arguments],
                         self.folder / "sidecar.log", env)
        eventually(lambda: self.http(self.status_port, "/startz")[0] == 200, 10, "the sidecar is up")

    def set_token(self, token):
        """As the kubelet: a new file in the place of the old one."""
        new = self.source / "token.new"
        new.write_text(token)
        new.rename(self.source / "token")

    def ready(self):
        return self.http(self.status_port, "/readyz")[0] == 200

    def wait_for_ring(self):
        eventually(lambda: "does not exist" not in self.http(self.status_port, "/readyz")[1]
                   and "has not been read" not in self.http(self.status_port, "/readyz")[1], 10, "the ring is known")

    def get(self, path, accept="application/json", method="GET", body=None, content_type="application/json", token=None,
            timeout=15):
        """A request of the app, over HTTP/1.1: status, headers, body. With the app's token, if no other is given."""
        context = ssl.create_default_context(cafile=str(self.app / "ca.crt"))
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=context, timeout=timeout)
        with contextlib.closing(connection):
            token = (self.app / "token").read_text() if token is None else token
            headers = {"Accept": accept, **({"Authorization": "Bearer " + token} if token else {})}
            if body is not None:
                headers["Content-Type"] = content_type
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return response.status, dict(response.getheaders()), response.read()

    @contextlib.contextmanager
    def watching(self, path):
        """A watch of the app, from its first byte to its end; it reads, as live processes do. -> what gives it all, once it
        has ended"""
        context = ssl.create_default_context(cafile=str(self.app / "ca.crt"))
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=context, timeout=60)
        with contextlib.closing(connection):
            connection.request("GET", path, headers={"Authorization": "Bearer " + (self.app / "token").read_text()})
            response = connection.getresponse()
            assert response.status == 200, response.read()
            with reading(connection, response) as all_of_it:
                yield all_of_it

    def names(self, path):
        status, _, body = self.get(path)
        assert status == 200, body
        return sorted(item["metadata"]["name"] for item in json.loads(body)["items"])

    def controller_kubeconfig(self):
        """What client-go makes of the ServiceAccount directory, as a file, since the controller runs on the host."""
        ca = base64.b64encode((self.app / "ca.crt").read_bytes()).decode()
        config = {"apiVersion": "v1", "kind": "Config", "current-context": "app",
                  "clusters": [{"name": "app", "cluster": {"server": f"https://127.0.0.1:{self.port}",
                                                           "certificate-authority-data": ca}}],
                  "users": [{"name": "app", "user": {"tokenFile": str(self.app / "token")}}],
                  "contexts": [{"name": "app", "context": {"cluster": "app", "user": "app"}}]}
        path = self.folder / "controller.kubeconfig"
        path.write_text(yaml.safe_dump(config))
        return path


_MUTATING_POLICIES = "/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolic"


@contextlib.contextmanager
def reading(connection, response):
    """Reads a response that may go on for ever. -> what waits for its end and gives the body"""
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        body = pool.submit(response.read)
        try:
            yield body.result
        finally:
            with contextlib.suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)


def give_away(api, shard, resources=("secrets", "configmaps")):
    """From now on, what a sidecar releases goes to that shard, as the webhook would have it in the same request."""
    label = f"/metadata/labels/{SHARD_LABEL.replace('/', '~1')}"
    released = (f"request.options.?fieldManager.orValue('') == 'sharding-sidecar' && "
                f"'{SHARD_LABEL}' in oldObject.metadata.?labels.orValue({{}}) && "
                f"!('{SHARD_LABEL}' in object.metadata.?labels.orValue({{}}))")
    patch = (f"(has(object.metadata.labels) ? [] : [JSONPatch{{op: 'add', path: '/metadata/labels', value: {{}}}}]) + "
             f"[JSONPatch{{op: 'add', path: '{label}', value: '{shard}'}}]")
    rule = {"apiGroups": ["*"], "apiVersions": ["*"], "resources": list(resources), "operations": ["UPDATE"]}
    api.create(_MUTATING_POLICIES + "ies", {"metadata": {"name": "webhook"}, "spec": {
        "failurePolicy": "Fail", "reinvocationPolicy": "Never", "matchConstraints": {"resourceRules": [rule]},
        "matchConditions": [{"name": "released", "expression": released}],
        "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": patch}}]}})
    api.create(_MUTATING_POLICIES + "ybindings", {"metadata": {"name": "webhook"}, "spec": {"policyName": "webhook"}})
    api.create(SECRETS, secret("released", "anybody"))
    release = f"{SECRETS}/released?fieldManager=sharding-sidecar&dryRun=All"
    body = {"metadata": {"labels": {SHARD_LABEL: None}}}
    eventually(lambda: api.patch(release, body)["metadata"].get("labels") == {SHARD_LABEL: shard}, 15, "the policy is in force")
    api.delete(f"{SECRETS}/released")


def end_give_away(api):
    api.delete(_MUTATING_POLICIES + "ybindings/webhook")
    api.delete(_MUTATING_POLICIES + "ies/webhook")


@contextlib.contextmanager
def app_cluster(name, *resources):
    """An API server with the ServiceAccount of an app, and thereby of its sidecar: it may do all with these resources."""
    role = {"name": "app"}
    permissions = [
        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": role,
         "rules": [{"apiGroups": [""], "resources": list(resources), "verbs": ["*"]},
                   {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["*"]},
                   {"apiGroups": ["sharding.timebertt.dev"], "resources": ["controllerrings"], "verbs": ["*"]}]},
        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": role,
         "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "app"},
         "subjects": [{"kind": "ServiceAccount", "name": "app", "namespace": "default"}]},
    ]
    with Cluster(f"{name}-{os.getpid()}", api_only=True, host_net=True) as running:
        running.kubectl("apply", "-f", str(ROOT / "deploy" / "crd" / "controllerrings.yaml"))
        running.kubectl("create", "serviceaccount", "app", "-n", "default")
        running.kubectl("apply", "-f", "-", input=yaml.safe_dump_all(permissions))
        yield running


@contextlib.contextmanager
def connected(sidecar, path):
    """An app has an open watch, and so the Lease is held."""
    sidecar.wait_for_ring()
    with sidecar.watching(path + "?watch=true"):
        eventually(sidecar.ready, 15, "the shard Lease is held")
        yield


@contextlib.contextmanager
def working(folder, cluster, api, path, serviceaccount="app"):
    """A sidecar that holds its Lease, since an app has an open watch."""
    token = api.token("default", serviceaccount)
    with Sidecar(folder, cluster, "shard-a", token, ["--leader-election=off"]) as sidecar:
        with connected(sidecar, path):
            yield sidecar
        assert sidecar.running(), sidecar.log()[-3000:]
    api.delete(LEASES.format("default") + "/shard-a")


def metric(text, name):
    """The sum of the samples that begin so: ringside_sidecar_fence_denials_total, or with labels."""
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(name))


class Controller(Program):
    def __init__(self, folder, kubeconfig, leader_elect=True, name="controller", metrics="0"):
        election = ["--leader-elect", "--leader-election-namespace=default"] if leader_elect else []
        super().__init__(CONTROLLER, [f"--kubeconfig={kubeconfig}", "--namespace=default", f"--metrics-bind-address={metrics}",
                                      "--health-probe-bind-address=0", *election], folder / f"{name}.log")


def secret(name, shard=None, labels=None):
    labels = {**({SHARD_LABEL: shard} if shard else {}), **(labels or {})}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": "default", "labels": labels},
            "stringData": {"key": name}}


def lease_holder(api, name):
    lease = api.find(LEASES.format("default") + "/" + name)
    return (lease or {}).get("spec", {}).get("holderIdentity")


def manifest(name):
    return pathlib.Path(ROOT / "examples" / "checksum-controller" / "manifests" / name)
