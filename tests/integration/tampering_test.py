"""Somebody changes or deletes what central keeps for a ring in the API server: it is put back at once, and without end
neither alone nor against somebody who insists."""

import copy
import time

import pytest

from fence_test import BINDINGS, POLICIES, FencedRing
from support import RINGS, WEBHOOKS, eventually


@pytest.fixture(scope="module")
def ring(api, central):
    ring = FencedRing(api, "tampering")
    ring.add_shard("a")
    ring.wait_until_fenced()
    ring.wait_until_assigning()
    eventually(lambda: ring.api.find(ring.label_binding))
    yield ring
    api.delete(f"{RINGS}/{ring.name}")


def spoil_webhook(body):
    body["webhooks"][0]["rules"] = body["webhooks"][0]["rules"][:1]


def spoil_policy(body):
    body["spec"]["validations"][0]["expression"] = "true"


def spoil_binding(body):
    body["spec"]["validationActions"] = ["Audit"]


def spoil_labels(body):
    del body["metadata"]["labels"]


OBJECTS = {
    f"{WEBHOOKS}/controllerring-tampering": spoil_webhook,
    f"{POLICIES}/controllerring-tampering": spoil_policy,
    f"{BINDINGS}/controllerring-tampering": spoil_binding,
    f"{POLICIES}/controllerringlabels-tampering": spoil_policy,
    f"{BINDINGS}/controllerringlabels-tampering": spoil_labels,
}


def content(api, path):
    """What of the object is central's."""
    body = api.find(path)
    return body and {"labels": body["metadata"].get("labels"), "annotations": body["metadata"].get("annotations"),
                     "spec": body.get("spec"), "webhooks": body.get("webhooks")}


def applies(cluster):
    """How often central has applied an object of the ring."""
    return sum(event["verb"] == "patch" and event["objectRef"]["name"] in {path.rpartition("/")[2] for path in OBJECTS}
               and "sharder" in event["user"]["username"] for event in cluster.audit_events())


def settled(cluster, seconds=10):
    """The number of applies, once it has stayed the same for so long."""
    before, since = applies(cluster), time.monotonic()
    while time.monotonic() - since < seconds:
        time.sleep(0.5)
        now = applies(cluster)
        assert now - before < 20, "it does not come to rest"
        if now != before:
            before, since = now, time.monotonic()
    return before


def test_what_was_changed_or_deleted_is_back_at_once_and_then_there_is_rest(ring, api, cluster):
    good = {path: content(api, path) for path in OBJECTS}
    before = settled(cluster, 1)
    for path, spoil in OBJECTS.items():
        body = api.get(path)
        spoilt = copy.deepcopy(body)
        spoil(spoilt)
        api.request("PUT", path, spoilt)
        eventually(lambda path=path: content(api, path) == good[path], 10, f"{path} is as it was")
    changed = settled(cluster)
    assert len(OBJECTS) <= changed - before <= 2 * len(OBJECTS)
    for path in OBJECTS:
        uid = api.get(path)["metadata"]["uid"]
        api.delete(path)
        eventually(lambda path=path, uid=uid: api.get(path)["metadata"]["uid"] != uid and content(api, path) == good[path], 15,
                   f"{path} is back")
    ring.wait_until_fenced()
    # The binding of the fence once without, and once with the ServiceAccounts for which it is in force.
    assert len(OBJECTS) <= settled(cluster, 2) - changed <= 2 * len(OBJECTS) + 2


def test_somebody_who_insists_is_met_with_patience(ring, api, cluster):
    path, good = f"{WEBHOOKS}/controllerring-{ring.name}", ring.webhook()
    before, edits, began = applies(cluster), 0, time.monotonic()
    while time.monotonic() - began < 5:
        body = ring.webhook()
        if len(body["webhooks"][0]["rules"]) == 2:
            spoil_webhook(body)
            api.request("PUT", path, body)
            edits += 1
        time.sleep(0.02)
    assert 2 <= edits <= 5, "intervals grow from half a second on"
    assert applies(cluster) - before <= 2 * edits
    eventually(lambda: ring.webhook()["webhooks"][0]["rules"] == good["webhooks"][0]["rules"], 40, "it is put back in the end")
