"""What the assignment webhook does with bad input: an error response, never a hang, and it goes on serving."""

import base64
import json
import socket
import ssl
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from rings import Ring
from support import ApiError, Central, eventually

PATH = "/webhooks/sharder/controllerring/"


@pytest.fixture(scope="module")
def ring(api, central):
    ring = Ring(api, "webhook-input")
    ring.add_shard("shard-0")
    ring.wait_until_assigning()
    return ring


@pytest.fixture(scope="module")
def tls(api):
    secret = api.get("/api/v1/namespaces/sharding-system/secrets/sharder-certificate")
    return ssl.create_default_context(cadata=base64.b64decode(secret["data"]["ca.crt"]).decode())


def review(resource="secrets", kind="Secret", **request):
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
            "request": {"uid": "42", "kind": {"group": "", "version": "v1", "kind": kind},
                        "resource": {"group": "", "version": "v1", "resource": resource}, "operation": "CREATE",
                        "name": "foo", "namespace": "default",
                        "object": {"metadata": {"name": "foo", "namespace": "default"}}, **request}}


def connect(central, tls, timeout=15):
    plain = socket.create_connection(("127.0.0.1", central.webhook_port), timeout=timeout)
    return tls.wrap_socket(plain, server_hostname="127.0.0.1")


def receive(connection):
    """Everything until the server closes the connection or has answered with Content-Length."""
    received = b""
    while True:
        try:
            piece = connection.recv(65536)
        except ConnectionError:
            return received
        received += piece
        head, separator, body = received.partition(b"\r\n\r\n")
        lengths = [int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")]
        if not piece or (separator and lengths and len(body) >= lengths[0]):
            return received


def post(central, tls, path, body, method="POST"):
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    with connect(central, tls) as connection:
        head = (f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\n\r\n")
        try:
            connection.sendall(head.encode() + body)
        except (ConnectionError, ssl.SSLError):
            pass  # it may have answered and closed before it had read everything
        answer = receive(connection)
    head, _, text = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), text.decode()


def test_good_review_is_answered_with_a_patch(ring, central, tls):
    code, text = post(central, tls, PATH + ring.name, review())
    assert code == 200
    response = json.loads(text)["response"]
    assert response["uid"] == "42" and response["allowed"]
    patch = json.loads(base64.b64decode(response["patch"]))
    assert patch == [{"op": "add", "path": "/metadata/labels", "value": {ring.shard_label: "shard-0"}}]


@pytest.mark.parametrize("what, body, code, words", [
    ("no JSON", b"hello", 400, "JSON"),
    ("half JSON", json.dumps(review()).encode()[:100], 400, "JSON"),
    ("nothing", b"", 400, ""),
    ("another kind", {"apiVersion": "v1", "kind": "Pod", "metadata": {}}, 400, "AdmissionReview"),
    ("another version", {**review(), "apiVersion": "admission.k8s.io/v1beta1"}, 400, "admission.k8s.io/v1"),
    ("no request", {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview"}, 400, "request"),
    ("resource outside the ring", review(resource="pods", kind="Pod"), 400, "pods"),
    ("nested too deep", b"[" * 200000, 400, ""),
])
def test_bad_body(ring, central, tls, what, body, code, words):
    answer, text = post(central, tls, PATH + ring.name, body)
    assert (answer, words in text) == (code, True), f"{what}: {answer} {text}"


def test_unknown_ring_and_path(ring, central, tls):
    code, text = post(central, tls, PATH + "nobody", review())
    assert code == 404 and "nobody" in text
    assert post(central, tls, PATH, review())[0] == 404
    assert post(central, tls, PATH + "a/b", review())[0] == 404
    assert post(central, tls, PATH + "../../x", review())[0] == 404
    assert post(central, tls, "/", review())[0] == 404
    assert post(central, tls, PATH + ring.name, b"", method="GET")[0] == 405


def test_body_of_10_mib_is_refused(ring, central, tls):
    before = central.memory_kib()
    code, _ = post(central, tls, PATH + ring.name, b" " * (10 << 20))
    assert code == 413
    print(f"\nmeasured: memory of central before {before} KiB, after a body of 10 MiB {central.memory_kib()} KiB")


def test_slow_clients_are_cut_off_and_hold_nobody_up(ring, central, tls):
    def dribble(start, piece):
        began = time.monotonic()
        with connect(central, tls, timeout=30) as connection:
            connection.sendall(start)
            connection.settimeout(0.5)
            while time.monotonic() - began < 25:
                try:
                    connection.recv(1000)
                    break  # an answer (408), or the end
                except TimeoutError:
                    pass
                except (ConnectionError, ssl.SSLError):
                    break
                try:
                    connection.sendall(piece)
                except (ConnectionError, ssl.SSLError):
                    break
        return time.monotonic() - began

    def no_handshake():
        began = time.monotonic()
        with socket.create_connection(("127.0.0.1", central.webhook_port), timeout=25) as connection:
            connection.recv(1)
        return time.monotonic() - began

    head = f"POST {PATH}{ring.name} HTTP/1.1\r\nHost: x\r\n".encode()
    with ThreadPoolExecutor(3) as pool:
        slow = [pool.submit(dribble, head, b"x"), pool.submit(dribble, head + b"Content-Length: 5000\r\n\r\n{", b" "),
                pool.submit(no_handshake)]
        while not all(each.done() for each in slow):
            began = time.monotonic()
            assert post(central, tls, PATH + ring.name, review())[0] == 200
            assert time.monotonic() - began < 2
            time.sleep(0.2)
        seconds = [each.result() for each in slow]
    print(f"\nmeasured: cut off after {seconds[0]:.1f} s (head), {seconds[1]:.1f} s (body), {seconds[2]:.1f} s (handshake)")
    assert max(seconds) < 13


def test_plain_http_to_the_tls_port_is_refused_at_once(ring, central):
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", central.webhook_port), timeout=5) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        answer = b""
        try:
            while piece := connection.recv(1000):
                answer += piece
        except ConnectionResetError:
            pass
    assert not answer.startswith(b"HTTP/1.1 200")
    assert time.monotonic() - began < 3


def test_writes_pass_while_the_webhook_is_away(ring, central):
    central.pause()
    try:
        began = time.monotonic()
        secret = ring.create_secret("written-meanwhile")
        assert ring.shard_of(secret) is None
        print(f"\nmeasured: a create while central hangs takes {time.monotonic() - began:.1f} s (webhook timeout of 5 s)")
    finally:
        central.resume()
    began = time.monotonic()
    eventually(lambda: ring.shards(ring.secrets)["written-meanwhile"] == "shard-0", 40)
    print(f"measured: assigned {time.monotonic() - began:.1f} s after central was back")


def test_children_are_placed_from_memory(ring, tls, cluster, folder, kubeconfig):
    """Also by a replica that does not lead and has not seen a child yet: the requests that wait for its answer may be all
    that the API server lets it have under way."""
    child = {"metadata": {"name": "child", "namespace": "default", "ownerReferences": [
        {"apiVersion": "v1", "kind": "Secret", "name": "foo", "uid": "1", "controller": True}]}}
    asked = review("configmaps", "ConfigMap", operation="UPDATE", name="child", object=child, oldObject=child)
    with Central(folder, "standby", kubeconfig("sharder")) as standby:
        eventually(standby.ready, 15)
        assert not standby.leading()
        cluster.pause("apiserver")
        try:
            began = time.monotonic()
            code, text = post(standby, tls, PATH + ring.name, asked)
            assert time.monotonic() - began < 2.5, "the API server would wait for 5 s"
        finally:
            cluster.resume("apiserver")
    assert code == 200 and json.loads(text)["response"]["patch"]


def test_still_serves(ring, central, tls):
    assert post(central, tls, PATH + ring.name, review())[0] == 200
    assert central.running()
    with pytest.raises(ApiError):
        ring.create_secret("written-meanwhile")  # a conflict of the API server's own
