"""Central with the permissions of a time before the fence: it goes on without, and says so."""

import time

import pytest

from fence_test import PREFIX, FencedRing, touch
from support import RINGS, Central, eventually, write_kubeconfig

POLICY_RESOURCES = ["validatingadmissionpolicies", "validatingadmissionpolicybindings"]


def restricted_kubeconfig(api, cluster, folder, serviceaccount, keep):
    """A kubeconfig for a ServiceAccount that may all that central may but for policies, of which it may `keep`."""
    roles = "/apis/rbac.authorization.k8s.io/v1/clusterroles"
    accounts = "/api/v1/namespaces/sharding-system/serviceaccounts"
    api.create(accounts, {"metadata": {"name": serviceaccount}})
    rules = [rule for rule in api.get(f"{roles}/sharding:sharder")["rules"]
             if not any("validatingadmission" in resource for resource in rule["resources"])]
    api.create(roles, {"metadata": {"name": serviceaccount}, "rules": rules + keep})
    subject = {"kind": "ServiceAccount", "name": serviceaccount, "namespace": "sharding-system"}
    for role in (serviceaccount, "rings-of-the-tests"):
        api.create("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", {
            "metadata": {"name": f"{serviceaccount}-{role}"}, "subjects": [subject],
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role}})
    api.create("/apis/rbac.authorization.k8s.io/v1/namespaces/sharding-system/rolebindings", {
        "metadata": {"name": serviceaccount}, "subjects": [subject],
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "sharder"}})
    return write_kubeconfig(folder / serviceaccount, cluster, api.token("sharding-system", serviceaccount))


@pytest.fixture
def ring(api, request):
    name = request.node.name.removeprefix("test_")[:40].strip("_").replace("_", "-")
    ring = FencedRing(api, name)
    yield ring
    api.delete(f"{RINGS}/{ring.name}")


def says_what_is_missing(ring, verb, resource):
    condition = ring.condition()
    return (condition.get("status"), condition.get("reason")) == ("False", "PermissionMissing") and all(
        part in condition["message"] for part in (verb, resource, "the API server does not fence them", f"{PREFIX}/fence"))


def test_no_permission_at_all(api, cluster, folder, ring):
    ring.add_shard("a")
    with Central(folder, "old-rbac", restricted_kubeconfig(api, cluster, folder, "old-rbac", [])) as process:
        eventually(process.ready, 15, "central is ready without fences")
        ring.wait_until_assigning()
        eventually(lambda: says_what_is_missing(ring, "list", POLICY_RESOURCES[1]), 10)
        print(f"\nsaid: {ring.condition()['message']}")
        ring.annotate(fence="off", label_protection="off")
        eventually(lambda: ring.condition()["status"] == "True", 10, "the annotations end the complaint")
        ring.annotate(fence=None)
        eventually(lambda: ring.condition()["status"] == "False", 10)
        allowed = [{"apiGroups": ["admissionregistration.k8s.io"], "resources": POLICY_RESOURCES,
                    "verbs": ["get", "list", "watch", "create", "patch", "delete"]}]
        role = "/apis/rbac.authorization.k8s.io/v1/clusterroles/old-rbac"
        api.patch(role, {"rules": api.get(role)["rules"] + allowed})
        ring.wait_until_fenced()
        eventually(lambda: ring.condition()["status"] == "True", 10, "with the permission all is well, without a restart")
        changes = [line for line in process.log().splitlines()
                   if "its available shards changed" in line and f'"{ring.name}"' in line]
        assert len(changes) == 1, "the shard was never taken out"
        process.terminate()  # so that the next one need not wait for its Lease


def test_policies_may_be_seen_but_not_made(api, cluster, folder, ring):
    keep = [{"apiGroups": ["admissionregistration.k8s.io"], "resources": POLICY_RESOURCES, "verbs": ["list", "watch"]}]
    with Central(folder, "read-only", restricted_kubeconfig(api, cluster, folder, "read-only", keep)) as process:
        eventually(process.leading, 40)
        ring.create_secret("x")
        began = time.monotonic()
        ring.add_shard("a")
        eventually(lambda: says_what_is_missing(ring, "patch", POLICY_RESOURCES[0]), 10)
        eventually(lambda: ring.shards(ring.secrets) == {"x": "a"}, 40, "availability wins")
        print(f"\nmeasured: fence impossible: first shard to objects assigned {time.monotonic() - began:.1f} s")
        touch(ring.pod("b"), f"{ring.secrets}/x")
        process.terminate()
    # Another process does not wait once more, nor does it take the shard for a new one.
    with Central(folder, "read-only-again", folder / "read-only") as process:
        eventually(process.leading, 40)
        ring.wait_until_assigning()
        assert not [line for line in process.log().splitlines() if "waits for its fence" in line and f'"{ring.name}"' in line]
        process.terminate()
