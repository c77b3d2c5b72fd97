"""What the sidecar says itself: Status objects in the encoding that was asked for, with a time to come back where it helps.
And what it never does: trust another API server than the cluster's."""

import base64
import json
import subprocess
import types

import pytest
import yaml
from sidecars import Sidecar, secret
from support import eventually

from fidelity.world import THINGS, World

SECRETS = "/api/v1/namespaces/default/secrets"
JSON, YAML, PROTOBUF = "application/json", "application/yaml", "application/vnd.kubernetes.protobuf"
ENCODINGS = {JSON: JSON, YAML: YAML, PROTOBUF: PROTOBUF, "application/cbor": JSON,
             "application/json;as=Table;g=meta.k8s.io;v=v1": JSON,
             f"{PROTOBUF},{JSON}": PROTOBUF, "*/*": JSON, "text/html": JSON, "": JSON, f"{YAML},{JSON};q=0.5": YAML}


@pytest.fixture(scope="module")
def idle(fidelity_cluster, world, tmp_path_factory):
    """A sidecar that holds no Lease, since its app has not read anything yet."""
    token = world.api.token("default", "app")
    with Sidecar(tmp_path_factory.mktemp("idle"), fidelity_cluster, "shard-idle", token, ["--leader-election=off"]) as sidecar:
        sidecar.wait_for_ring()
        yield World(fidelity_cluster, world.api, sidecar, token)


def status_of(answer, encoding):
    """The Status of an answer; of protobuf its texts are looked at."""
    assert answer.get("content-type") == encoding
    assert answer.get("content-length") == str(len(answer.body)) and answer.ended
    if encoding == PROTOBUF:
        assert answer.body.startswith(b"k8s\0") and b"Status" in answer.body
        return None
    status = json.loads(answer.body) if encoding == JSON else yaml.safe_load(bytes(answer.body))
    assert (status["kind"], status["apiVersion"], status["status"]) == ("Status", "v1", "Failure")
    assert status["code"] == answer.status and status["message"].startswith("sidecar: ")
    return status


@pytest.mark.parametrize("accept", ENCODINGS)
def test_a_selector_that_cannot_be_narrowed(world, accept):
    answer = world.ask("sidecar", "GET", SECRETS + "?labelSelector=a%00", [("accept", accept)])
    status = status_of(answer, ENCODINGS[accept])
    assert answer.status == 400 and answer.get("retry-after") is None
    assert status is None or status["reason"] == "BadRequest"


@pytest.mark.parametrize("accept", ENCODINGS)
def test_a_write_without_the_lease(idle, accept):
    headers = [("accept", accept), ("content-type", JSON)]
    answer = idle.ask("sidecar", "POST", THINGS, headers, json.dumps({"metadata": {"name": "x"}}).encode())
    status = status_of(answer, ENCODINGS[accept])
    assert answer.status == 503 and answer.get("retry-after") == "1"
    assert status is None or (status["reason"], status["details"]["retryAfterSeconds"]) == ("ServiceUnavailable", 1)
    assert idle.api.find(THINGS + "/x") is None


def test_too_large_a_body_for_what_is_buffered(world):
    """Leases are read by the sidecar. The API server refuses the half of that."""
    lease = "/apis/coordination.k8s.io/v1/namespaces/default/leases/x"
    answer = world.ask("sidecar", "DELETE", SECRETS, [("content-type", JSON)], b"x" * (9 << 20))
    assert answer.status == 413 and status_of(answer, JSON)["reason"] == "RequestEntityTooLarge"
    answer = world.ask("sidecar", "PUT", lease, [("content-type", JSON)], b"x" * (4 << 20))
    assert answer.status == 413


@pytest.fixture
def another_authority(fidelity_cluster, tmp_path):
    """The cluster, as one sees it who was told another CA."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
                    tmp_path / "ca.key", "-out", tmp_path / "ca.crt", "-subj", "/CN=another"], check=True, capture_output=True)
    config = json.loads(fidelity_cluster.kubeconfig.read_text())
    authority = base64.b64encode((tmp_path / "ca.crt").read_bytes()).decode()
    config["clusters"][0]["cluster"]["certificate-authority-data"] = authority
    (tmp_path / "kubeconfig").write_text(json.dumps(config))
    return types.SimpleNamespace(server=fidelity_cluster.server, kubeconfig=tmp_path / "kubeconfig")


def test_the_certificate_of_the_api_server_is_verified(another_authority, world, tmp_path):
    """Not even a head goes to one that the CA has not signed for, and no credentials."""
    with Sidecar(tmp_path, another_authority, "shard-a", "a-secret-token") as sidecar:
        for path in ("/version", SECRETS):
            status, headers, body = sidecar.get(path)
            assert status == 503 and headers["retry-after"] == "1" and json.loads(body)["kind"] == "Status"
        assert b"certificate" in sidecar.get("/version")[2]
    assert not any("a-secret-token" in json.dumps(event) for event in world.cluster.audit_events())


def test_a_name_that_the_certificate_lacks(fidelity_cluster, world, tmp_path):
    """127.0.0.1 is in it, 127.0.0.2 is not; both lead to the API server if it listens there, and nowhere else if not."""
    elsewhere = types.SimpleNamespace(server=fidelity_cluster.server.replace("127.0.0.1", "127.0.0.2"),
                                      kubeconfig=fidelity_cluster.kubeconfig)
    with Sidecar(tmp_path, elsewhere, "shard-a", world.token) as sidecar:
        assert sidecar.get("/version")[0] == 503


def test_the_api_server_is_away_for_a_moment(world):
    """503 in the encoding that was asked for, and it may be asked again."""
    world.api.create(SECRETS, secret("mine", "shard-a"))
    world.cluster.stop("apiserver")
    try:
        for accept in (JSON, YAML, PROTOBUF):
            answer = world.ask("sidecar", "GET", SECRETS, [("accept", accept)])
            status_of(answer, accept)
            assert answer.status == 503 and answer.get("retry-after") == "1"
    finally:
        world.cluster.start("apiserver")
        world.cluster.wait_until_ready()
    eventually(lambda: world.ask("sidecar", "GET", THINGS).status == 200, 40, "it is back, with custom resources")
    assert b"mine" in world.ask("sidecar", "GET", SECRETS).body
