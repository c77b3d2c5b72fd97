"""Every odd request is read by the sidecar as it is by the API server; its audit log says how that was.

Where the two differ, objects of other shards could get by unfiltered.
"""

import json
import subprocess
import time
import uuid

import pytest
from sidecars import secret
from support import ApiError, eventually, program

from fidelity.odd_requests import all_requests
from fidelity.world import THINGS

RING_RESOURCES = ["secrets", "configmaps", "pods", "deployments.apps", "things.fidelity.example"]
KEYS = ("verb", "group", "version", "namespace", "resource", "subresource", "name")
SECRETS = "/api/v1/namespaces/default/secrets"
FOREIGN = b"what-is-of-another-shard"
# On one connection at a time: the API server takes 100 streams.
BATCH = 90


@pytest.fixture
def objects(world):
    """mine and theirs, as Secrets and as custom resources."""
    for name, shard in (("mine", "shard-a"), ("theirs", "shard-b")):
        body = secret(name, shard)
        body["metadata"]["annotations"] = {"mark": FOREIGN.decode() if name == "theirs" else "mine"}
        thing = {"apiVersion": "fidelity.example/v1", "kind": "Thing", "metadata": body["metadata"], "spec": {"replicas": 1}}
        world.api.create(SECRETS, body)
        world.api.create(THINGS, thing)
    yield world
    world.clean()


def send_all(world, way, requests):
    """For each its Audit-ID and its answer. Watches are cancelled when they have told what there is."""
    results = []
    for begin in range(0, len(requests), BATCH):
        with world.open(way) as connection:
            streams = []
            for method, target in requests[begin:begin + BATCH]:
                audit_id = str(uuid.uuid4())
                stream = connection.start(method, target, [*world.authorization(), ("audit-id", audit_id)])
                streams.append(stream)
                results.append((audit_id, connection.answers[stream]))
            settle(connection, streams)
    return results


def settle(connection, streams):
    deadline, begun = time.monotonic() + 30, {}
    while streams:
        assert time.monotonic() < deadline
        connection.pump(0.1)
        now, waiting = time.monotonic(), []
        for stream in streams:
            answer = connection.answers[stream]
            if answer.ended or answer.reset is not None:
                continue
            if answer.status and now - begun.setdefault(stream, now) > 0.5:
                connection.cancel(stream)
            else:
                waiting.append(stream)
        streams = waiting


def audited(world, results):
    """The events of the audit log by their ids, for all that the API server has come to read."""
    ids = {audit_id for audit_id, answer in results if is_read(answer)}
    found = {}

    def complete():
        found.update({event["auditID"]: event for event in world.cluster.audit_events() if event["auditID"] in ids})
        return len(found) == len(ids)

    eventually(complete, 10, "all is in the audit log")
    return found


def is_read(answer):
    """False: refused by Go's HTTP server, or before anything was made of it."""
    return answer.reset != 1 and not (answer.status == 500 and b"failed to create RequestInfo" in answer.body)


def classified(requests):
    lines = "".join(f"{method} {target}\n" for method, target in requests)
    command = [program("ringside-classify"), *RING_RESOURCES]
    output = subprocess.run(command, input=lines, text=True, capture_output=True, check=True)
    return [json.loads(line) for line in output.stdout.splitlines()]


def in_our_words(event):
    ref = event.get("objectRef", {})
    names = {"group": "apiGroup", "version": "apiVersion"}
    return {"verb": event["verb"], **{key: ref.get(names.get(key, key), "") for key in KEYS if key != "verb"}}


def test_every_request_is_read_as_by_the_api_server(world):
    requests = all_requests()
    assert len(requests) > 800
    results = send_all(world, "direct", requests)
    events = audited(world, results)
    assert len(events) > 0.98 * len(requests)
    differing = []
    for request, (audit_id, answer), ours in zip(requests, results, classified(requests)):
        if audit_id not in events:
            continue
        theirs = in_our_words(events[audit_id])
        if not ours["resourceRequest"]:
            ours = {**dict.fromkeys(KEYS, ""), "verb": ours["verb"]}
        if answer.status == 400 and ours["verb"] in ("list", "deletecollection"):
            theirs["name"] = ours["name"]  # the field selector of a malformed list is not looked at (request_info.h)
        if any(ours[key] != theirs[key] for key in KEYS):
            differing.append((request, answer.status, {key: (ours[key], theirs[key]) for key in KEYS}))
    print(f"\nmeasured: {len(events)} of {len(requests)} requests compared with the audit log")
    assert not differing, "\n".join(map(str, differing))


def test_no_request_shows_many_objects_of_other_shards(objects):
    requests = [request for request in all_requests() if request[0] not in ("PUT", "PATCH", "POST", "DELETE")]
    results = send_all(objects, "sidecar", requests)
    shown = {audit_id for audit_id, answer in results if FOREIGN in answer.body}
    mine = sum(1 for _, answer in results if b"mine" in answer.body)
    assert mine > 50 and len(shown) > 10, "the requests are such that something could be seen"
    events = audited(objects, [(audit_id, answer) for audit_id, answer in results if audit_id in shown])
    for audit_id, event in events.items():
        ref = event.get("objectRef", {})
        one_namespace = ref.get("namespace") or "metadata.namespace" in event["requestURI"] or event["verb"] == "get"
        assert ref.get("name") == "theirs" and one_namespace, event["requestURI"]


def test_no_request_deletes_many_objects_of_other_shards(objects):
    deletes = [request for request in all_requests() if request[0] in ("DELETE", "DELETECOLLECTION", "LIST")]
    deletes = [request for request, ours in zip(deletes, classified(deletes)) if ours["verb"] != "delete"]
    assert len(deletes) > 100
    send_all(objects, "sidecar", deletes)
    for path in (SECRETS, THINGS):
        assert objects.api.find(path + "/theirs"), path
    with pytest.raises(ApiError):
        objects.api.get(SECRETS + "/mine")
