"""The API server by IPv6 and by name: where the sidecar finds it, and whom it trusts there. Needs root.

In a network namespace of its own, in which the API server has further addresses, as Services have.
"""

import contextlib
import ctypes
import http.client
import json
import os
import socket
import ssl
import subprocess
import sys
import threading

import pytest
import yaml
from credentials import Authority, certify_apiserver
from ringside_cluster import Cluster
from sidecars import APP_AS_ADMIN, RING_OF_SECRETS, SECRETS, Sidecar, reading, secret
from support import RINGS, ROOT, Api, cluster_ca, eventually, free_port, program

SHARD = "shard-a"
SERVICE = "fd00:10:96::1"
NAME = "api.ringside.test"
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="namespaces need root")


@contextlib.contextmanager
def own_network():
    """For this thread, and what it starts meanwhile."""
    libc, clone_newnet = ctypes.CDLL(None, use_errno=True), 0x40000000
    with open(f"/proc/self/task/{threading.get_native_id()}/ns/net", encoding="ascii") as before:
        if libc.unshare(clone_newnet) != 0:
            raise OSError(ctypes.get_errno(), "unshare")
        try:
            run("ip link set lo up")
            yield
        finally:
            libc.setns(before.fileno(), clone_newnet)


def run(command, **options):
    return subprocess.run(command.split(), check=True, capture_output=True, text=True, **options).stdout


@pytest.fixture(scope="module")
def cluster():
    """Its API server listens on every address, under names and addresses that its certificate has."""
    with own_network():
        run(f"ip address add {SERVICE} dev lo nodad")
        with Cluster(f"addresses-{os.getpid()}", api_only=True, host_net=True, apiserver_flags=["bind-address=::"]) as running:
            certify_apiserver(running, Authority.of_cluster(running), [f"IP:{SERVICE}", "IP:::1", f"DNS:{NAME}"])
            running.kubectl("apply", "-f", str(ROOT / "deploy" / "crd" / "controllerrings.yaml"))
            running.kubectl("apply", "-f", "-", input=yaml.safe_dump_all(APP_AS_ADMIN))
            api = Api.of_cluster(running)
            eventually(lambda: api.create(RINGS, RING_OF_SECRETS), 20, "the ring is there")
            eventually(lambda: Client(SERVICE, api_port(running), cluster_ca(running)).version(), 90, "the new certificate")
            yield running


@pytest.fixture(scope="module")
def api(cluster):
    api = Api.of_cluster(cluster)
    api.create(SECRETS, secret("mine", SHARD))
    api.create(SECRETS, secret("theirs", "shard-b"))
    return api


def api_port(cluster):
    return int(cluster.server.rpartition(":")[2])


class Client:
    """An app's, with a connection that stays. The certificate has to be good for `host`."""

    def __init__(self, host, port, authorities, token=""):
        context = ssl.create_default_context(cadata=authorities)
        self._connection = http.client.HTTPSConnection(host, port, context=context, timeout=60)
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def get(self, path):
        self._connection.request("GET", path, headers=self._headers)
        response = self._connection.getresponse()
        return response.status, response.read()

    def names(self, path=SECRETS):
        status, body = self.get(path)
        assert status == 200, (status, body)
        return sorted(item["metadata"]["name"] for item in json.loads(body)["items"])

    def version(self):
        self._connection.request("GET", "/version")
        return self._connection.getresponse().read()

    @contextlib.contextmanager
    def watching(self):
        """Its connection is what keeps the shard alive."""
        with contextlib.closing(self._connection):
            self._connection.request("GET", SECRETS + "?watch=true", headers=self._headers)
            with reading(self._connection, self._connection.getresponse()):
                yield


def websocket_watch(host, port, authorities, token):
    """The first line of the answer to a watch by WebSocket, for which the sidecar makes a connection of its own."""
    context = ssl.create_default_context(cadata=authorities)
    with socket.create_connection((host, port), timeout=60) as plain, context.wrap_socket(plain, server_hostname=host) as tls:
        tls.sendall((f"GET {SECRETS}?watch=true HTTP/1.1\r\nHost: api\r\nAuthorization: Bearer {token}\r\n"
                     "Origin: https://api\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                     "Sec-WebSocket-Key: c2l4dGVlbiBieXRlcyE9IQ==\r\n\r\n").encode())
        return tls.recv(4096).split(b"\r\n")[0].decode()


def app_client(sidecar, host, token, port=None):
    return Client(host, port or sidecar.port, (sidecar.app / "ca.crt").read_text(), token)


@contextlib.contextmanager
def working(folder, cluster, api, **options):
    """A sidecar that holds its Lease, since an app watches."""
    token = api.token("default", "app")
    with Sidecar(folder, cluster, SHARD, token, ["--leader-election=off", *options.pop("arguments", ())],
                 **options) as sidecar:
        sidecar.wait_for_ring()
        with app_client(sidecar, "127.0.0.1", token).watching():
            eventually(sidecar.ready, 30, "the shard Lease is held")
            yield sidecar, token
        assert sidecar.running(), sidecar.log()[-3000:]


def test_the_service_has_an_ipv6_address(tmp_path, cluster, api):
    port = free_port()
    also = [f"--also-listen=[::1]:{port}"]
    with working(tmp_path, cluster, api, service=SERVICE, port=port, arguments=also) as (sidecar, token):
        for host in ("127.0.0.1", "::1"):
            assert app_client(sidecar, host, token).names() == ["mine"]
            assert "101" in websocket_watch(host, port, (sidecar.app / "ca.crt").read_text(), token)
        api.create(SECRETS, secret("created", SHARD))
        eventually(lambda: app_client(sidecar, "::1", token).names() == ["created", "mine"], 20)
        api.delete(SECRETS + "/created")


# The list of `names`, as another user, who cannot read what is here.
AS_ANOTHER_USER = """
import http.client, json, ssl, sys
given = json.load(sys.stdin)
context = ssl.create_default_context(cadata=given["ca"])
connection = http.client.HTTPSConnection(given["host"], given["port"], context=context, timeout=60)
connection.request("GET", given["path"], headers={"Authorization": "Bearer " + given["token"]})
print(json.dumps(sorted(item["metadata"]["name"] for item in json.load(connection.getresponse())["items"])))
"""


def test_redirected_from_the_ipv6_address_of_the_service(tmp_path, cluster, api, monkeypatch):
    """The sidecar goes to a name, and runs as root here, whom the rules spare; the app is somebody else, and goes to the
    Service, whose address the kubelet tells."""
    port, hosts = free_port(), tmp_path / "hosts"
    hosts.write_text(f"::1 {NAME}\n")
    monkeypatch.setenv("KUBERNETES_PORT", f"tcp://[{SERVICE}]:{api_port(cluster)}")
    also = [f"--also-listen=[::1]:{port}"]
    with working(tmp_path, cluster, api, service=NAME, hosts=hosts, port=port, arguments=also) as (sidecar, token):
        environment = {**os.environ, "KUBERNETES_SERVICE_HOST": NAME, "KUBERNETES_SERVICE_PORT": "1"}
        subprocess.run([program("ringside-sidecar"), "redirect", f"--to-port={port}", "--except-uid=0"], env=environment,
                       check=True, capture_output=True)
        try:
            given = {"host": SERVICE, "port": api_port(cluster), "ca": (sidecar.app / "ca.crt").read_text(), "token": token,
                     "path": SECRETS}
            asked = subprocess.run([sys.executable, "-c", AS_ANOTHER_USER], input=json.dumps(given), text=True,
                                   user=65532, capture_output=True, check=True)
            assert json.loads(asked.stdout) == ["mine"], "it meets the sidecar"
            assert Client(SERVICE, given["port"], given["ca"], token).names() == ["mine", "theirs"], "root meets the API server"
        finally:
            run("nft delete table inet ringside")


def test_by_a_name_whose_addresses_change(tmp_path, cluster, api):
    """At first only one of three answers, the one that is tried last, being farthest from 127.0.0.1 (RFC 6724, rule 9).
    Then that one is gone, and another is there."""
    hosts, port = tmp_path / "hosts", api_port(cluster)
    hosts.write_text(f"127.0.0.2 {NAME}\n127.0.0.3 {NAME}\n127.0.0.9 {NAME}\n")
    drop = f"ip daddr {{ 127.0.0.2, 127.0.0.3 }} tcp dport {port} counter drop"
    nft(f"table inet test {{ chain input {{ type filter hook input priority 0; {drop}; }}; }}")
    try:
        with working(tmp_path, cluster, api, service=NAME, hosts=hosts) as (sidecar, token):
            dropped = json.loads(run("nft -j list chain inet test input"))["nftables"]
            assert any(part["counter"]["packets"] for rule in dropped if "rule" in rule
                       for part in rule["rule"]["expr"] if "counter" in part), "a silent address was tried"
            assert app_client(sidecar, "127.0.0.1", token).names() == ["mine"]
            hosts.write_text(f"{SERVICE} {NAME}\n")
            nft(f"add rule inet test input ip daddr 127.0.0.9 tcp dport {port} reject with tcp reset")
            eventually(lambda: app_client(sidecar, "127.0.0.1", token).names() == ["mine"], 60, "it goes to the new address")
            with app_client(sidecar, "127.0.0.1", token).watching():
                eventually(sidecar.ready, 60, "the shard Lease is held")
            assert "101" in websocket_watch("127.0.0.1", sidecar.port, (sidecar.app / "ca.crt").read_text(), token)
    finally:
        run("nft delete table inet test")


def nft(text):
    subprocess.run(["nft", "-f", "-"], input=text, text=True, check=True, capture_output=True)


@pytest.mark.parametrize("name, trusted", [("kubernetes.default.svc", True), ("other.ringside.test", False)])
def test_the_certificate_is_checked_against_the_name(tmp_path, cluster, api, name, trusted):
    hosts = tmp_path / "hosts"
    hosts.write_text(f"127.0.0.1 {name}\n")
    token = api.token("default", "app")
    with Sidecar(tmp_path, cluster, SHARD, token, ["--leader-election=off"], service=name, hosts=hosts) as sidecar:
        if trusted:
            sidecar.wait_for_ring()
            assert app_client(sidecar, "127.0.0.1", token).names() == ["mine"]
        else:
            status, body = app_client(sidecar, "127.0.0.1", token).get("/api/v1/namespaces/default/configmaps")
            assert status >= 500 and b"not trusted" in body, (status, body)
