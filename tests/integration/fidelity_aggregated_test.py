"""Resources of an aggregated API server (k8s.io/sample-apiserver, registered with an APIService) through the sidecar.

Its Flunders are a main resource of the ring: filtered and guarded as any other, assigned by the webhook, which the aggregated
API server calls itself, and handed over. Its Fischers are not of the ring.
"""

import itertools
import json
import os
import subprocess

import pytest
from credentials import Authority
from fidelity_reads_test import ACCEPTS, same, same_unfiltered
from fidelity_watches_test import SECOND, WATCHLIST, all_at_once
from fidelity_watches_test import same as same_watch
from fidelity_writes_test import PATCHES, compare
from rings import RING_LABEL
from sidecars import DRAIN_LABEL, RING, SHARD_LABEL, Program
from support import LEASES, RINGS, ROOT, Api, Central, eventually, free_port, micro_time

from fidelity.world import SHARD, assert_same, beside, running_cluster

pytestmark = pytest.mark.long  # builds another API server
GROUP = "/apis/wardle.example.com"
VERSIONS = ("v1alpha1", "v1beta1")
FLUNDERS = GROUP + "/v1alpha1/namespaces/default/flunders"
FISCHERS = GROUP + "/v1alpha1/fischers"
OTHER = "shard-b"
RESOURCES = [{"group": "", "resource": "secrets"}, {"group": "wardle.example.com", "resource": "flunders"}]


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    path = tmp_path_factory.mktemp("bin") / "sample-apiserver"
    subprocess.run(["go", "build", "-trimpath", "-ldflags", "-s -w", "-buildvcs=false", "-o", str(path), "."],
                   cwd=ROOT / "tests" / "support" / "sample-apiserver", env={**os.environ, "CGO_ENABLED": "0"}, check=True)
    return path


def aggregation_flags(folder):
    """With what kube-apiserver shows an aggregated one that it is the one who asks, and for whom."""
    front = Authority.make(folder / "front-proxy")
    front.issue(folder / "front-proxy" / "client.key", "front-proxy-client", folder / "front-proxy" / "client.crt")
    headers = {"username-headers": "X-Remote-User", "group-headers": "X-Remote-Group", "extra-headers-prefix": "X-Remote-Extra-",
               "allowed-names": "front-proxy-client", "client-ca-file": front.certificate}
    return [*(f"requestheader-{name}={value}" for name, value in headers.items()),
            f"proxy-client-cert-file={folder}/front-proxy/client.crt", f"proxy-client-key-file={folder}/front-proxy/client.key"]


def register(api, port):
    """A Service without a cluster's network: by its name it is this machine."""
    api.create("/api/v1/namespaces/default/services", {"metadata": {"name": "wardle"}, "spec": {
        "type": "ExternalName", "externalName": "localhost", "ports": [{"port": port}]}})
    for version in VERSIONS:
        api.create("/apis/apiregistration.k8s.io/v1/apiservices", {
            "metadata": {"name": f"{version}.wardle.example.com"},
            "spec": {"group": "wardle.example.com", "version": version, "groupPriorityMinimum": 1000, "versionPriority": 15,
                     "insecureSkipTLSVerify": True, "service": {"name": "wardle", "namespace": "default", "port": port}}})


class AggregatedServer(Program):
    def __init__(self, path, cluster, folder, port):
        access = [f"--{name}kubeconfig={cluster.kubeconfig}" for name in ("", "authentication-", "authorization-")]
        super().__init__(path, [*access, f"--secure-port={port}", "--bind-address=127.0.0.1", f"--cert-dir={folder}",
                                f"--etcd-servers=unix://{cluster.state_dir}/etcd.sock"], folder / "sample-apiserver.log")


def token_of_pod(api, name):
    """The fence knows the shard by it. The pod never runs."""
    spec = {"serviceAccountName": "app", "containers": [{"name": "app", "image": "app"}]}
    api.create("/api/v1/namespaces/default/pods", {"metadata": {"name": name}, "spec": spec})
    bound = {"apiVersion": "v1", "kind": "Pod", "name": name}
    return api.create("/api/v1/namespaces/default/serviceaccounts/app/token",
                      {"spec": {"expirationSeconds": 3600, "boundObjectRef": bound}})["status"]["token"]


@pytest.fixture(scope="module")
def world(program, folder):
    port = free_port()
    with running_cluster("aggregated", folder, aggregation_flags(folder)) as cluster, \
            AggregatedServer(program, cluster, folder, port) as server, \
            beside(cluster, folder, token_of_pod(Api.of_cluster(cluster), SHARD)) as world:
        register(world.api, port)
        for path in (FLUNDERS, FISCHERS):
            eventually(lambda path=path: world.api.get(path), 60, f"{path} is served")
        world.api.patch(f"{RINGS}/{RING}", {"spec": {"resources": RESOURCES}})
        for number in range(5):
            world.api.create(FLUNDERS, flunder(f"mine-{number}" if number < 3 else f"theirs-{number}",
                                               SHARD if number < 3 else OTHER))
        world.api.create(FISCHERS, {"apiVersion": "wardle.example.com/v1alpha1", "kind": "Fischer", "metadata": {"name": "one"}})
        eventually(lambda: names(world) == ["mine-0", "mine-1", "mine-2"], 30, "the sidecar knows the ring")
        world.server = server
        yield world


def flunder(name, shard=None):
    labels = {SHARD_LABEL: shard} if shard else {}
    return {"apiVersion": "wardle.example.com/v1alpha1", "kind": "Flunder", "metadata": {"name": name, "labels": labels}}


def names(world, way="sidecar"):
    answer = world.ask(way, "GET", FLUNDERS)
    assert answer.status == 200, bytes(answer.body)
    return sorted(item["metadata"]["name"] for item in json.loads(bytes(answer.body))["items"])


def test_discovery(world):
    aggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    for path in ("/apis", GROUP, *(f"{GROUP}/{version}" for version in VERSIONS), "/openapi/v3/apis/wardle.example.com/v1alpha1"):
        for accept in ("application/json", aggregated, "application/vnd.kubernetes.protobuf"):
            same_unfiltered(world, path, [("accept", accept)])
    assert b"flunders" in same_unfiltered(world, GROUP + "/v1alpha1").body


@pytest.mark.parametrize("accept", ACCEPTS)
def test_reads(world, accept):
    headers = [("accept", accept)]
    for path in (FLUNDERS, FLUNDERS.replace("v1alpha1", "v1beta1"), GROUP + "/v1alpha1/flunders", FLUNDERS + "?limit=2",
                 FLUNDERS + "?resourceVersion=0"):
        answer = same(world, path, headers=headers)
        if answer.status == 200:
            assert b"mine-0" in answer.body and b"theirs" not in answer.body
    for path in (FLUNDERS + "/mine-0", FLUNDERS + "/theirs-3", FLUNDERS + "/nothing", FISCHERS, FISCHERS + "/one"):
        same_unfiltered(world, path, headers)


def test_watches(world):
    since = f"watch=1&{SECOND}"
    watches = [(f"{path}?{query}", sharded, accept) for accept in ACCEPTS[:4]
               for path, sharded in ((FLUNDERS, True), (GROUP + "/v1beta1/flunders", True), (FISCHERS, False))
               for query in (since, f"{since}&{WATCHLIST}", f"{since}&resourceVersion=1", f"{since}&resourceVersion=0")]
    for _ in range(6):  # a bookmark may have come between the two
        watches, pairs = [], all_at_once(world, watches)
        for watch, one, other in pairs:
            assert not watch[1] or b"theirs" not in other.body, watch
            if not same_watch(one, other):
                watches.append(watch)
        if not watches:
            break
    for watch, one, other in pairs:
        print(watch)
        assert_same(one, other)


def test_writes(world):
    body = {**flunder("NAME", "shard-a"), "spec": {"reference": "mine-0"}}
    merge = {"metadata": {"annotations": {"a": "b"}}}

    def story(us):
        us.tell("POST", FLUNDERS + "?dryRun=All", body)
        us.tell("POST", FLUNDERS + "?fieldValidation=Strict", {**body, "unknown": 1})
        us.tell("POST", FLUNDERS, body)
        us.tell("POST", FLUNDERS, body)
        one = us.tell("GET", FLUNDERS + "/NAME")
        us.tell("PUT", FLUNDERS + "/NAME", bytes(one.body))
        stale = json.loads(bytes(one.body))
        stale["metadata"]["resourceVersion"] = "1"
        us.tell("PUT", FLUNDERS + "/NAME", stale)
        for kind in ("merge", "strategic"):
            us.tell("PATCH", FLUNDERS + "/NAME", merge, PATCHES[kind])
        us.tell("PATCH", FLUNDERS + "/NAME", [{"op": "remove", "path": "/metadata/annotations"}], PATCHES["json"])
        us.tell("PATCH", FLUNDERS + "/NAME?fieldManager=a", json.dumps(body), PATCHES["apply"])
        us.tell("PATCH", FLUNDERS + "/nothing", merge, PATCHES["merge"])
        us.tell("DELETE", FLUNDERS + "/NAME?dryRun=All")
        us.tell("DELETE", FLUNDERS + "/NAME")
        us.tell("DELETE", FLUNDERS + "/NAME")
    answers = compare(world, story)
    assert sum(answer.status in (200, 201) for answer in answers) >= 8, [answer.status for answer in answers]


def shards(api):
    """Shard and drain label of every Flunder."""
    labels = [item["metadata"].get("labels", {}) for item in api.items(FLUNDERS)]
    return [(each.get(SHARD_LABEL), DRAIN_LABEL in each) for each in labels]


def test_sharded(world, folder):
    """The second shard is a Lease alone: what is handed over to it stays."""
    api, numbers = world.api, itertools.count()
    api.create("/api/v1/namespaces", {"metadata": {"name": "sharding-system"}})
    with Central(folder, "central", world.cluster.kubeconfig):
        def labels_of_a_new_one():
            return api.create(FLUNDERS, flunder(f"new-{next(numbers)}"))["metadata"].get("labels")
        eventually(lambda: labels_of_a_new_one() == {SHARD_LABEL: SHARD}, 60, "the aggregated API server calls the webhook")
        eventually(lambda: set(shards(api)) == {(SHARD, False)}, 60, "the other shard's objects move to the one that there is")
        api.create(LEASES.format("default"), {
            "metadata": {"name": OTHER, "labels": {RING_LABEL: RING}},
            "spec": {"holderIdentity": OTHER, "leaseDurationSeconds": 3600, "acquireTime": micro_time(),
                     "renewTime": micro_time()}})
        for number in range(10):
            api.create(FLUNDERS, flunder(f"more-{number}"))
        eventually(lambda: set(shards(api)) == {(SHARD, False), (OTHER, False)}, 60, "the sidecar hands over")
        handed_over = next(item["metadata"]["name"] for item in api.items(FLUNDERS)
                           if item["metadata"]["labels"][SHARD_LABEL] == OTHER)
        body = json.dumps({"metadata": {"annotations": {"a": "b"}}}).encode()
        headers = [("content-type", PATCHES["merge"]), ("content-length", str(len(body)))]
        answer = world.ask("direct", "PATCH", f"{FLUNDERS}/{handed_over}", headers, body)
        assert answer.status in (403, 422) and f"controllerring-{RING}" in bytes(answer.body).decode(), bytes(answer.body)
        mine = names(world)
        assert mine and handed_over not in mine
        assert world.ask("direct", "PATCH", f"{FLUNDERS}/{mine[0]}", headers, body).status == 200


def test_an_aggregated_api_server_that_is_gone(world, program, folder):
    """Both ways hear from kube-apiserver that it is; the sidecar and its Lease are not concerned."""
    world.server.kill()
    eventually(lambda: world.ask("direct", "GET", FISCHERS).status == 503, 60, "it is missed")
    assert [answer.status for answer in world.both("GET", FISCHERS)] == [503, 503]
    assert [answer.status for answer in world.both("GET", FLUNDERS)] == [503, 503]
    assert world.process.ready()
    assert world.ask("sidecar", "GET", "/api/v1/namespaces/default/secrets").status == 200
