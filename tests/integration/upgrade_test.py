"""Upgraded connections through the sidecar: WebSocket watches, and what the API server refuses."""

import hashlib
import json
import os
import threading
import time
import urllib.parse

import pytest
from sidecars import CONFIGMAPS, DRAIN_LABEL, RING, SECRETS, SHARD_LABEL, Sidecar, app_cluster, metric, secret, working
from support import LEASES, RINGS, Api, cluster_ca, eventually, micro_time
from upgrades import EchoKubelet, Upgrade

PODS = "/api/v1/namespaces/default/pods"
EXEC = f"{PODS}/nobody/exec?command=ls&stdout=true"


@pytest.fixture(scope="module")
def cluster():
    with app_cluster("upgrades", "secrets", "configmaps", "pods", "pods/exec") as running:
        yield running


@pytest.fixture(scope="module")
def api(cluster):
    api = Api.of_cluster(cluster)
    eventually(lambda: api.items(RINGS) == [], 20, "the CRD is served")
    return api


def set_ring(api, *resources):
    spec = {"resources": [{"group": "", "resource": resource} for resource in resources]}
    if api.find(f"{RINGS}/{RING}"):
        return api.patch(f"{RINGS}/{RING}", {"spec": spec})
    return api.create(RINGS, {"apiVersion": "sharding.timebertt.dev/v1alpha1", "kind": "ControllerRing",
                              "metadata": {"name": RING}, "spec": spec})


@pytest.fixture
def sidecar(tmp_path, cluster, api):
    set_ring(api, "secrets")
    with working(tmp_path, cluster, api, SECRETS) as process:
        yield process
    for item in api.items(SECRETS):
        api.delete(f"{SECRETS}/{item['metadata']['name']}")


def upgrade(sidecar, path, **options):
    return Upgrade(sidecar.port, sidecar.app / "ca.crt", (sidecar.app / "token").read_text(), path, **options)


def direct(cluster, tmp_path, token, path, **options):
    ca = tmp_path / "cluster-ca.crt"
    ca.write_text(cluster_ca(cluster))
    return Upgrade(urllib.parse.urlsplit(cluster.server).port, ca, token, path, **options)


def lose_lease(sidecar, api):
    api.patch(LEASES.format("default") + "/shard-a",
              {"spec": {"holderIdentity": "somebody-else", "leaseDurationSeconds": 5, "renewTime": micro_time()}})
    eventually(lambda: not sidecar.ready(), 10, "the shard knows that it lost its Lease")


def open_upgrades(sidecar):
    return metric(sidecar.http(sidecar.status_port, "/metrics")[1], "ringside_sidecar_upgraded_connections")


def test_a_websocket_watch_shows_the_shard_alone(sidecar, api):
    api.create(SECRETS, secret("mine", "shard-a"))
    api.create(SECRETS, secret("theirs", "shard-b"))
    with upgrade(sidecar, SECRETS + "?watch=true") as watch:
        assert watch.status == 101
        assert watch.headers["upgrade"].lower() == "websocket" and watch.headers["connection"] == "Upgrade"
        assert watch.read_event() == ("ADDED", "mine")
        api.create(SECRETS, secret("later-theirs", "shard-b"))
        api.create(SECRETS, secret("later-mine", "shard-a"))
        assert watch.read_event() == ("ADDED", "later-mine")
        api.delete(f"{SECRETS}/mine")
        assert watch.read_event() == ("DELETED", "mine")
        assert open_upgrades(sidecar) == 1
    eventually(lambda: open_upgrades(sidecar) == 0, 5, "the connection to the API server goes with the client's")


def test_what_is_not_in_the_ring_is_seen_in_full(sidecar, api):
    with upgrade(sidecar, CONFIGMAPS + "?watch=true") as watch:
        api.create(CONFIGMAPS, {"metadata": {"name": "any", "labels": {SHARD_LABEL: "shard-b"}}})
        assert watch.read_event() == ("ADDED", "any")
    api.delete(f"{CONFIGMAPS}/any")


def test_many_events_come_in_order_to_a_slow_reader(sidecar, api):
    names = [f"many-{i:02}" for i in range(40)]
    big = "x" * 100_000
    with upgrade(sidecar, SECRETS + "?watch=true") as watch:
        assert watch.status == 101
        for name in names:  # 5 MB in all: more than any buffer on the way holds
            api.create(SECRETS, {**secret(name, "shard-a"), "stringData": {"big": big}})
        assert [watch.read_event() for _ in names] == [("ADDED", name) for name in names]


@pytest.mark.parametrize("protocol, method", [("websocket", "GET"), ("SPDY/3.1", "POST")])
def test_a_refusal_is_the_api_servers_own(sidecar, cluster, tmp_path, protocol, method):
    headers = {"Sec-WebSocket-Protocol" if protocol == "websocket" else "X-Stream-Protocol-Version": "v5.channel.k8s.io"}
    token = (sidecar.app / "token").read_text()
    for path, given, code in ((EXEC, token, 404), (EXEC, "wrong", 401), (EXEC.replace("default", "default2"), token, 404)):
        theirs = direct(cluster, tmp_path, given, path, protocol=protocol, method=method, headers=headers)
        through = Upgrade(sidecar.port, sidecar.app / "ca.crt", given, path, protocol=protocol, method=method, headers=headers)
        with theirs, through:
            assert through.status == theirs.status == code
            assert through.body == theirs.body and b'"kind":"Status"' in theirs.body
            assert through.headers["content-type"] == theirs.headers["content-type"]


def test_a_request_without_the_fields_gets_what_the_api_server_says(sidecar):
    status, _, body = sidecar.get(EXEC, method="POST")
    assert status == 404 and b"nobody" in body


def test_an_upgrade_that_the_api_server_ignores_is_a_request_like_any_other(sidecar, api):
    api.create(SECRETS, secret("mine", "shard-a"))
    api.create(SECRETS, secret("theirs", "shard-b"))
    with upgrade(sidecar, SECRETS, protocol="h2c") as plain:
        assert plain.status == 200
        assert [item["metadata"]["name"] for item in json.loads(plain.body)["items"]] == ["mine"]
    with upgrade(sidecar, f"{SECRETS}/mine", protocol="websocket", method="DELETE") as plain:
        assert plain.status == 200
    assert api.find(f"{SECRETS}/mine") is None


def test_a_watch_ends_with_its_ring_and_is_not_resumed(sidecar, api):
    api.create(SECRETS, secret("theirs", "shard-b"))
    version = api.get(SECRETS)["metadata"]["resourceVersion"]
    set_ring(api, "configmaps")
    eventually(lambda: sidecar.names(SECRETS) == ["theirs"], 10, "secrets are not filtered")
    with upgrade(sidecar, SECRETS + "?watch=true") as watch:
        assert watch.read_event() == ("ADDED", "theirs")
        set_ring(api, "secrets")
        assert watch.at_end()
    with upgrade(sidecar, f"{SECRETS}?watch=true&resourceVersion={version}") as watch:
        assert watch.status == 101
        event = json.loads(watch.read_frame())
        assert (event["type"], event["object"]["code"], event["object"]["reason"]) == ("ERROR", 410, "Expired")
    with upgrade(sidecar, SECRETS + "?watch=true") as watch:
        assert watch.status == 101


def test_pods_of_the_ring_are_entered_with_the_lease_alone(sidecar, api):
    set_ring(api, "secrets", "pods")
    eventually(lambda: sidecar.names(PODS) == [], 10)
    with upgrade(sidecar, EXEC, headers={"Sec-WebSocket-Protocol": "v5.channel.k8s.io"}) as stream:
        assert stream.status == 404, "it is asked for"
    lose_lease(sidecar, api)
    for protocol, method in (("websocket", "GET"), ("SPDY/3.1", "POST")):
        with upgrade(sidecar, EXEC, protocol=protocol, method=method) as stream:
            assert stream.status == 503 and b"does not hold its shard Lease" in stream.body


# --- With something at the far end.


@pytest.fixture(scope="module")
def kubelet(api, tmp_path_factory):
    kubelet = EchoKubelet(tmp_path_factory.mktemp("kubelet"), api)
    pod = {"spec": {"nodeName": "echo", "containers": [{"name": "app", "image": "none"}], "serviceAccountName": "app"}}
    api.create(PODS, {"metadata": {"name": "runs", "labels": {SHARD_LABEL: "shard-a"}}, **pod})
    yield kubelet
    api.delete(f"{PODS}/runs?gracePeriodSeconds=0")
    kubelet.close()


def enter(sidecar):
    stream = upgrade(sidecar, f"{PODS}/runs/exec?command=cat&stdin=true&stdout=true", protocol="SPDY/3.1", method="POST",
                     headers={"X-Stream-Protocol-Version": "v4.channel.k8s.io"})
    assert stream.status == 101, stream.body
    stream.send(b"hello")
    assert stream.read(5) == b"hello"
    return stream


def test_20_mb_come_back_as_they_were(sidecar, kubelet):
    data = os.urandom(20 << 20)
    with enter(sidecar) as stream:
        began = time.monotonic()
        echoed = stream.exchange(data, len(data))
        print(f"\nmeasured: 20 MiB there and back in {time.monotonic() - began:.2f} s")
    assert len(echoed) == len(data) and hashlib.sha256(echoed).digest() == hashlib.sha256(data).digest()
    assert kubelet.closed.acquire(timeout=10)


def test_a_reader_that_stops_holds_everybody_back(sidecar, kubelet):
    with enter(sidecar) as stream:
        before = sidecar.memory_kib()
        stream.settimeout(2)
        sent = 0
        with pytest.raises(TimeoutError):
            while sent < 200 << 20:
                stream.send(bytes(1 << 20))
                sent += 1 << 20
        grown = sidecar.memory_kib() - before  # with ASan, also by what it keeps of freed memory
        print(f"\nmeasured: {sent >> 20} MiB sent until it stalled, the sidecar grew by {grown} KiB")
        assert sent < 100 << 20, "the buffers of six sockets, and little in between"
    assert kubelet.closed.acquire(timeout=10)


def test_a_lost_lease_ends_what_is_open_into_pods_of_the_ring(sidecar, api, kubelet):
    with enter(sidecar) as outside:
        set_ring(api, "secrets", "pods")
        assert outside.at_end(), "what was opened while pods were not the ring's is judged again"
    eventually(lambda: sidecar.names(PODS) == ["runs"], 10)
    with enter(sidecar) as inside, upgrade(sidecar, SECRETS + "?watch=true") as watch:
        lose_lease(sidecar, api)
        assert inside.at_end()
        api.create(SECRETS, secret("mine", "shard-a"))
        assert watch.read_event() == ("ADDED", "mine"), "reading goes on, as over HTTP/2"
    for _ in range(2):
        assert kubelet.closed.acquire(timeout=10)


def test_a_pod_that_is_handed_over_is_left(sidecar, api, kubelet):
    set_ring(api, "secrets", "pods")
    eventually(lambda: sidecar.names(PODS) == ["runs"], 10)
    with enter(sidecar) as stream:
        began = time.monotonic()
        api.patch(f"{PODS}/runs", {"metadata": {"labels": {DRAIN_LABEL: "true"}}})
        assert stream.at_end()
        left = time.monotonic() - began
        eventually(lambda: SHARD_LABEL not in api.get(f"{PODS}/runs")["metadata"].get("labels", {}), 10, "acknowledged")
        print(f"\nmeasured: left after {left:.1f} s, handed over {time.monotonic() - began:.1f} s after the drain")
    with upgrade(sidecar, f"{PODS}/runs/exec?command=cat", protocol="SPDY/3.1", method="POST") as stream:
        assert stream.status == 409 and b"handed over" in stream.body
    api.patch(f"{PODS}/runs", {"metadata": {"labels": {SHARD_LABEL: "shard-a"}}})


# --- Ends.


def test_a_sidecar_that_ends_closes_in_order(tmp_path, cluster, api):
    with Sidecar(tmp_path, cluster, "shard-b", api.token("default", "app")) as sidecar:
        sidecar.wait_for_ring()
        with upgrade(sidecar, CONFIGMAPS + "?watch=true") as watch:
            assert watch.status == 101
            ended = []
            reader = threading.Thread(target=lambda: ended.append(watch.at_end()))
            reader.start()
            assert sidecar.terminate() == 0
            reader.join(20)
            assert ended == [True]


def test_an_api_server_that_goes_away_is_felt(sidecar, cluster, api):
    with upgrade(sidecar, CONFIGMAPS + "?watch=true") as watch:
        assert watch.status == 101
        cluster.stop("apiserver")
        try:
            assert watch.read_frame() is None
            with upgrade(sidecar, CONFIGMAPS + "?watch=true") as refused:
                assert refused.status == 503 and b"cannot be reached" in refused.body
        finally:
            cluster.start("apiserver")
    eventually(lambda: upgrade(sidecar, CONFIGMAPS + "?watch=true").status == 101, 30, "it is back")
