"""What passes through the sidecar does not stay in it: memory is bounded whatever the size, and whoever does not read; and
who does not write is not waited for."""

import json
import os
import socket
import time

import pytest
from sidecars import SHARD_LABEL
from support import eventually

from fidelity import http1
from fidelity.world import THINGS, beside

COUNT, SIZE = 80, 1_330_000  # of the objects: more than 100 MiB in all
# With AddressSanitizer every byte has a shadow, and what is freed stays in quarantine.
ALLOWED_MIB = 24
STOPPED = 5


@pytest.fixture(scope="module")
def world(fidelity_cluster, tmp_path_factory):
    os.environ["ASAN_OPTIONS"] = "quarantine_size_mb=1:thread_local_quarantine_size_kb=64"
    try:
        with beside(fidelity_cluster, tmp_path_factory.mktemp("sidecar")) as pair:
            text = "x" * SIZE
            for number in range(COUNT):
                meta = {"name": f"mine-{number:02}", "labels": {SHARD_LABEL: "shard-a"}}
                pair.api.create(THINGS, {"apiVersion": "fidelity.example/v1", "kind": "Thing", "metadata": meta,
                                         "spec": {"t": text}})
            yield pair
            pair.clean()
    finally:
        del os.environ["ASAN_OPTIONS"]


@pytest.fixture(scope="module", autouse=True)
def dawdlers(world):
    """Clients that send a little and then nothing, begun at first and looked at in the last test."""
    began, connections = time.monotonic(), {}
    connections["no handshake"] = socket.create_connection(("127.0.0.1", world.sidecar_port))
    for name, text in {"half a request line": b"GET /ver", "half a head": b"GET / HTTP/1.1\r\nhost: x\r\nx-a: ",
                       "half a line at a time": b""}.items():
        connections[name] = world.open1("sidecar").socket
        connections[name].sendall(text)
    yield began, connections
    for connection in connections.values():
        connection.close()


def peak_mib(world):
    status = (world.process.proc() / "status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))) / 1024


def forget_peak(world):
    (world.process.proc() / "clear_refs").write_text("5")
    return peak_mib(world)


def check(world, before, what, allowed=ALLOWED_MIB):
    grown = peak_mib(world) - before
    print(f"\nmeasured: {grown:.1f} MiB more than {before:.1f} at the peak, {what}")
    assert grown < allowed


def read_list(world, connection, began):
    stream = connection.start("GET", THINGS, world.authorization())
    answer = connection.finish(stream, 120)
    assert answer.status == 200 and answer.ended
    assert len(answer.body) > 100 << 20 and answer.body.count(b'"kind":"Thing"') == COUNT
    print(f"\nmeasured: {len(answer.body) >> 20} MiB in {time.monotonic() - began:.1f} s")
    return answer


def test_a_list_of_a_hundred_mebibytes(world):
    before = forget_peak(world)
    with world.open("sidecar") as connection:
        answer = read_list(world, connection, time.monotonic())
    check(world, before, "a list of 100 MiB over HTTP/2")
    before = forget_peak(world)
    with world.open1("sidecar", timeout=120) as connection:
        again = connection.request("GET", THINGS, world.authorization())
    assert json.loads(again.body)["items"] == json.loads(bytes(answer.body))["items"]
    check(world, before, "the same over HTTP/1.1")


# What nobody reads: lists of 5 MiB, and watches with 100 MiB of first events.
UNREAD = {"lists": "?limit=4", "watches": "?watch=1"}


@pytest.mark.parametrize("what", UNREAD)
def test_clients_that_do_not_read_over_http2(world, what):
    """The sidecar holds a stream's window of each, and others are served meanwhile."""
    before = forget_peak(world)
    with world.open("sidecar", reads_body=False) as connection:
        for _ in range(STOPPED):
            connection.start("GET", THINGS + UNREAD[what], world.authorization())
        answers = connection.answers.values()
        connection.wait(lambda: all(len(answer.body) > 0 for answer in answers), 60)
        eventually_still(connection)
        assert world.ask("sidecar", "GET", "/version").status == 200
        assert sum(len(answer.body) for answer in answers) <= STOPPED * 65_535
    check(world, before, f"{STOPPED} {what} that nobody reads, HTTP/2")


def eventually_still(connection):
    """Nothing comes any more."""
    while connection.pump(0.3):
        pass


@pytest.mark.parametrize("what", UNREAD)
def test_clients_that_do_not_read_over_http1(world, what):
    before = forget_peak(world)
    connections = [world.open1("sidecar") for _ in range(STOPPED)]
    for connection in connections:
        connection.send(http1.head("GET", THINGS + UNREAD[what], world.authorization()))
    for connection in connections:
        assert connection.head()[0] == 200
    time.sleep(1)  # what there is room for has come by now
    assert world.ask("sidecar", "GET", "/version").status == 200
    for connection in connections:
        connection.socket.close()
    check(world, before, f"{STOPPED} {what} that nobody reads, HTTP/1.1")


def test_uploads_that_the_api_server_does_not_read(world):
    """Bodies of requests that wait there: the client's windows close, and nothing piles up."""
    before = forget_peak(world)
    body = json.dumps({"apiVersion": "fidelity.example/v1", "kind": "Thing",
                       "metadata": {"name": "x", "labels": {SHARD_LABEL: "shard-a"}},
                       "spec": {"t": "x" * 2_500_000}}).encode()
    headers = [*world.authorization(), ("content-type", "application/json"), ("content-length", str(len(body)))]
    world.cluster.pause("apiserver")
    try:
        with world.open("sidecar") as connection:
            for _ in range(STOPPED):
                stream = connection.start("POST", THINGS + "?dryRun=All", headers, end=False)
                room = 1
                while room > 0:
                    room = min(connection.h2.local_flow_control_window(stream), connection.h2.max_outbound_frame_size)
                    if room > 0:
                        connection.h2.send_data(stream, body[:room])
                        connection.flush()
            eventually_still(connection)
    finally:
        world.cluster.resume("apiserver")
    check(world, before, f"{STOPPED} uploads that nobody takes")
    eventually(lambda: world.ask("sidecar", "GET", "/version").status == 200, 20)


def test_large_heads_without_an_end(world):
    """The sidecar holds 16 MiB of them and refuses the rest, and others are served meanwhile."""
    before = forget_peak(world)
    connections = [world.open1("sidecar") for _ in range(60)]
    for connection in connections:
        connection.send(http1.head("GET", "/version", [("x", "y" * 1_000_000)])[:-4])
    eventually(lambda: world.ask("sidecar", "GET", "/version").status == 200, 5)
    refused = 0
    for connection in connections:
        connection.socket.settimeout(0.1)
        try:
            refused += connection.answer().status == 503
        except OSError:
            connection.socket.close()
    assert 40 <= refused < 60
    check(world, before, f"{len(connections)} heads of 1 MB, of which {refused} were refused", 64)


def test_dawdlers_are_closed(world, dawdlers):
    """Ten seconds for a handshake, and for a head; who works meanwhile does not notice."""
    began, connections = dawdlers

    def closed(connection):
        try:
            return connection.recv(1000) == b"" or closed(connection)
        except ConnectionError:
            return True

    trickle = connections.pop("half a line at a time")
    for character in b"GET / HTTP/1.1\r\nhost: ":
        trickle.sendall(bytes([character]))
        time.sleep(0.05)
    for name, connection in connections.items():
        connection.settimeout(0.05)
        eventually(lambda connection=connection: closed(connection), max(1, 14 - (time.monotonic() - began)), name)
    print(f"\nmeasured: dawdlers are gone {time.monotonic() - began:.1f} s after they began")
    trickle.close()
