"""A real API server behind the proxies, for writes: with a ring of configmaps, an object, and a token that may do everything."""

import contextlib
import http.client
import os
import pathlib
import ssl
import sys

TESTS = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TESTS / "integration"), str(TESTS / "cluster")]

from ringside_cluster import Cluster  # noqa: E402  (found through the line above)
from support import ROOT, Api, cluster_ca, eventually  # noqa: E402

RBAC = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
RINGS = "/apis/sharding.timebertt.dev/v1alpha1/controllerrings"
MAPS = "/api/v1/namespaces/default/configmaps"


@contextlib.contextmanager
def running():
    """-> port, PEM of the CA, token"""
    with Cluster(f"proxy-cost-{os.getpid()}", api_only=True, host_net=True) as cluster:
        cluster.kubectl("apply", "--server-side", "-f", str(ROOT / "deploy/crd/controllerrings.yaml"))
        api = Api.of_cluster(cluster)
        api.create(RBAC, {"metadata": {"name": "bench"},
                          "subjects": [{"kind": "ServiceAccount", "name": "bench", "namespace": "default"}],
                          "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}})
        api.create("/api/v1/namespaces/default/serviceaccounts", {"metadata": {"name": "bench"}})
        eventually(lambda: api.find(RINGS), 15, "the CRD is served")
        api.create(RINGS, {"apiVersion": "sharding.timebertt.dev/v1alpha1", "kind": "ControllerRing",
                           "metadata": {"name": "bench"}, "spec": {"resources": [{"group": "", "resource": "configmaps"}]}})
        api.create(MAPS, {"metadata": {"name": "object", "annotations": {"a": "b"}}, "data": {"key": "x" * 1340}})
        yield int(cluster.server.rpartition(":")[2]), cluster_ca(cluster), api.token("default", "bench")


@contextlib.contextmanager
def shard_at_work(port, token):
    """A watch through the sidecar, without which it holds no shard Lease and lets no write pass."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=60)
    with contextlib.closing(connection):
        connection.request("GET", MAPS + "?watch=true", headers={"Authorization": f"Bearer {token}"})
        yield
