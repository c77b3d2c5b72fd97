"""What is read through the sidecar is what the API server says, byte for byte, of the objects that the shard has."""

import json
import urllib.parse

import pytest
from sidecars import SHARD_LABEL, secret

from fidelity.world import REQUIREMENT, THINGS, assert_same, assert_same_soon, filtered

SECRETS = "/api/v1/namespaces/default/secrets"
V1BETA1 = THINGS.replace("/v1/", "/v1beta1/")
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
TABLE = "application/json;as=Table;g=meta.k8s.io;v=v1"
METADATA = "as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
PROTOBUF = "application/vnd.kubernetes.protobuf"
ACCEPTS = ["application/json", PROTOBUF, "application/cbor", "application/yaml", TABLE, f"application/json;{METADATA}",
           f"{PROTOBUF};{METADATA}", f"application/cbor;{METADATA}", f"{TABLE},application/json", f"{PROTOBUF},application/json",
           "*/*", "text/html", "application/json;as=Nothing;g=x;v=y", ""]


@pytest.fixture(scope="module", autouse=True)
def objects(world):
    """Five Secrets, custom resources and Deployments of this shard each, and two of another."""
    for number in range(7):
        name, shard = (f"mine-{number}", "shard-a") if number < 5 else (f"theirs-{number}", "shard-b")
        labels = {"colour": "red" if number % 2 else "blue", "number": str(number)}
        body = secret(name, shard, labels)
        meta = body["metadata"]
        world.api.create(SECRETS, {**body, "stringData": {"key": "x" * 40_000}})
        world.api.create(THINGS, {"apiVersion": "fidelity.example/v1", "kind": "Thing", "metadata": meta,
                                  "spec": {"replicas": number, "colour": labels["colour"]}})
        pod = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "a", "image": "a"}]}}
        world.api.create(DEPLOYMENTS, {"metadata": meta, "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": pod}})


def same(world, path, selector=None, headers=(), client_path=None, method="GET"):
    """A list: `client_path` by the sidecar against `path` with what the sidecar is to add."""
    direct = filtered(path, selector)
    if client_path is None:
        client_path = path if selector is None else \
            path + ("&" if "?" in path else "?") + "labelSelector=" + urllib.parse.quote(selector, safe="")
    return assert_same_soon(lambda: world.both(method, client_path, headers, direct_path=direct))


def same_unfiltered(world, path, headers=(), method="GET"):
    return assert_same_soon(lambda: world.both(method, path, headers))


@pytest.mark.parametrize("accept", ACCEPTS)
def test_encodings(world, accept):
    headers = [("accept", accept)]
    for path in (SECRETS, "/api/v1/secrets", THINGS, V1BETA1, DEPLOYMENTS, "/apis/fidelity.example/v1/things"):
        answer = same(world, path, headers=headers)
        if answer.status == 200:
            assert b"mine-0" in answer.body and b"theirs" not in answer.body
    for path in (SECRETS + "/mine-0", SECRETS + "/theirs-5", THINGS + "/mine-0", V1BETA1 + "/mine-1", SECRETS + "/nothing",
                 DEPLOYMENTS + "/mine-0", DEPLOYMENTS + "/mine-0/scale", THINGS + "/mine-0/scale", THINGS + "/mine-0/status"):
        same_unfiltered(world, path, headers)


@pytest.mark.parametrize("coding", ["gzip", "identity", "gzip;q=0", "deflate, gzip", "br"])
def test_content_codings(world, coding):
    for accept in ("application/json", PROTOBUF):
        answer = same(world, SECRETS, headers=[("accept", accept), ("accept-encoding", coding)])
        if coding == "gzip":
            assert answer.get("content-encoding") == "gzip" and answer.body[:2] == b"\x1f\x8b"


@pytest.mark.parametrize("path", [SECRETS, "/api/v1/secrets", THINGS])
def test_lists_in_chunks(world, path):
    page = json.loads(same(world, path + "?limit=2").body)
    seen = [item["metadata"]["name"] for item in page["items"]]
    while page["metadata"].get("continue"):
        token = urllib.parse.quote(page["metadata"]["continue"], safe="")
        page = json.loads(same(world, f"{path}?limit=2&continue={token}").body)
        seen += [item["metadata"]["name"] for item in page["items"]]
    assert seen == [f"mine-{number}" for number in range(5)]


SELECTORS = ["colour=red", "colour==red", "colour!=red", "colour", "!colour", "colour in (red,blue)", "colour in (red)",
             "colour notin (red)", "number>2", "number<3", "colour=red,number!=1", "x", "!x", "x in ()", "colour in (,red)",
             " colour = red ", "colour=", "colour in (red),number in (1,3)", "x notin (y)", f"{SHARD_LABEL}=shard-b",
             f"{SHARD_LABEL}!=shard-a", f"{SHARD_LABEL} in (shard-a,shard-b)", f"!{SHARD_LABEL}", SHARD_LABEL, "colour=red=blue",
             "!!colour", "(", "colour=red)", "colour in", "number>x", "a/b/c=d", "-=x", "colour=" + "r" * 64, "colour\n=red"]
SPELLINGS = {"escaped": lambda text: urllib.parse.quote(text, safe=""),
             "raw": lambda text: urllib.parse.quote(text, safe="=,()!<>/"),
             "plus": lambda text: urllib.parse.quote_plus(text, safe="=,()!"),
             "every character": lambda text: "".join(f"%{byte:02x}" for byte in text.encode())}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_label_selectors_of_the_client_narrow(world, spelling):
    found = 0
    for selector in SELECTORS:
        client_path = f"{SECRETS}?labelSelector={SPELLINGS[spelling](selector)}"
        answer = same(world, SECRETS, selector, client_path=client_path)
        assert b"theirs" not in answer.body, selector
        found += b"mine" in answer.body
    assert found >= 10


def test_another_shards_selector_finds_nothing(world):
    """A known proxy takes the one for the other's replacement."""
    selector = urllib.parse.quote(f"{SHARD_LABEL}=shard-b", safe="")
    for path in (SECRETS, THINGS, "/api/v1/secrets", "/apis/fidelity.example/v1beta1/things"):
        for query in (f"labelSelector={selector}", f"labelSelector={SHARD_LABEL}=shard-b",
                      f"labelSelector=&labelSelector={selector}",
                      f"labelSelector={selector}&labelSelector={urllib.parse.quote(REQUIREMENT, safe='')}",
                      f"label%53elector={selector}", f"limit=5&labelSelector={selector}&pretty=true"):
            items = json.loads(world.ask("sidecar", "GET", f"{path}?{query}").body)["items"]
            # An empty selector is a first one, and the second one does not count.
            assert [item["metadata"]["name"] for item in items if "theirs" in item["metadata"]["name"]] == []
            assert (items == []) == (not query.startswith("labelSelector=&")), query


@pytest.mark.parametrize("query, selector", [
    ("labelSelector=colour=red&labelSelector=colour=blue", "colour=red"), ("labelSelector=&labelSelector=colour=blue", None),
    ("labelSelector&labelSelector=colour=blue", None), ("labelSelector=colour=red&limit=1", "colour=red"),
    ("x=y=z&a==b", None), ("x=%zz&labelSelector=colour=red", "colour=red"), ("a;b&labelSelector=colour=red", "colour=red"),
    ("&&labelSelector=colour%3dred&&", "colour=red"), ("LabelSelector=colour=red", None), ("=&=x&", None),
    ("resourceVersion=0", None), ("resourceVersion=1&resourceVersionMatch=NotOlderThan", None), ("resourceVersion=x", None),
    ("limit=x", None), ("pretty=true", None),
    ("continue=garbage", None), ("resourceVersionMatch=Exact", None), ("timeoutSeconds=10", None), ("x=" + "y" * 8000, None),
])
def test_queries(world, query, selector):
    """Whatever else is in the query is the API server's to judge; a raw "=" in a value is no error."""
    rest = "&".join(part for part in query.split("&") if not part.startswith(("labelSelector", "LabelSelector")))
    same(world, SECRETS + ("?" + rest if rest else ""), selector, client_path=f"{SECRETS}?{query}")


@pytest.mark.parametrize("path, selector", [
    (SECRETS, "type=Opaque"), (SECRETS, "type!=Opaque"), (SECRETS, "metadata.name!=mine-0"), (SECRETS, "x=y"),
    (SECRETS, "metadata.name"),
    ("/api/v1/secrets", "metadata.name=mine-0"), ("/api/v1/secrets", "metadata.namespace=default"), (THINGS, "spec.colour=red"),
    (THINGS, "spec.nothing=red"), ("/api/v1/secrets", "metadata.name=theirs-5"), (SECRETS, "metadata.name!=x,type=Opaque")])
def test_field_selectors_of_many(world, path, selector):
    same(world, path + "?fieldSelector=" + urllib.parse.quote(selector, safe=""))


@pytest.mark.parametrize("name", ["mine-0", "theirs-5", "nothing"])
def test_field_selectors_of_one_object_pass(world, name):
    for selector in (f"metadata.name={name}", f"metadata.name=={name},metadata.namespace=default"):
        same_unfiltered(world, f"{SECRETS}?fieldSelector={urllib.parse.quote(selector)}")


DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"


@pytest.mark.parametrize("path, accept", [
    ("/", "*/*"), ("/api", "application/json"), ("/apis", "application/json"), ("/api", DISCOVERY), ("/apis", DISCOVERY),
    ("/apis", PROTOBUF), ("/api/v1", "application/json"), ("/apis/apps", "application/json"), ("/apis/apps/v1", PROTOBUF),
    ("/apis/fidelity.example", "application/json"), ("/apis/fidelity.example/v1", "application/json"), ("/version", "*/*"),
    ("/apis/nothing", "application/json"), ("/healthz", "*/*"), ("/livez?verbose", "*/*"), ("/readyz/ping", "*/*"),
    ("/readyz?verbose&exclude=etcd", "*/*"), ("/healthz/nothing", "*/*"), ("/openapi/v2", "application/json"),
    ("/openapi/v3", "application/json"),
    ("/openapi/v2", "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"), ("/openapi/v3/api/v1", "application/json"),
    ("/openapi/v3/apis/apps/v1", "application/com.github.proto-openapi.spec.v3@v1.0+protobuf"), ("/openapi/v3/nothing", "*/*"),
    ("/.well-known/openid-configuration", "*/*"), ("/openid/v1/jwks", "*/*"), ("/nothing", "*/*"), ("/logs/", "*/*"),
    ("/api/v1/namespaces", TABLE), ("/api/v1/namespaces/default", "application/json"), ("/api/v1/componentstatuses", "*/*")])
def test_what_is_no_object_of_the_ring(world, path, accept):
    for coding in ("gzip", "identity"):
        same_unfiltered(world, path, [("accept", accept), ("accept-encoding", coding)])
    same_unfiltered(world, path, [("accept", accept)], method="HEAD")


def test_conditional_requests(world):
    for path, accept in (("/openapi/v3/api/v1", "application/json"), ("/apis", DISCOVERY)):
        etag = world.ask("direct", "GET", path, [("accept", accept)]).get("etag")
        answer = same_unfiltered(world, path, [("accept", accept), ("if-none-match", etag)])
        assert etag and answer.status == 304 and not answer.body


def test_metrics_are_served(world):
    direct, sidecar = world.both("GET", "/metrics")
    assert (sidecar.status, sidecar.get("content-type")) == (200, direct.get("content-type"))
    assert b"apiserver_request_total" in sidecar.body


def test_head_has_the_head_alone(world):
    for path in (SECRETS, SECRETS + "/mine-0", SECRETS + "/nothing"):
        answer = same_unfiltered(world, path, method="HEAD") if path != SECRETS else same(world, path, method="HEAD")
        assert answer.body == b""


def test_warnings_and_flow_control_headers_come_through(world):
    answer = same(world, V1BETA1)
    assert answer.get("warning") == '299 - "things v1beta1 is \\"old\\", use v1"'
    assert answer.get("x-kubernetes-pf-flowschema-uid") and answer.get("x-kubernetes-pf-prioritylevel-uid")


def test_the_audit_log_sees_the_client(world):
    """The same event by both ways, but for the query; and the client's own Audit-ID."""
    headers = [("user-agent", "a-controller/1.2"), ("audit-id", "00000000-0000-4000-8000-000000000001")]
    direct, sidecar = world.both("GET", SECRETS, headers)
    assert direct.get("audit-id") == sidecar.get("audit-id") == headers[1][1]
    events = [event for event in world.cluster.audit_events() if event["auditID"] == headers[1][1]]
    assert len(events) == 2 and SHARD_LABEL.replace("/", "%2F") in events[1]["requestURI"]
    for event in events:
        for name in ("requestURI", "requestReceivedTimestamp", "stageTimestamp"):
            del event[name]
        event.get("annotations", {}).pop("apiserver.latency.k8s.io/total", None)
    assert events[0] == events[1] and events[0]["userAgent"] == "a-controller/1.2"


def test_without_credentials_it_goes_on_without(world):
    """Never with the sidecar's own."""
    for headers in ([], [("authorization", "Bearer nonsense")], [("authorization", "")], [("authorization", "Basic eDp5")]):
        for path in (SECRETS, "/api/v1/nodes", "/version", "/apis"):
            with world.open("direct") as direct, world.open("sidecar") as sidecar:
                answers = direct.request("GET", path, headers), sidecar.request("GET", path, headers)
            assert_same(*answers)
            if path != "/version":
                assert answers[1].status in (401, 403)


def test_impersonation_is_the_api_servers_affair(world):
    headers = [("impersonate-user", "somebody"), ("impersonate-group", "a"), ("impersonate-group", "b")]
    answer = same(world, SECRETS, headers=headers)
    assert answer.status == 403 and b"somebody" in answer.body
