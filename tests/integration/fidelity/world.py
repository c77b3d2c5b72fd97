"""A cluster whose API server serves everything that clients ask for, and a sidecar that stands beside direct access.

The ring has Secrets, Deployments, Pods and a custom resource in two versions, with ConfigMaps as children. The app may do
everything, so that what differs differs because of the sidecar.
"""

import contextlib
import json
import os
import ssl
import urllib.parse

import pytest
import yaml
from ringside_cluster import Cluster
from sidecars import RING, SHARD_LABEL, Sidecar
from support import LEASES, RINGS, ROOT, Api, cluster_ca, eventually

from fidelity import http1, http2

THINGS = "/apis/fidelity.example/v1/namespaces/default/things"
SHARD = "shard-a"
REQUIREMENT = f"{SHARD_LABEL}={SHARD}"

_SCHEMA = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
_CRD = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.fidelity.example"},
        "spec": {"group": "fidelity.example", "scope": "Namespaced", "names": {"plural": "things", "kind": "Thing"},
                 "versions": [{"name": "v1", "served": True, "storage": True, "schema": _SCHEMA,
                               "subresources": {"status": {}, "scale": {"specReplicasPath": ".spec.replicas",
                                                                        "statusReplicasPath": ".status.replicas"}},
                               "selectableFields": [{"jsonPath": ".spec.colour"}]},
                              {"name": "v1beta1", "served": True, "storage": False, "schema": _SCHEMA,
                               "deprecated": True, "deprecationWarning": "things v1beta1 is \"old\", use v1"}]}}
_CRD["spec"]["versions"][0]["schema"] = {"openAPIV3Schema": {
    "type": "object", "x-kubernetes-preserve-unknown-fields": True,
    "properties": {"spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": True,
                            "properties": {"colour": {"type": "string"}, "replicas": {"type": "integer"}}}}}}
_PERMISSIONS = [
    {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "app", "namespace": "default"}},
    {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "app"},
     "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
     "subjects": [{"kind": "ServiceAccount", "name": "app", "namespace": "default"}]},
]
_RING = {"apiVersion": "sharding.timebertt.dev/v1alpha1", "kind": "ControllerRing", "metadata": {"name": RING},
         "spec": {"resources": [
             {"group": "", "resource": "secrets", "controlledResources": [{"group": "", "resource": "configmaps"}]},
             {"group": "apps", "resource": "deployments"}, {"group": "", "resource": "pods"},
             {"group": "fidelity.example", "resource": "things"}]}}
# Every request, by its metadata.
_AUDIT_POLICY = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived", "ResponseStarted"],
                 "rules": [{"level": "Metadata"}]}
_FLAGS = ["feature-gates=CBORServingAndStorage=true", "runtime-config=api/all=true"]


@contextlib.contextmanager
def running_cluster(name, folder, flags=()):
    policy = folder / "audit-policy.json"
    policy.write_text(json.dumps(_AUDIT_POLICY))
    flags = [f"--{flag}" for flag in (*_FLAGS, f"audit-policy-file={policy}", *flags)]
    with Cluster(f"{name}-{os.getpid()}", api_only=True, host_net=True, apiserver_flags=flags) as cluster:
        cluster.kubectl("apply", "-f", str(ROOT / "deploy" / "crd" / "controllerrings.yaml"))
        cluster.kubectl("apply", "-f", "-", input=yaml.safe_dump_all([_CRD, *_PERMISSIONS]))
        api = Api.of_cluster(cluster)
        eventually(lambda: api.create(RINGS, _RING), 20, "the ring is there")
        eventually(lambda: api.items(THINGS) == [], 20, "the custom resource is served")
        yield cluster


@pytest.fixture(scope="session")
def fidelity_cluster(tmp_path_factory):
    """One for all modules; each leaves it without objects of its own."""
    with running_cluster("fidelity", tmp_path_factory.mktemp("fidelity")) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def world(fidelity_cluster, tmp_path_factory):
    with beside(fidelity_cluster, tmp_path_factory.mktemp("sidecar")) as pair:
        yield pair
        pair.clean()


@contextlib.contextmanager
def beside(cluster, folder, token=None):
    api = Api.of_cluster(cluster)
    token = token or api.token("default", "app")
    with Sidecar(folder, cluster, SHARD, token, ["--leader-election=off"]) as sidecar:
        sidecar.wait_for_ring()
        pair = World(cluster, api, sidecar, token)
        with http1.Connection(sidecar.port, pair.sidecar_tls("http/1.1"), 600) as connection:
            connection.send(http1.head("GET", "/api/v1/secrets?watch=true", pair.authorization()))
            eventually(sidecar.ready, 15, "the shard Lease is held, since the app watches")
            yield pair
        assert sidecar.running(), sidecar.log()[-3000:]
    api.delete(LEASES.format("default") + "/" + SHARD)


class World:
    """The same request by two ways: `direct` to the API server and by `sidecar`."""

    def __init__(self, cluster, api, sidecar, token):
        self.cluster, self.api, self.process, self.token = cluster, api, sidecar, token
        self._connections = {}
        self.api_port, self.sidecar_port = int(cluster.server.rpartition(":")[2]), sidecar.port

    def authorization(self):
        return [("authorization", f"Bearer {self.token}")]

    def api_tls(self, *protocols):
        return _context(cluster_ca(self.cluster), protocols)

    def sidecar_tls(self, *protocols):
        return _context((self.process.app / "ca.crt").read_text(), protocols)

    def open(self, way, **options):
        """An HTTP/2 connection; `way` is "direct" or "sidecar"."""
        port, tls = ((self.api_port, self.api_tls("h2")) if way == "direct" else (self.sidecar_port, self.sidecar_tls("h2")))
        return http2.Connection(port, tls, **options)

    def open1(self, way, **options):
        """An HTTP/1.1 connection."""
        port, tls = ((self.api_port, self.api_tls("http/1.1")) if way == "direct"
                     else (self.sidecar_port, self.sidecar_tls("http/1.1")))
        return http1.Connection(port, tls, **options)

    def ask(self, way, method, path, headers=(), body=None):
        """Over a connection that is kept."""
        connection = self._connections.get(way)
        if connection is None or connection.over():
            connection = self._connections[way] = self.open(way)
        return connection.request(method, path, [*self.authorization(), *headers], body)

    def both(self, method, path, headers=(), body=None, direct_path=None):
        """The answers directly and by the sidecar. `direct_path`: what the sidecar is to make of the path."""
        return (self.ask("direct", method, direct_path or path, headers, body),
                self.ask("sidecar", method, path, headers, body))

    def clean(self):
        for resource in ("secrets", "configmaps", "pods"):
            self.delete_all(f"/api/v1/namespaces/default/{resource}")
        self.delete_all("/apis/apps/v1/namespaces/default/deployments")
        self.delete_all(THINGS)

    def delete_all(self, path):
        self.api.request("DELETE", path + "?gracePeriodSeconds=0")


def _context(authority, protocols):
    context = ssl.create_default_context(cadata=authority)
    context.set_alpn_protocols(list(protocols))
    return context


def filtered(path, selector=None):
    """The path with what the sidecar is to add to it, in a form that a client would choose."""
    text = f"{selector},{REQUIREMENT}" if selector else REQUIREMENT
    return path + ("&" if "?" in path else "?") + "labelSelector=" + urllib.parse.quote(text, safe="")


# What differs between two requests for the same: when, and by what name the log knows it.
_VOLATILE = ("date", "audit-id")


def fields(answer):
    return sorted((name, value) for name, value in answer.headers if name not in _VOLATILE)


def assert_same(direct, sidecar):
    assert sidecar.status == direct.status, bytes(sidecar.body[:500])
    assert fields(sidecar) == fields(direct)
    assert sorted(name for name, _ in sidecar.headers) == sorted(name for name, _ in direct.headers)
    assert (sidecar.ended, sidecar.reset, sidecar.trailers) == (direct.ended, direct.reset, direct.trailers)
    assert comparable(sidecar) == comparable(direct)


def comparable(answer):
    """The body; of CBOR its bytes in order of their values, for the API server writes maps in any order."""
    return sorted(answer.body) if "cbor" in answer.get("content-type", "") else bytes(answer.body)


def assert_same_soon(ask, tries=10):
    """`ask` gives two answers. A list tells the time in revisions, and the sidecar's Lease makes it pass meanwhile."""
    for _ in range(tries):
        direct, sidecar = ask()
        if fields(direct) == fields(sidecar) and comparable(direct) == comparable(sidecar):
            break
    assert_same(direct, sidecar)
    return sidecar
