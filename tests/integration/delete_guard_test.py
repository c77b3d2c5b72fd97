"""Deletes and creates of children through the sidecar of shard-a, by an app that is not a controller: which pass, and which
do not."""

import contextlib
import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from sidecars import (CONFIGMAPS, DRAIN_LABEL, LEASES, RING, SECRETS, SHARD_LABEL, Sidecar, app_cluster, connected,
                      end_give_away, give_away, secret, working)
from support import RINGS, Api, ApiError, eventually

CONTROLLED = [{"group": "", "resource": "configmaps"}]
SECRETS_WITH_CONFIGMAPS = {"group": "", "resource": "secrets", "controlledResources": CONTROLLED}


@pytest.fixture(scope="module")
def cluster():
    with app_cluster("delete-guard", "secrets", "configmaps") as running:
        yield running


@pytest.fixture(scope="module")
def api(cluster):
    api = Api.of_cluster(cluster)
    eventually(lambda: api.items(RINGS) == [], 20, "the CRD is served")
    return api


def set_ring(api, *resources):
    """The first is a resource that the API server does not have: of that kind nothing can be an owner."""
    spec = {"resources": [{"group": "", "resource": "absents", "controlledResources": CONTROLLED}, *resources]}
    if api.find(f"{RINGS}/{RING}"):
        api.patch(f"{RINGS}/{RING}", {"spec": spec})
    else:
        api.create(RINGS, {"apiVersion": "sharding.timebertt.dev/v1alpha1", "kind": "ControllerRing",
                           "metadata": {"name": RING}, "spec": spec})


@pytest.fixture(scope="module")
def sidecar(tmp_path_factory, cluster, api):
    set_ring(api, SECRETS_WITH_CONFIGMAPS)
    with working(tmp_path_factory.mktemp("sidecar"), cluster, api, SECRETS) as process:
        yield process


@pytest.fixture(autouse=True)
def clean(api):
    """Nothing of one test is there in the next."""
    yield
    for path in (CONFIGMAPS, SECRETS):
        for item in api.items(path):
            if item["metadata"]["name"] != "kube-root-ca.crt":
                api.delete(f"{path}/{item['metadata']['name']}")


def create_child(api, name, owner=None, shard="shard-a", labels=None):
    references = [{"apiVersion": "v1", "kind": "Secret", "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"],
                   "controller": True}] if owner else []
    labels = {**({SHARD_LABEL: shard} if shard else {}), **(labels or {})}
    return api.create(CONFIGMAPS, {"metadata": {"name": name, "labels": labels, "ownerReferences": references}})


def delete(sidecar, path, body=None):
    """-> HTTP status, message"""
    status, _, text = sidecar.get(path, method="DELETE", body=body)
    return status, json.loads(text).get("message", "")


def test_a_shard_that_is_back_without_central_makes_no_second_children(tmp_path, cluster, api):
    """Central has moved the children of a shard that was dead, and died itself before it could move their owner.

    Before all others, whose sidecar holds the Lease of the shard."""
    set_ring(api, SECRETS_WITH_CONFIGMAPS)
    state = "alpha.sharding.timebertt.dev/state"
    lease = f"{LEASES.format('default')}/shard-a"
    api.create(LEASES.format("default"), {
        "metadata": {"name": "shard-a", "labels": {"alpha.sharding.timebertt.dev/controllerring": RING, state: "dead"}},
        "spec": {"holderIdentity": "", "leaseDurationSeconds": 15, "leaseTransitions": 1}})
    left, whole = (api.create(SECRETS, secret(name, "shard-a")) for name in ("left", "whole"))
    create_child(api, "moved", left, shard="shard-b")
    create_child(api, "not-moved", whole)
    with working(tmp_path, cluster, api, SECRETS) as back:
        assert api.get(lease)["metadata"]["labels"][state] == "dead", "it goes on without central"
        status, message = create(back, left, generateName="child-")
        assert status == 409 and "children of its owner are on another shard" in message, message
        status, message = create(back, whole, generateName="child-")
        assert status == 409 and "its owner has only just become this replica's" in message, message
        eventually(lambda: create(back, whole, generateName="child-")[0] == 201, 5, "its children have stayed")
        # Central is back and says so, but has not brought the two together yet.
        api.patch(lease, {"metadata": {"labels": {state: "ready"}}})
        time.sleep(3)  # the Lease is renewed every two seconds
        status, message = create(back, left, generateName="child-")
        assert status == 409 and "children of its owner are on another shard" in message, message
        api.patch(f"{CONFIGMAPS}/moved", {"metadata": {"labels": {SHARD_LABEL: "shard-a"}}})
        eventually(lambda: create(back, left, generateName="child-")[0] == 201, 10, "as ever")


def test_the_child_of_anothers_object_stays_and_the_owner_is_named(sidecar, api):
    create_child(api, "child", api.create(SECRETS, secret("theirs", "shard-b")))
    status, message = delete(sidecar, f"{CONFIGMAPS}/child")
    assert status == 409 and 'configmaps "child"' in message, message
    assert "the owner secrets default/theirs is not this replica's; try again" in message
    assert api.find(f"{CONFIGMAPS}/child")


def create(sidecar, owner, timeout=15, labels=None, webhook=True, **name):
    """With the label that the webhook would set, if it answers. -> HTTP status, message"""
    reference = {"apiVersion": "v1", "kind": "Secret", "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"],
                 "controller": True}
    labels = {**({SHARD_LABEL: "shard-a"} if webhook else {}), **(labels or {})}
    child = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {**name, "labels": labels, "ownerReferences": [reference]}}
    status, _, text = sidecar.get(CONFIGMAPS, method="POST", body=json.dumps(child), timeout=timeout)
    return status, json.loads(text).get("message", "")


def test_for_an_owner_that_has_just_come_a_child_without_a_name_must_be_asked_for_again(sidecar, api):
    new = api.create(SECRETS, secret("new", "shard-a"))
    assert create(sidecar, new, generateName="child-")[0] == 201, "it has been ours from the beginning"

    owner = api.create(SECRETS, secret("comes", "shard-b"))
    move = {"metadata": {"labels": {SHARD_LABEL: "shard-a"}}}
    api.patch(f"{SECRETS}/comes?fieldManager=controllersharding", move)
    status, message = create(sidecar, owner, generateName="child-")
    assert status == 409 and "its owner has only just become this replica's; try again" in message, message
    assert create(sidecar, owner, name="child")[0] == 201, "nobody makes this one twice"
    eventually(lambda: create(sidecar, owner, generateName="child-")[0] == 201, 5, "the second try")


def assert_waits_for_a_shard(sidecar, owner, api):
    for _ in range(8):
        status, message = create(sidecar, owner, generateName="child-")
        assert status == 409 and "on another shard, or on none yet" in message, message
        time.sleep(0.1)
    for item in api.items(CONFIGMAPS):
        if "ownerReferences" in item["metadata"]:
            api.patch(f"{CONFIGMAPS}/{item['metadata']['name']}", {"metadata": {"labels": {SHARD_LABEL: "shard-a"}}})
    eventually(lambda: create(sidecar, owner, generateName="child-")[0] == 201, 5, "central has assigned them")


@pytest.mark.parametrize("sidecar_too", [False, True], ids=["the controller", "controller and sidecar"])
def test_what_was_made_without_a_shard_is_not_made_anew_after_a_restart_of(tmp_path, cluster, api, sidecar_too):
    """No webhook answers. A controller that goes on remembers what it has made."""
    def start():
        token = api.token("default", "app")
        return pod.enter_context(Sidecar(tmp_path, cluster, "shard-a", token, ["--leader-election=off"]))
    set_ring(api, SECRETS_WITH_CONFIGMAPS)
    owner = api.create(SECRETS, secret("ours", "shard-a"))
    with contextlib.ExitStack() as pod:
        sidecar = start()
        with connected(sidecar, SECRETS):
            for _ in range(2):
                assert create(sidecar, owner, webhook=False, generateName="child-")[0] == 201
        eventually(lambda: "ringside_sidecar_controller_connections 0\n" in sidecar.http(sidecar.status_port, "/metrics")[1], 5)
        if sidecar_too:
            sidecar.signal("KILL")
            sidecar = start()
        with connected(sidecar, SECRETS), sidecar.watching(f"{CONFIGMAPS}?watch=true"):
            assert_waits_for_a_shard(sidecar, owner, api)
    api.delete(LEASES.format("default") + "/shard-a")


def test_children_without_a_shard_are_not_made_anew_where_their_owner_comes(sidecar, api):
    owner = api.create(SECRETS, secret("comes", "shard-b"))
    create_child(api, "left", owner, shard=None)
    api.patch(f"{SECRETS}/comes?fieldManager=controllersharding", {"metadata": {"labels": {SHARD_LABEL: "shard-a"}}})
    status, message = create(sidecar, owner, generateName="child-")
    assert status == 409 and "its owner has only just become this replica's; try again" in message, message
    time.sleep(0.6)
    assert_waits_for_a_shard(sidecar, owner, api)


def test_while_the_watch_of_the_children_is_away_none_of_them_can_have_come(sidecar, api):
    """As after a restart of the API server: the owner came before it, and the children's watch is not open again."""
    owner = api.create(SECRETS, secret("comes", "shard-b"))
    with sidecar.watching(f"{CONFIGMAPS}?watch=true"):
        time.sleep(0.6)
    api.patch(f"{SECRETS}/comes?fieldManager=sharding-sidecar", {"metadata": {"labels": {SHARD_LABEL: "shard-a"}}})
    for _ in range(4):
        status, message = create(sidecar, owner, generateName="child-")
        assert status == 409 and "its owner has only just become this replica's; try again" in message, message
        time.sleep(0.4)
    with sidecar.watching(f"{CONFIGMAPS}?watch=true"):
        assert create(sidecar, owner, generateName="child-")[0] == 409, "it has only just begun"
        eventually(lambda: create(sidecar, owner, generateName="child-")[0] == 201, 5, "the watch is open again")


def test_a_sidecar_that_is_new_to_the_controller_waits_for_its_watches(tmp_path, cluster, api):
    """Killed alone, while an owner comes: of the controller's watches, that of the children is the last to be back."""
    with working(tmp_path, cluster, api, SECRETS):
        pass
    with working(tmp_path, cluster, api, SECRETS) as restarted:
        owner = api.create(SECRETS, secret("comes", "shard-b"))
        api.patch(f"{SECRETS}/comes?fieldManager=sharding-sidecar", {"metadata": {"labels": {SHARD_LABEL: "shard-a"}}})
        for _ in range(4):
            status, message = create(restarted, owner, generateName="child-")
            # The latest of two reasons, a moment apart: the owner has come, and so has this sidecar.
            reasons = ("its owner has only just become this replica's", "one for the same owner ended without a clear answer")
            assert status == 409 and any(reason in message for reason in reasons), message
            time.sleep(0.4)
        with restarted.watching(f"{CONFIGMAPS}?watch=true"):
            eventually(lambda: create(restarted, owner, generateName="child-")[0] == 201, 5, "the watch is open again")


@contextlib.contextmanager
def slow_webhook(api, policy, seconds, operation, resource):
    """One that never answers, for what is labelled slow: the API server gives it up after some seconds, and fails the request
    or lets it pass."""
    configurations = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
    with socket.create_server(("127.0.0.1", 0)) as silent:
        webhook = {"name": "silent.example.com", "sideEffects": "None", "admissionReviewVersions": ["v1"],
                   "failurePolicy": policy, "timeoutSeconds": seconds,
                   "clientConfig": {"url": f"https://127.0.0.1:{silent.getsockname()[1]}"},
                   "objectSelector": {"matchLabels": {"slow": "true"}},
                   "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": [operation], "resources": [resource]}]}
        api.create(configurations, {"metadata": {"name": "silent"}, "webhooks": [webhook]})
        yield
        api.delete(f"{configurations}/silent")


@pytest.fixture
def slow_creates(api):
    with slow_webhook(api, "Fail", 2, "CREATE", "configmaps"):
        yield


@pytest.mark.parametrize("what", ["a server error", "no answer, to a client that has gone"])
def test_after_a_create_that_may_have_succeeded_the_next_waits(sidecar, api, slow_creates, what):
    owner = api.create(SECRETS, secret("ours", "shard-a"))
    slow = {"generateName": "child-", "labels": {"slow": "true"}}
    with sidecar.watching(f"{CONFIGMAPS}?watch=true"):
        eventually(lambda: create(sidecar, owner, **slow)[0] == 500, 10, "the webhook is asked")
        eventually(lambda: create(sidecar, owner, generateName="child-")[0] == 201, 5)
        if what == "a server error":
            assert create(sidecar, owner, **slow)[0] == 500
        else:
            with pytest.raises(TimeoutError):
                create(sidecar, owner, timeout=1, **slow)
            time.sleep(0.1)
        status, message = create(sidecar, owner, generateName="child-")
        assert status == 409 and "one for the same owner ended without a clear answer" in message, message
        assert create(sidecar, owner, name="child")[0] == 201, "nobody makes this one twice"
        eventually(lambda: create(sidecar, owner, generateName="child-")[0] == 201, 5, "the second try")


@pytest.fixture
def no_acknowledgements(api):
    """What the sidecar releases goes to shard-b, but it may not release Secrets."""
    give_away(api, "shard-b")
    policies = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolic"
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["secrets"], "operations": ["UPDATE"]}
    api.create(f"{policies}ies", {"metadata": {"name": "no-release"}, "spec": {
        "failurePolicy": "Fail", "matchConstraints": {"resourceRules": [rule]},
        "validations": [{"expression": "request.options.?fieldManager.orValue('') != 'sharding-sidecar'"}]}})
    api.create(f"{policies}ybindings", {"metadata": {"name": "no-release"},
                                        "spec": {"policyName": "no-release", "validationActions": ["Deny"]}})
    api.create(SECRETS, secret("probe"))

    def refused():
        try:
            api.patch(f"{SECRETS}/probe?fieldManager=sharding-sidecar", {"metadata": {"labels": {"a": str(time.time())}}})
        except ApiError as error:
            return error.code == 422
        return False
    eventually(refused, 15, "the policy is in force")
    yield
    api.delete(f"{policies}ybindings/no-release")
    api.delete(f"{policies}ies/no-release")
    eventually(lambda: not refused(), 15, "the policy is not in force any more")
    end_give_away(api)


def test_children_that_a_handover_has_left_elsewhere_are_not_made_anew(sidecar, api, no_acknowledgements):
    owner = api.create(SECRETS, secret("stays", "shard-a"))
    create_child(api, "parted", owner)
    assert create(sidecar, owner, generateName="child-")[0] == 201
    api.patch(f"{SECRETS}/stays", {"metadata": {"labels": {DRAIN_LABEL: "true"}}})

    def children():
        return [item for item in api.items(CONFIGMAPS) if item["metadata"].get("labels", {}).get(SHARD_LABEL)]
    eventually(lambda: {item["metadata"]["labels"][SHARD_LABEL] for item in children()} == {"shard-b"}, 15, "all are released")
    api.patch(f"{SECRETS}/stays", {"metadata": {"labels": {DRAIN_LABEL: None}}})
    eventually(lambda: "is being handed over" not in create(sidecar, owner, generateName="child-")[1], 5, "it is in service again")
    for _ in range(8):
        status, message = create(sidecar, owner, generateName="child-")
        assert status == 409 and "children of its owner are on another shard" in message, message
        time.sleep(0.1)
    for item in children():
        api.patch(f"{CONFIGMAPS}/{item['metadata']['name']}", {"metadata": {"labels": {SHARD_LABEL: "shard-a"}}})
    with sidecar.watching(f"{CONFIGMAPS}?watch=true"):
        eventually(lambda: "children of its owner have only just come back" in create(sidecar, owner, generateName="child-")[1], 5)
        eventually(lambda: create(sidecar, owner, generateName="child-")[0] == 201, 5, "central has brought them back")


def test_children_of_anothers_object_are_not_created(sidecar, api):
    theirs = api.create(SECRETS, secret("theirs", "shard-b"))
    status, message = create(sidecar, theirs, generateName="child-")
    assert status == 409 and "its owner is not this replica's" in message, message


def test_the_child_of_an_own_object_may_go_with_the_options_of_the_request(sidecar, api):
    child = create_child(api, "child", api.create(SECRETS, secret("ours", "shard-a")))
    options = {"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": {"uid": "another"}}
    status, message = delete(sidecar, f"{CONFIGMAPS}/child", json.dumps(options))
    assert status == 409 and "sidecar" not in message, "the API server judges the body that was held back for the check"
    options["preconditions"]["uid"] = child["metadata"]["uid"]
    assert delete(sidecar, f"{CONFIGMAPS}/child", json.dumps(options))[0] == 200
    assert api.find(f"{CONFIGMAPS}/child") is None


def test_the_child_of_an_object_that_has_just_come_stays_for_a_moment(sidecar, api):
    create_child(api, "child", api.create(SECRETS, secret("coming", "shard-b")))
    api.patch(f"{SECRETS}/coming?fieldManager=sharding-sidecar", {"metadata": {"labels": {SHARD_LABEL: "shard-a"}}})
    status, message = delete(sidecar, f"{CONFIGMAPS}/child")
    assert status == 409 and "the owner secrets default/coming has only just become this replica's" in message, message
    eventually(lambda: delete(sidecar, f"{CONFIGMAPS}/child")[0] == 200, 6, "it may be deleted")


def test_an_arrival_counts_from_when_it_is_seen_and_not_from_when_its_write_began(sidecar, api):
    """A webhook that does not answer holds up the write of the label for longer than the guard waits."""
    slow = api.create(SECRETS, {"metadata": {"name": "slow", "labels": {SHARD_LABEL: "shard-b", "slow": "true"}}})
    create_child(api, "child", slow)

    def patch(metadata):
        """-> seconds that it took"""
        began = time.monotonic()
        api.patch(f"{SECRETS}/slow?fieldManager=sharding-sidecar", {"metadata": metadata})
        return time.monotonic() - began

    with slow_webhook(api, "Ignore", 5, "UPDATE", "secrets"), ThreadPoolExecutor(1) as pool:
        eventually(lambda: patch({"annotations": {"time": str(time.time())}}) > 4, 20, "the webhook is asked")
        arrival = pool.submit(patch, {"labels": {SHARD_LABEL: "shard-a"}})
        refused = 0
        while not arrival.done():
            status, message = delete(sidecar, f"{CONFIGMAPS}/child")
            assert status == 409, message
            refused += "is not this replica's" in message
            time.sleep(0.01)
        assert arrival.result() > 4 and refused
        status, message = delete(sidecar, f"{CONFIGMAPS}/child")
        assert status == 409 and "has only just become this replica's" in message, message
    eventually(lambda: delete(sidecar, f"{CONFIGMAPS}/child")[0] == 200, 3, "it may be deleted")


def test_children_of_what_is_gone_may_go(sidecar, api):
    create_child(api, "child", {"metadata": {"name": "gone", "uid": "of-old"}})
    assert delete(sidecar, f"{CONFIGMAPS}/child")[0] == 200
    api.create(SECRETS, secret("gone", "shard-b"))
    create_child(api, "child", {"metadata": {"name": "gone", "uid": "of-old"}})
    assert delete(sidecar, f"{CONFIGMAPS}/child")[0] == 200, "another object has the owner's name"


def test_anothers_child_stays_though_its_owner_is_ours(sidecar, api):
    create_child(api, "child", api.create(SECRETS, secret("ours", "shard-a")), shard="shard-b")
    status, message = delete(sidecar, f"{CONFIGMAPS}/child")
    assert status == 409 and "since it is not this replica's" in message, message


def test_without_an_owner_it_may_go(sidecar, api):
    create_child(api, "lonely")
    assert delete(sidecar, f"{CONFIGMAPS}/lonely")[0] == 200
    create_child(api, "outside", api.create(SECRETS, secret("outside")), shard=None)
    assert delete(sidecar, f"{CONFIGMAPS}/outside")[0] == 200, "the ring has neither"


def test_what_is_gone_is_answered_by_the_api_server(sidecar):
    status, message = delete(sidecar, f"{CONFIGMAPS}/never-was")
    assert status == 404 and message == 'configmaps "never-was" not found'


def test_a_collection_goes_as_a_whole_or_not_at_all(sidecar, api):
    ours = api.create(SECRETS, secret("ours", "shard-a"))
    theirs = api.create(SECRETS, secret("theirs", "shard-b"))
    red = {"colour": "red"}
    for number in range(3):
        create_child(api, f"red-{number}", ours, labels=red)
    create_child(api, "red-z", theirs, labels=red)
    create_child(api, "red-others", theirs, shard="shard-b", labels=red)
    create_child(api, "blue", theirs)
    status, message = delete(sidecar, CONFIGMAPS + "?labelSelector=colour%3Dred")
    assert status == 409 and "the owner secrets default/theirs is not" in message, message
    assert len(api.items(CONFIGMAPS, "colour=red")) == 5, "nothing is deleted"
    api.delete(f"{CONFIGMAPS}/red-z")
    status, message = delete(sidecar, CONFIGMAPS + "?labelSelector=colour%3Dred")
    assert status == 200, message
    assert [item["metadata"]["name"] for item in api.items(CONFIGMAPS, "colour=red")] == ["red-others"]
    assert api.find(f"{CONFIGMAPS}/blue")


def test_children_that_come_ahead_of_their_owner_during_the_check_stay(sidecar, api):
    red = {"colour": "red"}
    for number in range(60):
        create_child(api, f"red-{number}", api.create(SECRETS, secret(f"ours-{number}", "shard-a")), labels=red)
    theirs = api.create(SECRETS, secret("theirs", "shard-b"))
    for attempt in range(1, 11):
        arrived = []
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(delete, sidecar, CONFIGMAPS + "?labelSelector=colour%3Dred")
            time.sleep(0.03 * attempt)
            while not answer.done():
                arrived.append(f"arrived-{attempt}-{len(arrived)}")
                create_child(api, arrived[-1], theirs, labels=red)
        there = {item["metadata"]["name"] for item in api.items(CONFIGMAPS, "colour=red")}
        assert there >= set(arrived), "they came with the label of this shard, and their owner is on its way"
        status, message = answer.result()
        if status == 200 and arrived:
            assert there == set(arrived)
            return
        assert status in (200, 409), message
        for name in arrived:  # the check was too quick, or it saw one of them
            api.delete(f"{CONFIGMAPS}/{name}")
        for number in range(60):
            if f"red-{number}" not in there:
                create_child(api, f"red-{number}", api.get(f"{SECRETS}/ours-{number}"), labels=red)
    pytest.fail("no child came during a check")


def test_a_permission_that_is_missing_is_named(sidecar, api):
    create_child(api, "child", api.create(SECRETS, secret("ours", "shard-a")))
    role = "/apis/rbac.authorization.k8s.io/v1/clusterroles/app"
    before = api.get(role)["rules"]
    api.patch(role, {"rules": [{**before[0], "resources": ["configmaps"]}, *before[1:]]})
    try:
        eventually(lambda: sidecar.get(f"{SECRETS}/ours")[0] == 403, 10, "the permission is gone")
        status, message = delete(sidecar, f"{CONFIGMAPS}/child")
        assert status == 503 and 'cannot get resource "secrets"' in message, message
    finally:
        api.patch(role, {"rules": before})
    eventually(lambda: delete(sidecar, f"{CONFIGMAPS}/child")[0] == 200, 10)


def test_what_is_main_and_controlled_goes_its_own_way(sidecar, api):
    """It is where its own key puts it, so neither the guard nor a handover asks for its owner."""
    create_child(api, "child", api.create(SECRETS, secret("theirs", "shard-b")))
    assert delete(sidecar, f"{CONFIGMAPS}/child")[0] == 409
    set_ring(api, SECRETS_WITH_CONFIGMAPS, {"group": "", "resource": "configmaps"})
    try:
        eventually(lambda: delete(sidecar, f"{CONFIGMAPS}/child")[0] == 200, 10, "the sidecar knows the ring as it is now")
        create_child(api, "stays", api.create(SECRETS, secret("moving", "shard-a")))
        api.patch(f"{SECRETS}/moving", {"metadata": {"labels": {DRAIN_LABEL: "true"}}})
        eventually(lambda: not api.get(f"{SECRETS}/moving")["metadata"].get("labels"), 10, "acknowledged")
        assert api.get(f"{CONFIGMAPS}/stays")["metadata"]["labels"] == {SHARD_LABEL: "shard-a"}
    finally:
        set_ring(api, SECRETS_WITH_CONFIGMAPS)
