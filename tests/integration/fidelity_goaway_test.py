"""An API server that sends its clients away (--goaway-chance), and one that dies in the middle of answers."""

import json
import time
from urllib.parse import quote

import pytest
from sidecars import SHARD_LABEL, secret
from support import eventually

from fidelity.world import beside, fields, running_cluster

SECRETS = "/api/v1/namespaces/default/secrets"
REQUESTS = 600


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    flags = ["goaway-chance=0.02", "etcd-compaction-interval=1s"]
    with running_cluster("goaway", tmp_path_factory.mktemp("goaway"), flags) as cluster:
        with beside(cluster, tmp_path_factory.mktemp("sidecar")) as pair:
            pair.api.create(SECRETS, secret("mine", "shard-a"))
            yield pair


def test_clients_do_not_notice_a_goaway(world):
    """Of 600 requests some twelve end their connection to the API server. The client's stays, no request of it fails, a
    write happens once, and what a watch shows is complete."""
    with world.open("direct") as connection:
        sent = 0
        while connection.goaway is None:
            assert connection.request("GET", "/version", world.authorization()).status == 200
            sent += 1
            assert sent < 2000, "the API server sends nobody away"
    body = json.dumps({"metadata": {"name": "counted", "labels": {SHARD_LABEL: "shard-a"}}}).encode()
    headers = [*world.authorization(), ("content-type", "application/json")]
    with world.open("sidecar") as connection:
        watch = connection.start("GET", SECRETS + "?watch=1", world.authorization())
        for begin in range(0, REQUESTS, 30):
            streams = [connection.start("GET", SECRETS, world.authorization()) for _ in range(29)]
            streams.append(connection.start("POST", SECRETS, headers, body.replace(b"counted", f"counted-{begin}".encode())))
            assert {connection.finish(stream).status for stream in streams} == {200, 201}
        shown = connection.answers[watch].body
        connection.wait(lambda: shown.count(b'"ADDED"') == 1 + REQUESTS // 30)
        assert connection.goaway is None and not connection.answers[watch].ended


def test_what_etcd_has_forgotten_is_gone(world):
    """410, of a list at a revision and of one that goes on where another ended; the API server forgets within seconds here."""
    page = json.loads(world.ask("direct", "GET", "/api/v1/namespaces?limit=1").body)["metadata"]
    for query in ("resourceVersion=1&resourceVersionMatch=Exact", f"limit=1&continue={quote(page['continue'], safe='')}"):
        eventually(lambda query=query: world.ask("direct", "GET", f"/api/v1/namespaces?{query}").status == 410, 30, query)
        direct, sidecar = world.both("GET", f"/api/v1/namespaces?{query}")
        assert sidecar.status == direct.status == 410 and json.loads(sidecar.body)["reason"] == "Expired"
        assert fields(sidecar) == fields(direct)
    # Of what is filtered too.
    answer = world.ask("sidecar", "GET", SECRETS + "?resourceVersion=1&resourceVersionMatch=Exact")
    assert answer.status == 410 and json.loads(answer.body)["reason"] == "Expired"


def test_answers_that_are_cut_are_no_answers(world):
    """A watch that ends well and a body that is complete mean something: neither is made of an API server's death."""
    with world.open("sidecar") as connection, world.open1("sidecar") as other:
        watches = [connection.start("GET", SECRETS + "?watch=1", world.authorization()) for _ in range(10)]
        connection.wait(lambda: all(connection.answers[stream].body for stream in watches))
        other.send(f"GET {SECRETS}?watch=1 HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {world.token}\r\n\r\n".encode())
        assert other.head()[0] == 200 and other.chunk()
        began = time.monotonic()
        world.cluster.stop("apiserver")
        try:
            for stream in watches:
                answer = connection.finish(stream)
                assert answer.reset == 8 or answer.reset == 2, answer
                assert not answer.ended
            with pytest.raises((ValueError, ConnectionError, AssertionError)):  # no last chunk
                while other.chunk():
                    pass
                raise SystemError("the watch has ended as if it were complete")
            print(f"\nmeasured: watches are cut {time.monotonic() - began:.2f} s after the API server was killed")
        finally:
            world.cluster.start("apiserver")
            world.cluster.wait_until_ready()
        eventually(lambda: connection.request("GET", SECRETS, world.authorization()).status == 200, 20,
                   "the same connection serves")
