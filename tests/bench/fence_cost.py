#!/usr/bin/python3
"""What the ring's policies in the API server cost a write: the latency of a PATCH of a labelled Secret, with and without.

    tests/bench/fence_cost.py [PAIRS]          300 by default; one minute

A real API server with central, as in the integration tests. Two rings of one shard each: one with both policies enforced,
one with both off. Writes to the two are interleaved, so that what else the machine does meets both alike. Directly to the
API server, over one connection for each ring: by the shard's pod with a token that is bound to it, which the fence judges,
and by a user of another name, which the protection of labels judges.
"""

import os
import pathlib
import ssl
import statistics
import sys
import tempfile
import time

import own_network
import yaml

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "integration"), str(TESTS / "cluster")]

os.environ.setdefault("RINGSIDE_BIN", str(TESTS.parent / "build/release/bin"))

from conftest import RING_PERMISSIONS  # noqa: E402  (found through the line above)
from fence_test import FencedRing, set_labels  # noqa: E402
from ringside_cluster import Cluster  # noqa: E402
from support import ROOT, Api, ApiError, Central, cluster_ca, eventually, write_kubeconfig  # noqa: E402

RBAC = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
WARM_UP = 30


def bearer(cluster, token):
    return Api(cluster.server, ssl.create_default_context(cadata=cluster_ca(cluster)), {"Authorization": f"Bearer {token}"})


def make_ring(cluster, api, name, mode):
    """-> the ring, the API as its pod, and as a program that is none of its replicas"""
    ring = FencedRing(api, name, fence=mode, labels=mode)
    for account in ("operator", "user"):
        api.create(f"/api/v1/namespaces/{name}/serviceaccounts", {"metadata": {"name": account}})
        api.create(RBAC, {"metadata": {"name": f"{name}-{account}"},
                          "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
                          "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": name}]})
    pod = api.create(f"/api/v1/namespaces/{name}/pods", {"metadata": {"name": "shard-0"}, "spec": {
        "serviceAccountName": "operator", "containers": [{"name": "app", "image": "none"}]}})
    bound = {"expirationSeconds": 3600, "boundObjectRef": {"apiVersion": "v1", "kind": "Pod", "name": "shard-0",
                                                           "uid": pod["metadata"]["uid"]}}
    answer = api.create(f"/api/v1/namespaces/{name}/serviceaccounts/operator/token", {"spec": bound})
    ring.add_shard("shard-0")
    ring.labelled("object", "shard-0")
    return ring, bearer(cluster, answer["status"]["token"]), bearer(cluster, api.token(name, "user"))


def is_refused(call):
    try:
        call()
    except ApiError as error:
        return error.code == 403
    return False


def measure(pairs, *writers):
    """Milliseconds of each PATCH, for each of (api, path)."""
    taken = [[] for _ in writers]
    for turn in range(pairs + WARM_UP):
        for times, (api, path) in zip(taken, writers):
            body = {"metadata": {"annotations": {"turn": str(turn)}}}
            began = time.perf_counter()
            api.patch(path, body)
            if turn >= WARM_UP:
                times.append((time.perf_counter() - began) * 1000)
    return taken


def show(what, without, with_policies):
    def both(times):
        ordered = sorted(times)
        return f"median {statistics.median(ordered):.2f} ms, p99 {ordered[int(len(ordered) * 0.99)]:.2f} ms"
    difference = statistics.median(a - b for a, b in zip(with_policies, without))
    print(f"{what}: without {both(without)}; with {both(with_policies)}; median of the differences {difference * 1000:.0f} us")


def main(pairs=300):
    own_network.enter()
    with Cluster(f"fence-cost-{os.getpid()}", api_only=True, host_net=True) as cluster, \
            tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for manifest in ("crd/controllerrings.yaml", "central/namespace.yaml"):
            cluster.kubectl("apply", "--server-side", "-f", str(ROOT / "deploy" / manifest))
        cluster.kubectl("apply", "--namespace", "sharding-system", "-f", str(ROOT / "deploy/central/rbac.yaml"))
        cluster.kubectl("apply", "-f", "-", input=yaml.safe_dump_all(RING_PERMISSIONS))
        api = Api.of_cluster(cluster)
        kubeconfig = write_kubeconfig(folder / "sharder", cluster, api.token("sharding-system", "sharder"))
        with Central(folder, "central", kubeconfig) as central:
            eventually(central.leading, 20, "central leads")
            fenced, pod, user = make_ring(cluster, api, "fenced", "enforce")
            free, free_pod, free_user = make_ring(cluster, api, "free", "off")
            fenced.wait_until_fenced()
            path, free_path = f"{fenced.secrets}/object", f"{free.secrets}/object"
            dry = f"{path}?dryRun=All"
            eventually(lambda: is_refused(lambda: fenced.pod("another").patch(dry, {})), 10, "the fence is in force")
            eventually(lambda: is_refused(lambda: set_labels(user, dry, **{fenced.drain_label: "true"})), 10,
                       "labels are protected")
            show(f"{pairs} writes by the shard's pod", *measure(pairs, (free_pod, free_path), (pod, path)))
            show(f"{pairs} writes by another user", *measure(pairs, (free_user, free_path), (user, path)))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
