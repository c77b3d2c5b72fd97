"""HTTP/1.1 as clients speak it, well or badly, to the sidecar and to the API server."""

import json
import socket

import pytest
from sidecars import secret

from fidelity import http1
from fidelity.world import SHARD_LABEL, filtered

SECRETS = "/api/v1/namespaces/default/secrets"
JSON = ("content-type", "application/json")
VOLATILE = ("date", "audit-id")


def fields(answer):
    return sorted((name, value) for name, value in answer.headers if name not in VOLATILE)


def body_of(name):
    return json.dumps({"metadata": {"name": name, "labels": {SHARD_LABEL: "shard-a"}}}).encode()


def both(world, ask):
    """ask(connection) by both ways."""
    answers = []
    for way in ("direct", "sidecar"):
        with world.open1(way) as connection:
            answers.append(ask(connection))
    return answers


@pytest.fixture(scope="module", autouse=True)
def objects(world):
    for number in range(20):
        world.api.create(SECRETS, secret(f"mine-{number:02}", "shard-a"))


def same(direct, sidecar):
    assert (sidecar.status, fields(sidecar), sidecar.body) == (direct.status, fields(direct), direct.body)


def test_requests_follow_each_other_on_one_connection(world):
    def ask(connection):
        paths = ["/version", SECRETS + "/mine-00", SECRETS + "/nothing", "/healthz", "/apis/apps", SECRETS + "/mine-01"]
        return [connection.request("GET", path, world.authorization()) for path in paths * 3] + \
            [connection.request("HEAD", path, world.authorization()) for path in paths]

    for direct, sidecar in zip(*both(world, ask)):
        same(direct, sidecar)


def test_lists_and_large_answers(world):
    for path in (SECRETS + "?limit=3", "/openapi/v2"):
        asked = {world.api_port: filtered(path) if path.startswith(SECRETS) else path, world.sidecar_port: path}
        for _ in range(10):  # a list tells the revision, and that moves
            answers = both(world, lambda connection: connection.request("GET", asked[connection.socket.getpeername()[1]],
                                                                        world.authorization()))
            if answers[0].body == answers[1].body:
                break
        same(*answers)


def test_requests_may_be_pipelined(world):
    def ask(connection):
        heads = [http1.head("GET", f"{SECRETS}/mine-{number:02}", world.authorization()) for number in range(20)]
        connection.send(b"".join(heads))
        return [connection.answer() for _ in heads]

    for number, (direct, sidecar) in enumerate(zip(*both(world, ask))):
        same(direct, sidecar)
        assert f"mine-{number:02}".encode() in sidecar.body


def test_pipelined_then_closed(world):
    """Nobody waits for the answers: the sidecar goes on, and the requests that it still has do no harm."""
    for _ in range(20):
        with world.open1("sidecar") as connection:
            connection.send(http1.head("GET", SECRETS, world.authorization()) * 50)
    assert world.ask("sidecar", "GET", "/version").status == 200


def test_half_closed_after_the_request(world):
    """The client has nothing more to say and still listens."""
    with world.open1("sidecar") as connection:
        connection.send(http1.head("GET", "/version", [*world.authorization(), ("connection", "close")]))
        socket.socket.shutdown(connection.socket, socket.SHUT_WR)  # ssl's own would end the reading too
        assert connection.answer().status == 200


@pytest.mark.parametrize("line", ["GET /version HTTP/1.0\r\n\r\n", "GET /version HTTP/1.0\r\nhost: x\r\n\r\n",
                                  "GET /version HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"])
def test_the_connection_ends_when_the_client_says_so(world, line):
    def ask(connection):
        connection.send(line.replace("\r\n\r\n", f"\r\nauthorization: Bearer {world.token}\r\n\r\n").encode())
        answer = connection.answer()
        return answer, connection.closed()

    (direct, direct_closed), (sidecar, sidecar_closed) = both(world, ask)
    assert (sidecar.status, sidecar.body, sidecar_closed) == (direct.status, direct.body, direct_closed) and sidecar_closed


@pytest.mark.parametrize("text", [
    "GET /version HTTP/1.1\r\n\r\n", "GET /version HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
    "GET /version HTTP/3.0\r\nhost: a\r\n\r\n",
    "GET  /version HTTP/1.1\r\nhost: a\r\n\r\n", "GET /ver sion HTTP/1.1\r\nhost: a\r\n\r\n", "\0\0\0\0\r\n\r\n",
    "GET /version HTTP/1.1\r\nhost : a\r\n\r\n", "GET /version HTTP/1.1\r\nhost: a\r\nx y: z\r\n\r\n",
    "POST /version HTTP/1.1\r\nhost: a\r\ncontent-length: x\r\n\r\n",
    "POST /version HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n",
    "POST /version HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nx",
    "POST /version HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n"])
def test_what_is_no_http_is_refused(world, text):
    def ask(connection):
        connection.send(text.encode())
        return connection.answer().status // 100

    assert both(world, ask) in ([4, 4], [5, 4])


@pytest.mark.parametrize("text", ["content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
                                  "transfer-encoding: chunked\r\ncontent-length: 3\r\n\r\n0\r\n\r\n",
                                  "transfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
                                  "x-folded: a\r\n b\r\ncontent-length: 0\r\n\r\n"])
def test_nothing_is_smuggled(world, text):
    """Where the message ends could be read in two ways: one answer at most, and the rest is no request."""
    smuggled = f"GET {SECRETS}?smuggled HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {world.token}\r\n\r\n"
    with world.open1("sidecar") as connection:
        connection.send((f"POST /version HTTP/1.1\r\nhost: a\r\n{text}" + smuggled).encode())
        answer = connection.answer()
        assert answer.status == 400 and connection.closed()
    assert not any("smuggled" in event["requestURI"] for event in world.cluster.audit_events())


def test_expect_continue(world):
    body = body_of("expected")
    headers = [*world.authorization(), JSON, ("expect", "100-continue"), ("content-length", str(len(body)))]

    def ask(connection):
        connection.send(http1.head("POST", SECRETS + "?dryRun=All", headers))
        interim = connection.answer()
        connection.send(body)
        return interim.status, connection.answer().status, connection.request("GET", "/version", world.authorization()).status

    assert both(world, ask) == [(100, 201, 200)] * 2


def test_expect_continue_of_what_is_refused(world):
    """The body is never sent, and the answer comes without it."""
    headers = [JSON, ("expect", "100-continue"), ("content-length", "1000000")]

    def ask(connection):
        connection.send(http1.head("POST", SECRETS, headers))
        status = connection.answer().status
        return connection.answer().status if status == 100 else status

    assert both(world, ask) == [403, 403]


@pytest.mark.parametrize("pieces", [[1] * 40, [30, 1, 500], [3]])
@pytest.mark.parametrize("trailers", [b"", b"x-trailer: a\r\n"])
def test_chunked_uploads(world, pieces, trailers):
    text, chunks = body_of("chunked").ljust(700), b""
    for size in pieces:
        chunks += f"{size:x};extension=1\r\n".encode() + text[:size] + b"\r\n"
        text = text[size:]
    chunks += f"{len(text):X}\r\n".encode() + text + b"\r\n0\r\n" + trailers + b"\r\n"

    def ask(connection):
        headers = [*world.authorization(), JSON, ("transfer-encoding", "chunked")]
        connection.send(http1.head("POST", SECRETS + "?dryRun=All", headers) + chunks)
        return connection.answer().status, connection.request("GET", "/version", world.authorization()).status

    assert both(world, ask) == [(201, 200)] * 2


def test_a_body_a_byte_at_a_time(world):
    body = body_of("slowly")
    with world.open1("sidecar") as connection:
        connection.send(http1.head("POST", SECRETS + "?dryRun=All", [*world.authorization(), JSON], body))
        for begin in range(len(body)):
            connection.send(body[begin:begin + 1])
        assert connection.answer().status == 201


def test_an_upload_that_is_cut(world):
    """Nothing is written of half a body, even if it were an object by itself."""
    with world.open1("sidecar") as connection:
        connection.send(http1.head("POST", SECRETS, [*world.authorization(), JSON, ("content-length", "5000")]) + body_of("cut"))
    with world.open1("sidecar") as connection:
        connection.send(http1.head("POST", SECRETS, [*world.authorization(), JSON, ("transfer-encoding", "chunked")]))
        connection.send(f"{len(body_of('cut')):x}\r\n".encode() + body_of("cut") + b"\r\n")
    assert world.ask("sidecar", "GET", "/version").status == 200
    assert world.api.find(SECRETS + "/cut") is None


def test_too_large_a_head(world):
    for headers in ([("x-large", "y" * 2_000_000)], [(f"x-{number}", "y" * 100) for number in range(20_000)]):
        with world.open1("sidecar") as connection:
            try:
                connection.send(http1.head("GET", "/version", headers))
            except OSError:
                pass  # it has closed before all was sent
            try:
                assert connection.answer().status == 431
            except ConnectionError:
                pass
    assert world.ask("sidecar", "GET", "/version").status == 200


def test_the_host_names_nothing(world):
    """Whatever the client calls its server: the request goes to the API server and nowhere else."""
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        elsewhere.settimeout(0.2)
        host = f"127.0.0.1:{elsewhere.getsockname()[1]}"
        with world.open1("sidecar") as connection:
            connection.send(f"GET /version HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {world.token}\r\n"
                            f"x-forwarded-host: {host}\r\nforwarded: host={host}\r\n\r\n".encode())
            answer = connection.answer()
        assert answer.status == 200 and b"gitVersion" in answer.body
        with pytest.raises(TimeoutError):
            elsewhere.accept()


def test_a_watch_in_chunks(world):
    with world.open1("sidecar") as connection:
        connection.send(http1.head("GET", SECRETS + "?watch=1&fieldSelector=metadata.name%3Dmine-00", world.authorization()))
        assert connection.head()[0] == 200
        assert json.loads(connection.chunk())["type"] == "ADDED"
        world.api.patch(SECRETS + "/mine-00", {"metadata": {"annotations": {"a": "b"}}})
        assert json.loads(connection.chunk())["type"] == "MODIFIED"
