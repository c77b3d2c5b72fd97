"""Writes through the sidecar: the same story told by both ways about objects of equally long names, and what is answered.

What differs by nature (identities, times, revisions) is blanked out, so that everything else must be the same.
"""

import json
import re

import pytest
from sidecars import SHARD_LABEL, secret

from fidelity.world import REQUIREMENT, THINGS, assert_same, fields, filtered

SECRETS = "/api/v1/namespaces/default/secrets"
CONFIGMAPS = "/api/v1/namespaces/default/configmaps"
PODS = "/api/v1/namespaces/default/pods"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
V1BETA1 = THINGS.replace("/v1/", "/v1beta1/")
JSON = "application/json"
PATCHES = {"json": "application/json-patch+json", "merge": "application/merge-patch+json",
           "strategic": "application/strategic-merge-patch+json", "apply": "application/apply-patch+yaml",
           "cbor": "application/apply-patch+cbor"}
LABELS = {SHARD_LABEL: "shard-a"}


class Story:
    """Tells its steps by one way; NAME in paths and bodies is this way's own object."""

    def __init__(self, world, way):
        self.world, self.way = world, way
        self.name = {"direct": "by-direct", "sidecar": "by-sidecr"}[way]
        self.steps = []

    def tell(self, method, path, body=None, content_type=JSON, accept=JSON, **headers):
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
        if isinstance(body, str):
            body = body.replace("NAME", self.name).encode()
        path = path.replace("NAME", self.name)
        lines = [("accept", accept), *((name.replace("_", "-"), value) for name, value in headers.items())]
        if body is not None:
            lines += [("content-type", content_type), ("content-length", str(len(body)))]
        answer = self.world.ask(self.way, method, path, lines, body)
        self.steps.append((method, path.replace(self.name, "NAME"), content_type, answer))
        return answer


BLANKS = [(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", b"UID"),
          (rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", b"TIME"), (rb'"resourceVersion": ?"\d+"', b"REVISION"),
          (rb"by-direct|by-sidecr", b"NAME"), (rb'"token":"[^"]+"', b"TOKEN"), (rb"-[a-z0-9]{5}\b", b"-RANDOM"),
          (rb"latest version and try again|resourceVersion: \d+", b"")]


def blanked(body):
    for pattern, text in BLANKS:
        body = re.sub(pattern, text, body)
    return body


def compare(world, story, accepted=None):
    """Returns the answers by the sidecar."""
    stories = [Story(world, way) for way in ("direct", "sidecar")]
    for one in stories:
        story(one)
    assert len(stories[0].steps) == len(stories[1].steps)
    statuses = []
    for (method, path, content_type, direct), (*_, sidecar) in zip(*(one.steps for one in stories)):
        where = (method, path, content_type, bytes(direct.body[:300]), bytes(sidecar.body[:300]))
        statuses.append(sidecar.status)
        assert (sidecar.status, sidecar.ended, sidecar.reset) == (direct.status, direct.ended, direct.reset), where
        if direct.get("content-type") == JSON:
            assert blanked(bytes(sidecar.body)) == blanked(bytes(direct.body)), where
        ignored = ("content-length",)  # revisions and times may get longer
        assert [field for field in fields(sidecar) if field[0] not in ignored] == \
            [field for field in fields(direct) if field[0] not in ignored], where
    if accepted is not None:
        assert statuses == accepted
    return [answer for *_, answer in stories[1].steps]


@pytest.fixture(autouse=True)
def clean(world):
    yield
    world.clean()


def named(kind, version="v1", **rest):
    return {"apiVersion": version, "kind": kind, "metadata": {"name": "NAME", "labels": LABELS}, **rest}


@pytest.mark.parametrize("path, body", [
    (SECRETS, named("Secret", stringData={"a": "b"})), (CONFIGMAPS, named("ConfigMap", data={"a": "b"})),
    (THINGS, named("Thing", "fidelity.example/v1", spec={"replicas": 1, "colour": "red"})),
    (V1BETA1, named("Thing", "fidelity.example/v1beta1", spec={"replicas": 1})),
    ("/api/v1/namespaces/default/serviceaccounts", named("ServiceAccount"))])
def test_the_life_of_an_object(world, path, body):
    def story(us):
        us.tell("POST", path + "?dryRun=All", body)
        us.tell("GET", path + "/NAME")
        us.tell("POST", path + "?fieldManager=a&fieldValidation=Strict&pretty=true", body)
        us.tell("POST", path, body)
        one = us.tell("GET", path + "/NAME")
        us.tell("PUT", path + "/NAME", bytes(one.body))
        us.tell("PUT", path + "/NAME?dryRun=All", {**json.loads(one.body), "x": 1})
        stale = json.loads(one.body)
        stale["metadata"]["resourceVersion"] = "1"
        us.tell("PUT", path + "/NAME", stale)
        us.tell("PUT", path + "/other", bytes(one.body))
        us.tell("DELETE", path + "/NAME", {"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": {"uid": "x"}})
        us.tell("DELETE", path + "/NAME?dryRun=All")
        options = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"}
        us.tell("DELETE", path + "/NAME?propagationPolicy=Foreground&gracePeriodSeconds=0", options)
        us.tell("DELETE", path + "/NAME", options)
        us.tell("DELETE", path + "/NAME")
        us.tell("GET", path + "/NAME")
    compare(world, story)


@pytest.mark.parametrize("path, kind, version", [(SECRETS, "Secret", "v1"), (THINGS, "Thing", "fidelity.example/v1"),
                                                 (DEPLOYMENTS, "Deployment", "apps/v1")])
def test_patches_of_every_kind(world, path, kind, version):
    merge = {"metadata": {"annotations": {"a": "b"}}}

    def story(us):
        applied = json.dumps(named(kind, version, **({"spec": DEPLOYMENT} if kind == "Deployment" else {})))
        for _ in range(2):
            us.tell("PATCH", path + "/NAME?fieldManager=a", applied, PATCHES["apply"])
        for force in ("", "&force=true"):
            other = applied.replace(f'"{kind}", "metadata": {{', f'"{kind}", "metadata": {{"annotations": {{"x": "{force}y"}}, ')
            us.tell("PATCH", path + "/NAME?fieldManager=b" + force, other, PATCHES["apply"])
        us.tell("PATCH", path + "/NAME?fieldManager=c", applied.replace('"shard-a"', '"shard-a", "l": "m"'), PATCHES["apply"])
        us.tell("PATCH", path + "/NAME", applied, PATCHES["apply"])
        us.tell("PATCH", path + "/NAME", [{"op": "add", "path": "/metadata/annotations", "value": {"c": "d"}}], PATCHES["json"])
        us.tell("PATCH", path + "/NAME", [{"op": "test", "path": "/metadata/name", "value": "x"}], PATCHES["json"])
        us.tell("PATCH", path + "/NAME", merge, PATCHES["merge"])
        us.tell("PATCH", path + "/NAME?dryRun=All&fieldManager=z", merge, PATCHES["merge"])
        us.tell("PATCH", path + "/NAME", merge, PATCHES["strategic"])
        us.tell("PATCH", path + "/NAME?fieldManager=d", b"\xd9\xd9\xf7\xa0", PATCHES["cbor"])
        us.tell("PATCH", path + "/NAME", "{", PATCHES["merge"])
        us.tell("PATCH", path + "/NAME", merge, "application/x-nothing")
        us.tell("PATCH", path + "/NAME/status", {"status": {"replicas": 2}}, PATCHES["merge"])
        us.tell("PATCH", path + "/NAME/scale", {"spec": {"replicas": 2}}, PATCHES["merge"])
        us.tell("PATCH", path + "/nothing", merge, PATCHES["merge"])
    answers = compare(world, story)
    assert sum(answer.status in (200, 201) for answer in answers) >= 8


POD_SPEC = {"serviceAccountName": "app", "automountServiceAccountToken": False, "containers": [{"name": "a", "image": "a"}]}
DEPLOYMENT = {"selector": {"matchLabels": {"a": "b"}}, "template": {"metadata": {"labels": {"a": "b"}}, "spec": POD_SPEC}}


def test_subresources(world):
    def story(us):
        for path, kind, version in ((DEPLOYMENTS, "Deployment", "apps/v1"), (THINGS, "Thing", "fidelity.example/v1")):
            us.tell("POST", path, named(kind, version, spec={**DEPLOYMENT, "replicas": 1}))
            one = json.loads(us.tell("GET", path + "/NAME/status").body)
            us.tell("PUT", path + "/NAME/status", {**one, "status": {"replicas": 3}})
            scale = json.loads(us.tell("GET", path + "/NAME/scale").body)
            scale["spec"]["replicas"] = 7
            us.tell("PUT", path + "/NAME/scale", scale)
            us.tell("GET", path + "/NAME/nothing")
            us.tell("POST", path + "/NAME/status", one)
        us.tell("POST", PODS, named("Pod", spec=POD_SPEC))
        us.tell("GET", PODS + "/NAME/log")
        us.tell("GET", PODS + "/NAME/ephemeralcontainers")
        us.tell("PATCH", PODS + "/NAME/ephemeralcontainers",
                {"spec": {"ephemeralContainers": [{"name": "e", "image": "e"}]}}, PATCHES["strategic"])
        us.tell("PATCH", PODS + "/NAME/resize", {"spec": {"containers": [{"name": "a", "resources": {"limits": {"cpu": "1"}}}]}},
                PATCHES["strategic"])
        us.tell("POST", PODS + "/NAME/binding", {"target": {"kind": "Node", "name": "n"}, "metadata": {"name": "NAME"}})
        us.tell("GET", PODS + "/NAME/log?tailLines=1")
        us.tell("GET", PODS + "/NAME/proxy/x?y=z")
        us.tell("POST", PODS + "/NAME/eviction?dryRun=All", {"apiVersion": "policy/v1", "kind": "Eviction",
                                                             "metadata": {"name": "NAME"}})
        us.tell("POST", PODS + "/NAME/eviction", {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "NAME"},
                                                  "deleteOptions": {"gracePeriodSeconds": 0}})
        us.tell("POST", PODS + "/NAME/eviction", {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "NAME"}})
        us.tell("POST", "/api/v1/namespaces/default/serviceaccounts/app/token", {"spec": {"expirationSeconds": 3600}})
        us.tell("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", {"spec": {"resourceAttributes": {
            "verb": "list", "resource": "secrets"}}})
        us.tell("POST", "/apis/authentication.k8s.io/v1/tokenreviews", {"spec": {"token": "x"}})
        us.tell("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", {})
        us.tell("PUT", "/api/v1/namespaces/default/finalize", {})
        us.tell("POST", "/api/v1/namespaces/default/events", {"metadata": {"name": "NAME"},
                                                              "involvedObject": {"namespace": "default"}})
    answers = compare(world, story)
    assert sum(answer.status in (200, 201) for answer in answers) >= 15


@pytest.mark.parametrize("accept", ["application/vnd.kubernetes.protobuf", "application/yaml", "application/cbor"])
def test_bodies_in_other_encodings(world, accept):
    """What comes in an encoding goes back in it. CBOR and protobuf are compared by status, fields and size."""
    def story(us):
        for path, kind, version in ((SECRETS, "Secret", "v1"), (THINGS, "Thing", "fidelity.example/v1")):
            us.tell("POST", path, named(kind, version))
            one = us.tell("GET", path + "/NAME", accept=accept)
            us.tell("PUT", path + "/NAME", bytes(one.body), accept, accept)
            us.tell("DELETE", path + "/NAME", accept=accept)
            us.tell("POST", path, bytes(one.body), accept, accept)  # has a resourceVersion
            us.tell("GET", path + "/NAME", accept=accept)
    compare(world, story)


def test_what_the_api_server_refuses(world):
    def story(us):
        body = named("Secret")
        for text, content_type in (("", JSON), ("{", JSON), ("null", JSON), ("[]", JSON), ("{}", JSON),
                                   ("a: b: c", "application/yaml"), ("x", "application/vnd.kubernetes.protobuf"),
                                   ("{}", "text/plain"),
                                   ("{}", "x"), ("{}", "")):
            us.tell("POST", SECRETS, text, content_type)
        us.tell("POST", SECRETS, {**body, "kind": "Pod"})
        us.tell("POST", SECRETS, {**body, "metadata": {"name": "A_B"}})
        us.tell("POST", SECRETS, {**body, "metadata": {"name": "x", "namespace": "other"}})
        us.tell("POST", SECRETS, {**body, "data": {"a": "no base64"}})
        us.tell("POST", "/api/v1/secrets", body)
        us.tell("POST", "/api/v1/namespaces/nowhere/secrets", body)
        us.tell("POST", SECRETS + "?fieldValidation=Strict", {**body, "unknown": 1})
        us.tell("POST", SECRETS + "?dryRun=x", body)
        us.tell("PUT", SECRETS, body)
        us.tell("PATCH", SECRETS, {}, PATCHES["merge"])
        us.tell("FOO", SECRETS + "/NAME", body)
        us.tell("OPTIONS", SECRETS)
        us.tell("TRACE", SECRETS)
        us.tell("POST", SECRETS, body, accept="text/html")
        us.tell("POST", SECRETS, body, impersonate_user="nobody")
    compare(world, story)


def test_warnings_of_writes(world):
    def story(us):
        us.tell("POST", V1BETA1 + "?fieldValidation=Warn", named("Thing", "fidelity.example/v1beta1"))
        us.tell("POST", SECRETS + "?fieldValidation=Warn", {**named("Secret"), "one": 1, "two": 2})
    answers = compare(world, story)
    assert [len([name for name, _ in answer.headers if name == "warning"]) for answer in answers] == [1, 2]


def test_generated_names(world):
    body = {"metadata": {"generateName": "generated-", "labels": LABELS}}
    answers = compare(world, lambda us: us.tell("POST", CONFIGMAPS, body))
    assert json.loads(answers[0].body)["metadata"]["name"].startswith("generated-")


@pytest.mark.parametrize("selector", [None, "colour=red"])
def test_deletecollection_of_the_shard(world, selector):
    def make():
        for name, shard in (("mine", "shard-a"), ("other", "shard-a"), ("theirs", "shard-b")):
            world.api.create(SECRETS, secret(name, shard, {"colour": "red" if name != "other" else "blue"}))

    make()
    path = SECRETS + "?dryRun=All" + (f"&labelSelector={selector}" if selector else "")
    direct, sidecar = world.both("DELETE", path, direct_path=filtered(SECRETS + "?dryRun=All", selector))
    assert (sidecar.status, fields(sidecar), blanked(bytes(sidecar.body))) == \
        (direct.status, fields(direct), blanked(bytes(direct.body)))
    options = json.dumps({"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"}).encode()
    world.ask("sidecar", "DELETE", path.replace("dryRun=All&", "").replace("?dryRun=All", ""), [("content-type", JSON)], options)
    assert [item["metadata"]["name"] for item in world.api.items(SECRETS)] == (["other", "theirs"] if selector else ["theirs"])


@pytest.mark.parametrize("size", [3_000_000, 3_145_728 + 1000, 7_000_000, 20_000_000])
def test_large_bodies(world, size):
    """The API server takes 3 MiB, and says so of more."""
    def body(name):
        thing = {"apiVersion": "fidelity.example/v1", "kind": "Thing", "metadata": {"name": name, "labels": LABELS},
                 "spec": {"t": ""}}
        text = json.dumps(thing)
        return text.replace('"t": ""', '"t": "' + "x" * (size - len(text)) + '"').encode()

    headers = [("content-type", JSON), ("content-length", str(size))]
    path = THINGS + "?dryRun=All"
    direct, sidecar = world.both("POST", path, headers, body("large"))
    assert (sidecar.status, len(sidecar.body)) == (direct.status, len(direct.body)), bytes(sidecar.body[:300])
    assert sidecar.status == (201 if size < 3_145_728 else 413)
    if size > 3_145_728:
        assert_same(direct, sidecar)


def test_selectors_of_the_ring_are_no_part_of_what_is_written(world):
    """The label comes from the webhook, never from the sidecar."""
    answer = world.ask("sidecar", "POST", SECRETS, [("content-type", JSON)], json.dumps({"metadata": {"name": "plain"}}).encode())
    assert answer.status == 201 and REQUIREMENT.encode() not in answer.body and b"labels" not in answer.body
