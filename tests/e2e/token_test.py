"""Tokens that the kubelet itself renews, while the controller writes.

The usual ones are good for an hour, and the kubelet renews them after 48 minutes. A volume of the user's own may ask for ten
minutes, the shortest there is: renewed after eight, refused after ten.
"""

import collections

import pytest
from checker.writes import POD_NAME
from world import CONTROLLER, SIDECAR, Moment

pytestmark = pytest.mark.long

ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
LIFETIME = 600  # seconds
CREDENTIAL = "authentication.kubernetes.io/credential-id"
VOLUME = {"name": "short-lived", "projected": {"sources": [
    {"serviceAccountToken": {"path": "token", "expirationSeconds": LIFETIME}},
    {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
    {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}]}}]}}


def with_short_lived_token(deployment):
    pod = deployment["spec"]["template"]["spec"]
    pod["volumes"] = [VOLUME]
    pod["containers"][0]["volumeMounts"] = [{"name": VOLUME["name"], "mountPath": ACCOUNT, "readOnly": True}]


def credentials(world, began, since, before):
    """(pod, container's user agent) -> the tokens it was seen with between so many seconds after that Moment."""
    seen = collections.defaultdict(set)
    for event in world.cluster.audit_events():
        extra = event["user"].get("extra", {})
        if POD_NAME in extra and since <= began.until(event["requestReceivedTimestamp"]) < before:
            seen[extra[POD_NAME][0], event.get("userAgent", "").split("/")[0]].update(extra.get(CREDENTIAL, []))
    return seen


def test_a_token_that_the_kubelet_renews(world, measurements):
    with world.deployed(with_short_lived_token):
        before = world.settle()
        pods = world.pods()
        began = Moment()
        slowest, count = 0, 0
        while began.elapsed() < LIFETIME + 60:
            world.api.create_secret(f"token-{count}")
            slowest = max(slowest, world.served(f"token-{count}", seconds=10))
            count += 1
            world.settle(seconds=10)
        end = began.elapsed()
        assert world.pods().keys() == pods.keys()
        for pod in pods:
            assert world.restarts(pod, CONTROLLER) == world.restarts(pod, SIDECAR) == 0
        seen = world.since(began, before)
        assert not seen.moves and not seen.drains and not seen.leases, "no shard was ever in doubt"
        early, late = credentials(world, began, 0, 60), credentials(world, began, end - 60, end)
        for who in {who for who in early if who[0] in pods}:
            assert early[who] and late[who] and not early[who] & late[who], (who, early[who], late[who])
        assert {who[0] for who in early} >= pods.keys()
        refused = [event for event in world.cluster.audit_events() if event.get("responseStatus", {}).get("code") == 401
                   and began.until(event["requestReceivedTimestamp"]) > 0]
        assert not refused, refused[0]
        measurements.record("a token renewed by the kubelet: longest until a new Secret was served", slowest,
                            note=f"{count} Secrets in {end:.0f} s")
