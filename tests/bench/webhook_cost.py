#!/usr/bin/python3
"""What an admission review costs central: CPU time of the real process per review, over one kept-alive TLS connection as the
API server has them. Prints a table. In a network namespace of its own, so as root; needs `make build`."""

import json
import os
import pathlib
import socket
import ssl
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/integration"), str(ROOT / "tests/cluster")]
os.environ.setdefault("RINGSIDE_BIN", str(ROOT / "build/release/bin"))

import conftest  # noqa: E402  (the permissions that the tests give to central)
import own_network  # noqa: E402
import yaml  # noqa: E402
from ringside_cluster import Cluster  # noqa: E402
from rings import Ring  # noqa: E402
from support import Api, Central, eventually, write_kubeconfig  # noqa: E402

BUDGETS = {(1536, 3): 40, (1536, 100): 40, (1536, 1000): 40, (100 << 10, 3): 150}


def body_of(size):
    data = {f"key-{i}": 'some text, "quoted", of usual length' for i in range(max(0, size - 900) // 52)}
    return json.dumps({"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": {
        "uid": "0df28fbd-5f5f-11e8-bc74-36e6bb280816", "kind": {"group": "", "version": "v1", "kind": "Secret"},
        "resource": {"group": "", "version": "v1", "resource": "secrets"}, "name": "foo", "namespace": "default",
        "operation": "CREATE", "userInfo": {"username": "kubernetes-admin", "groups": ["system:authenticated"]},
        "object": {"kind": "Secret", "apiVersion": "v1",
                   "metadata": {"name": "foo", "namespace": "default", "labels": {"app": "x"}}, "data": data},
        "oldObject": None, "dryRun": False, "options": {"fieldManager": "kubectl"}}}).encode()


def post(connection, request):
    connection.sendall(request)
    received = connection.recv(65536)
    while b"\r\n\r\n" not in received:
        received += connection.recv(65536)
    head, _, body = received.partition(b"\r\n\r\n")
    length = int(next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")).split(b":")[1])
    while len(body) < length:
        body += connection.recv(65536)
    assert head.startswith(b"HTTP/1.1 200") and b'"patch"' in body, received[:300]


def cost(central, ring, size, reviews):
    """Microseconds of CPU per review."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    body = body_of(size)
    head = (f"POST /webhooks/sharder/controllerring/{ring}?timeout=5s HTTP/1.1\r\nHost: x\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n").encode()
    plain = socket.create_connection(("127.0.0.1", central.webhook_port), timeout=15)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as the API server does
    with context.wrap_socket(plain) as connection:
        for _ in range(50):
            post(connection, head + body)
        before = central.cpu_seconds()
        for _ in range(reviews):
            post(connection, head + body)
        return (central.cpu_seconds() - before) / reviews * 1e6


def main():
    own_network.enter()
    with tempfile.TemporaryDirectory() as folder, Cluster(f"webhook-cost-{os.getpid()}", api_only=True,
                                                          host_net=True) as cluster:
        for manifest in ("crd/controllerrings.yaml", "central/namespace.yaml"):
            cluster.kubectl("apply", "--server-side", "-f", str(ROOT / "deploy" / manifest))
        cluster.kubectl("apply", "--namespace", "sharding-system", "-f", str(ROOT / "deploy/central/rbac.yaml"))
        cluster.kubectl("apply", "-f", "-", input=yaml.safe_dump_all(conftest.RING_PERMISSIONS))
        api, folder = Api.of_cluster(cluster), pathlib.Path(folder)
        kubeconfig = write_kubeconfig(folder / "kubeconfig", cluster, api.token("sharding-system", "sharder"))
        with Central(folder, "central", kubeconfig, log_level="info") as central:
            eventually(central.leading, 15)
            rings = {}
            for shards in sorted({shards for _, shards in BUDGETS}):
                rings[shards] = Ring(api, f"of-{shards}")
                for i in range(shards):
                    rings[shards].add_shard(f"shard-{i}")
                eventually(lambda: rings[shards].status().get("availableShards") == shards, 60)
            print(f"{'object':>10} {'shards':>7} {'CPU per review':>15} {'budget':>8}")
            for (size, shards), budget in BUDGETS.items():
                measured = min(cost(central, rings[shards].name, size, 4000 if size < 10_000 else 1000) for _ in range(3))
                print(f"{size:>8} B {shards:>7} {measured:>12.0f} us {budget:>5} us")


if __name__ == "__main__":
    main()
