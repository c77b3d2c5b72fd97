"""HTTP/1.1 as clients speak it, well or badly, to the sidecar and to the API server."""

import json
import socket

import pytest
from sidecars import secret
from upgrades import EchoKubelet

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


@pytest.mark.parametrize("size", [100_000, 500_000, 1_040_000, 1_100_000])
def test_large_heads(world, size):
    fields = [(f"x-{number}", "y" * 15_000) for number in range(size // 15_050)]
    path = "/version?x=" + "y" * size
    asked = {"fields": ("/version", fields), "field": ("/version", [("x", "y" * size)]), "path": (path, [])}
    for what, (path, headers) in asked.items():
        direct, sidecar = both(world, lambda connection: connection.request("GET", path, [*world.authorization(), *headers]))
        assert (sidecar.status, what) == (direct.status, what)
        assert direct.status == (200 if size < 1 << 20 else 431)
        if direct.status == 200:
            same(direct, sidecar)


def test_a_large_head_of_a_list(world):
    path = f"{SECRETS}?x=" + "y" * 1_000_000
    direct, sidecar = [world.open1(way) for way in ("direct", "sidecar")]
    with direct, sidecar:
        direct = direct.request("GET", filtered(path), world.authorization())
        sidecar = sidecar.request("GET", path, world.authorization())
    assert json.loads(sidecar.body)["items"] == json.loads(direct.body)["items"] != []


def test_a_large_head_a_little_at_a_time(world):
    head = http1.head("GET", "/version", [*world.authorization(), ("x", "y" * 1_000_000)])
    with world.open1("sidecar") as connection:
        for begin in range(0, len(head), 1000):
            connection.send(head[begin:begin + 1000])
        assert connection.answer().status == 200


def test_an_answer_with_a_large_head(world, tmp_path):
    """Made by a kubelet, and passed on by the API server, which does not proxy to loopback addresses."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as route:
        route.connect(("192.0.2.1", 9))  # sends nothing
        address = route.getsockname()[0]
    fields = [(f"x-{number}", "y" * 20_000) for number in range(10)]
    text = "".join(f"{name}: {value}\r\n" for name, value in fields)
    answer = f"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n{text}\r\n"
    kubelet = EchoKubelet(tmp_path, world.api, answer.encode(), address)
    try:
        direct, sidecar = both(world, lambda connection: connection.request("GET", "/api/v1/nodes/echo/proxy/x",
                                                                            world.authorization()))
        assert direct.status == 200 and all(field in direct.headers for field in fields)
        same(direct, sidecar)
        with world.open("sidecar") as connection:
            connection.h2.decoder.max_header_list_size = 1 << 20
            by_http2 = connection.request("GET", "/api/v1/nodes/echo/proxy/x", world.authorization())
        assert by_http2.status == 200 and all(field in by_http2.headers for field in fields)
    finally:
        kubelet.close()
        world.api.delete("/api/v1/nodes/echo")


# A request target that is a URL: its path counts, and neither its host nor Host does.
@pytest.mark.parametrize("origin", ["https://kubernetes.default.svc", "http://127.0.0.1:1", "HTTPS://[::1]:6443", "https://a:b@c",
                                    "https://", "x:", "https:"])
def test_targets_in_absolute_form(world, origin):
    def ask(connection):
        paths = ["/version", SECRETS + "/mine-00?x=%2F%41", "/apis//apps", "/healthz/", "/api/../version", "/nothing#x"]
        return [connection.request("GET", origin + path, world.authorization()) for path in paths]

    for direct, sidecar in zip(*both(world, ask)):
        same(direct, sidecar)


def test_lists_in_absolute_form_are_filtered(world):
    world.api.create(SECRETS, secret("theirs", "shard-b"))
    for origin in ("https://kubernetes.default.svc", "https://elsewhere:1", "https://", "x:"):
        for path in (SECRETS, "/api/v1/secrets", SECRETS + "?fieldSelector=type%3DOpaque"):
            with world.open1("sidecar") as connection:
                answer = connection.request("GET", origin + path, world.authorization())
            assert answer.status == 200 and b"mine-00" in answer.body and b"theirs" not in answer.body


@pytest.mark.parametrize("line", [
    "OPTIONS *", "GET *", "POST *", "CONNECT a:1", "CONNECT *", "CONNECT https://a/version", "GET https://a", "GET https://a?x=/version",
    "OPTIONS https://a", "GET mailto:x", "GET version", "GET ?x", "GET ://a/version", "GET https://a:x/version",
    "GET https://[::1/version", "GET https://a%41/version", "CONNECT /version", "CONNECT a:x"])
def test_targets_of_other_forms(world, line):
    def ask(connection):
        connection.send(f"{line} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {world.token}\r\n\r\n".encode())
        answer = connection.answer()
        return answer.status, answer.body if answer.status in (200, 404) else None

    direct, sidecar = both(world, ask)
    assert sidecar == direct


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
