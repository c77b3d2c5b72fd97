"""A sidecar of a ring whose main resources are cluster-scoped, with children in namespaces and without."""

import json
import os

import pytest
import yaml
from ringside_cluster import Cluster
from sidecars import DRAIN_LABEL, RING, SHARD_LABEL, give_away, working
from support import RINGS, ROOT, Api, eventually

WIDGETS = "/apis/tests.example/v1/widgets"
NAMESPACES = "/api/v1/namespaces"
CLUSTERROLES = "/apis/rbac.authorization.k8s.io/v1/clusterroles"
MERGE = "application/merge-patch+json"
ANNOTATE = json.dumps({"metadata": {"annotations": {"a": "b"}}})

CRD = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
       "metadata": {"name": "widgets.tests.example"},
       "spec": {"group": "tests.example", "scope": "Cluster", "names": {"plural": "widgets", "kind": "Widget"},
                "versions": [{"name": "v1", "served": True, "storage": True,
                              "schema": {"openAPIV3Schema": {"type": "object"}}}]}}
# Of the app, and thereby of the sidecar. It may list ConfigMaps in the ring's namespaces only.
PERMISSIONS = [
    {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "app"},
     "rules": [{"apiGroups": ["tests.example"], "resources": ["widgets"], "verbs": ["*"]},
               {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["clusterroles"], "verbs": ["*"]},
               {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["*"]},
               {"apiGroups": ["sharding.timebertt.dev"], "resources": ["controllerrings"], "verbs": ["*"]}]},
    {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "app"},
     "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "app"},
     "subjects": [{"kind": "ServiceAccount", "name": "app", "namespace": "default"}]},
    {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "app-in-namespaces"},
     "rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["*"]},
               {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["*"]}]},
    *({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
       "metadata": {"name": "app", "namespace": namespace},
       "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "app-in-namespaces"},
       "subjects": [{"kind": "ServiceAccount", "name": "app", "namespace": "default"}]}
      for namespace in ("default", "second")),
]


@pytest.fixture(scope="module")
def cluster():
    with Cluster(f"cluster-scoped-{os.getpid()}", api_only=True, host_net=True) as running:
        running.kubectl("apply", "-f", str(ROOT / "deploy" / "crd" / "controllerrings.yaml"))
        running.kubectl("create", "namespace", "second")
        running.kubectl("create", "serviceaccount", "app", "-n", "default")
        running.kubectl("apply", "-f", "-", input=yaml.safe_dump_all([CRD, *PERMISSIONS]))
        yield running


@pytest.fixture(scope="module")
def api(cluster):
    api = Api.of_cluster(cluster)
    eventually(lambda: api.items(WIDGETS) == [], 20, "the CRD is served")
    give_away(api, "shard-b", ("secrets", "widgets", "configmaps", "clusterroles", "namespaces"))
    return api


def ring(api, main, controlled):
    """The ring's namespaces are named, as its children's are; its main resource is in none."""
    if api.find(f"{RINGS}/{RING}"):
        api.delete(f"{RINGS}/{RING}")
    selector = {"matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "In",
                                      "values": ["default", "second"]}]}
    resources = [{"group": group, "resource": resource} for group, resource in controlled]
    api.create(RINGS, {"apiVersion": "sharding.timebertt.dev/v1alpha1", "kind": "ControllerRing",
                       "metadata": {"name": RING},
                       "spec": {"resources": [{"group": main[0], "resource": main[1], "controlledResources": resources}],
                                "namespaceSelector": selector}})


@pytest.fixture
def widgets(tmp_path, cluster, api):
    ring(api, ("tests.example", "widgets"),
         [("", "configmaps"), ("rbac.authorization.k8s.io", "clusterroles")])
    with working(tmp_path, cluster, api, WIDGETS) as sidecar:
        yield sidecar
    for item in api.items(WIDGETS):
        api.delete(f"{WIDGETS}/{item['metadata']['name']}")


def widget(name, shard=None):
    labels = {SHARD_LABEL: shard} if shard else {}
    return {"apiVersion": "tests.example/v1", "kind": "Widget", "metadata": {"name": name, "labels": labels}}


def child(name, owner, shard=None):
    reference = {"apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": owner["metadata"]["name"],
                 "uid": owner["metadata"]["uid"], "controller": True}
    return {"metadata": {"name": name, "labels": {SHARD_LABEL: shard} if shard else {}, "ownerReferences": [reference]}}


def configmaps(namespace):
    return f"/api/v1/namespaces/{namespace}/configmaps"


def drain(api, path):
    """Until it is acknowledged."""
    api.patch(path, {"metadata": {"labels": {DRAIN_LABEL: "true"}}})
    eventually(lambda: api.get(path)["metadata"]["labels"][SHARD_LABEL] == "shard-b", 15, "acknowledged")


def write(sidecar, path, method="PATCH", body=ANNOTATE):
    """Code and message of a write of the app."""
    content_type = MERGE if method == "PATCH" else "application/json"
    code, _, text = sidecar.get(path, method=method, body=body, content_type=content_type)
    return code, json.loads(text).get("message", "")


def test_lists_show_the_shard_and_one_name_is_seen(widgets, api):
    for name, shard in (("mine", "shard-a"), ("theirs", "shard-b")):
        api.create(WIDGETS, widget(name, shard))
    assert widgets.names(WIDGETS) == ["mine"]
    assert widgets.get(f"{WIDGETS}/theirs")[0] == 200
    by_name = WIDGETS + "?fieldSelector=metadata.name%3Dtheirs"
    eventually(lambda: widgets.names(by_name) == ["theirs"], 10, "the resource is known to be cluster-scoped")


def test_children_in_every_namespace_and_in_none_move_before_their_owner(widgets, api, cluster):
    owner = api.create(WIDGETS, widget("moving", "shard-a"))
    children = [f"{configmaps('default')}/moving-1", f"{configmaps('second')}/moving-2", f"{CLUSTERROLES}/moving-3"]
    for path in children:
        collection, name = path.rsplit("/", 1)
        api.create(collection, child(name, owner, "shard-a"))
    drain(api, f"{WIDGETS}/moving")
    for path in children:
        assert api.get(path)["metadata"]["labels"] == {SHARD_LABEL: "shard-b"}, path
    releases = [event["objectRef"]["name"] for event in cluster.audit_events()
                if "fieldManager=sharding-sidecar" in event["requestURI"] and "moving" in event["objectRef"]["name"]]
    assert sorted(releases[:3]) == ["moving-1", "moving-2", "moving-3"] and releases[3:] == ["moving"]


def test_what_was_handed_over_is_fenced_with_children_everywhere(widgets, api):
    owner = api.create(WIDGETS, widget("gone", "shard-a"))
    for namespace in ("default", "second"):
        api.create(configmaps(namespace), child("gone", owner, "shard-a"))
        api.create(configmaps(namespace), child("other", api.create(WIDGETS, widget(f"o-{namespace}", "shard-a")), "shard-a"))
    drain(api, f"{WIDGETS}/gone")
    for path in (f"{WIDGETS}/gone", f"{configmaps('default')}/gone", f"{configmaps('second')}/gone"):
        code, message = write(widgets, path)
        assert code == 409 and "handed over" in message and '"gone"' in message, (path, message)
    for collection in (configmaps("default"), configmaps("second"), CLUSTERROLES):
        code, message = write(widgets, collection, "POST", json.dumps(child("new", owner)))
        assert code == 409 and "its owner is being handed over" in message and '"new"' in message, message
        assert api.find(f"{collection}/new") is None
    assert write(widgets, f"{configmaps('second')}/other")[0] == 200, "what is ours is not fenced"


def test_namespaces_as_the_main_resource(tmp_path, cluster, api):
    """A request for a Namespace names a namespace in its path, and the object is in none."""
    ring(api, ("", "namespaces"), [("", "configmaps")])
    with working(tmp_path, cluster, api, NAMESPACES) as sidecar:
        for name, shard in (("mine", "shard-a"), ("theirs", "shard-b")):
            api.create(NAMESPACES, {"metadata": {"name": name, "labels": {SHARD_LABEL: shard}}})
        assert sidecar.names(NAMESPACES) == ["mine"]
        assert sidecar.names(NAMESPACES + "?fieldSelector=metadata.name%3Dtheirs") == ["theirs"]
        assert write(sidecar, f"{NAMESPACES}/mine")[0] == 200
        drain(api, f"{NAMESPACES}/mine")
        code, message = write(sidecar, f"{NAMESPACES}/mine")
        assert code == 409 and "handed over" in message
        assert write(sidecar, f"{NAMESPACES}/mine/status")[0] == 409
