"""The sidecar with an unmodified controller behind it, against a real API server that fails now and then."""

import json
import os
import time

import pytest
from ringside_cluster import Cluster
from sidecars import (CONFIGMAPS, DRAIN_LABEL, RING, SECRETS, SHARD_LABEL, Controller, Sidecar, give_away, lease_holder,
                      manifest, secret)
from support import LEASES, RINGS, ROOT, Api, ApiError, eventually, micro_time

ELECTION = LEASES.format("default") + "/checksum-controller"


@pytest.fixture(scope="module")
def cluster():
    with Cluster(f"sidecar-{os.getpid()}", api_only=True, host_net=True) as running:
        running.kubectl("apply", "-f", str(ROOT / "deploy" / "crd" / "controllerrings.yaml"))
        running.kubectl("apply", "-f", str(manifest("unsharded/rbac.yaml")))
        running.kubectl("apply", "-n", "default", "-f", str(manifest("sharded/rbac-shard.yaml")))
        yield running


@pytest.fixture(scope="module")
def api(cluster):
    api = Api.of_cluster(cluster)
    give_away(api, "shard-b")
    return api


@pytest.fixture(scope="module")
def ring(cluster):
    def create():
        eventually(lambda: cluster.kubectl("apply", "-f", str(manifest("sharded/controllerring.yaml"))), 20)

    create()
    return create


@pytest.fixture(scope="module")
def token(api):
    return api.token("default", "checksum-controller")


@pytest.fixture
def clean(api):
    """Nothing of one test is there in the next."""
    yield
    for path in (SECRETS, CONFIGMAPS, LEASES.format("default")):
        for item in api.items(path):
            if item["metadata"]["name"] != "kube-root-ca.crt":
                api.delete(f"{path}/{item['metadata']['name']}")


@pytest.fixture
def sidecar(tmp_path, cluster, ring, token, clean):
    with Sidecar(tmp_path, cluster, "shard-a", token) as process:
        process.wait_for_ring()
        yield process
        assert process.running(), process.log()[-3000:]


@pytest.fixture
def controller(tmp_path, sidecar):
    with Controller(tmp_path, sidecar.controller_kubeconfig()) as process:
        eventually(sidecar.ready, 15, "the shard Lease is held")
        yield process


def checksum_of(api, name):
    return api.find(f"{CONFIGMAPS}/checksums-{name}")


# --- The proxy.


def test_lists_show_the_shard_alone_and_selectors_narrow(sidecar, api):
    api.create(SECRETS, secret("mine", "shard-a", {"colour": "red"}))
    api.create(SECRETS, secret("mine-too", "shard-a"))
    api.create(SECRETS, secret("theirs", "shard-b", {"colour": "red"}))
    api.create(SECRETS, secret("nobodys"))
    assert sidecar.names(SECRETS) == ["mine", "mine-too"]
    assert sidecar.names(SECRETS + "?labelSelector=colour%3Dred") == ["mine"]
    assert sidecar.names(SECRETS + f"?labelSelector={SHARD_LABEL}%3Dshard-b") == []
    assert sidecar.get(SECRETS + "/theirs")[0] == 200, "one object by its name is seen"


@pytest.mark.parametrize("accept", ["application/json", "application/vnd.kubernetes.protobuf",
                                    "application/json;as=Table;g=meta.k8s.io;v=v1"])
def test_bodies_pass_byte_for_byte(sidecar, api, cluster, accept):
    for number in range(20):
        api.create(SECRETS, secret(f"s{number}", "shard-a"))
    direct = cluster_get(api, SECRETS + f"?labelSelector={SHARD_LABEL}%3Dshard-a", accept)
    status, headers, body = sidecar.get(SECRETS, accept)
    assert status == 200
    assert headers["content-type"].startswith(accept.split(";")[0])
    assert body == direct


def cluster_get(api, path, accept):
    import http.client  # pylint: disable=import-outside-toplevel
    connection = http.client.HTTPSConnection(api._address.hostname, api._address.port, context=api._context)
    connection.request("GET", path, headers={"Accept": accept})
    return connection.getresponse().read()


def test_writes_without_the_lease_get_a_status(sidecar):
    status, headers, body = sidecar.get(SECRETS, method="POST", body=json.dumps(secret("no")))
    assert status == 503 and headers["retry-after"] == "1"
    answer = json.loads(body)
    assert answer["kind"] == "Status" and answer["reason"] == "ServiceUnavailable"
    assert "does not hold its shard Lease" in answer["message"]
    status, headers, body = sidecar.get(SECRETS, accept="application/vnd.kubernetes.protobuf", method="POST",
                                        body=json.dumps(secret("no")))
    assert status == 503 and body.startswith(b"k8s\0"), "in the encoding that was asked for"


def test_requests_outside_the_ring_pass(sidecar):
    assert sidecar.get("/version")[0] == 200
    assert sidecar.get("/apis")[0] == 200
    status, _, body = sidecar.get("/api/v1/namespaces/kube-system/pods")
    assert status == 403 and b"checksum-controller" in body, "as the controller, with the controller's permissions"


def test_when_the_ring_changes_a_watch_ends_and_cannot_be_resumed_until_the_next_list(sidecar, api, ring):
    for name, shard in (("mine", "shard-a"), ("theirs", "shard-b")):
        api.create(CONFIGMAPS, {"metadata": {"name": name, "labels": {SHARD_LABEL: shard}}})
    secrets = {"group": "", "resource": "secrets"}
    with_configmaps = {**secrets, "controlledResources": [{"group": "", "resource": "configmaps"}]}
    own = f"{CONFIGMAPS}?labelSelector={SHARD_LABEL}"
    try:
        for resource, seen in ((secrets, ["mine", "theirs"]), (with_configmaps, ["mine"])):
            resumed = f"{own}&watch=true&timeoutSeconds=1&resourceVersion={api.get(CONFIGMAPS)['metadata']['resourceVersion']}"
            with sidecar.watching(resumed.replace("=1&", "=600&")) as rest:
                api.patch(f"{RINGS}/{RING}", {"spec": {"resources": [resource]}})
                rest()
            assert b"ERROR" not in sidecar.get(f"{resumed}&fieldSelector=metadata.name%3Dmine")[2], "it sees the same as before"
            status, headers, body = sidecar.get(resumed)
            assert (status, headers["content-type"]) == (200, "application/json"), "as the API server has it"
            event = json.loads(body)
            assert (event["type"], event["object"]["code"], event["object"]["reason"]) == ("ERROR", 410, "Expired"), resource
            assert sidecar.names(own) == seen
            assert b"ERROR" not in sidecar.get(resumed)[2], "once for each watch"
    finally:
        ring()


def test_nor_can_a_watch_that_was_not_open_when_the_ring_changed(sidecar, api, ring):
    """The app is between its list and its watch, or between two watches."""
    secrets = {"group": "", "resource": "secrets"}
    with_configmaps = {**secrets, "controlledResources": [{"group": "", "resource": "configmaps"}]}
    sidecar.names(CONFIGMAPS)
    resumed = f"{CONFIGMAPS}?watch=true&timeoutSeconds=1&resourceVersion={api.get(CONFIGMAPS)['metadata']['resourceVersion']}"
    assert b"ERROR" not in sidecar.get(resumed)[2]
    try:
        for resource in (secrets, with_configmaps):
            api.patch(f"{RINGS}/{RING}", {"spec": {"resources": [resource]}})
            eventually(lambda: b'"code":410' in sidecar.get(resumed)[2], 10, "the sidecar has seen the ring")
            assert b'"code":410' in sidecar.get(resumed)[2], "whoever asks, until somebody lists"
            sidecar.names(f"{CONFIGMAPS}?limit=1&continue=")
            assert b"ERROR" not in sidecar.get(resumed)[2]
    finally:
        ring()


def test_a_request_without_credentials_goes_on_without(sidecar):
    status, _, body = sidecar.get(SECRETS, token="")
    assert status in (401, 403), body
    assert status == 401 or b"system:anonymous" in body, "never with the sidecar's credentials"


# --- The Lease and the controller's life.


def test_the_controller_leads_and_works_on_its_shard_only(sidecar, controller, api):
    assert lease_holder(api, "shard-a") == "shard-a"
    assert lease_holder(api, "checksum-controller") == f"controllerring/{RING}"
    lease = api.get(LEASES.format("default") + "/shard-a")
    assert lease["metadata"]["labels"]["alpha.sharding.timebertt.dev/controllerring"] == RING
    assert lease["spec"]["leaseDurationSeconds"] == 15
    api.create(SECRETS, secret("mine", "shard-a"))
    api.create(SECRETS, secret("theirs", "shard-b"))
    eventually(lambda: checksum_of(api, "mine"), 10)
    api.create(SECRETS, secret("last", "shard-a"))
    eventually(lambda: checksum_of(api, "last"), 10)
    assert checksum_of(api, "theirs") is None


def test_a_graceful_end_releases_the_lease_at_once(sidecar, controller, api):
    controller.terminate()
    eventually(lambda: lease_holder(api, "shard-a") == "", 2, "the Lease is released")


def test_a_crash_releases_the_lease_after_the_grace(sidecar, controller, api):
    controller.kill()
    began = time.monotonic()
    eventually(lambda: lease_holder(api, "shard-a") == "", 8, "the Lease is released")
    took = time.monotonic() - began
    print(f"\nmeasured: SIGKILL of the controller to the release of its Lease: {took:.2f} s (grace 3 s)")
    assert took > 2.5, "the grace period was not kept"


def test_a_controller_that_comes_back_within_the_grace_keeps_its_shard(sidecar, controller, api, tmp_path):
    before = api.get(LEASES.format("default") + "/shard-a")
    controller.kill()
    with Controller(tmp_path, sidecar.controller_kubeconfig(), name="second"):
        api.create(SECRETS, secret("after", "shard-a"))
        began = time.monotonic()
        eventually(lambda: checksum_of(api, "after"), 10, "the restarted controller works")
        print(f"\nmeasured: from SIGKILL and restart to working again: {time.monotonic() - began:.2f} s")
        after = api.get(LEASES.format("default") + "/shard-a")
        assert after["spec"]["holderIdentity"] == "shard-a"
        assert after["spec"]["acquireTime"] == before["spec"]["acquireTime"], "never released"


def test_a_hung_controller_loses_its_shard(tmp_path, cluster, ring, token, clean, api):
    with Sidecar(tmp_path, cluster, "shard-h", token) as sidecar:
        sidecar.wait_for_ring()
        with Controller(tmp_path, sidecar.controller_kubeconfig()) as controller:
            eventually(sidecar.ready, 15)
            controller.signal("STOP")
            try:
                eventually(lambda: lease_holder(api, "shard-h") == "", 15, "the shard Lease is released")
                status, _, body = sidecar.get(SECRETS, method="POST", body=json.dumps(secret("no")))
                assert status == 503, body
            finally:
                controller.signal("CONT")


def test_a_hung_controller_without_leader_election_loses_its_shard_and_gets_it_back(sidecar, api, tmp_path):
    with Controller(tmp_path, sidecar.controller_kubeconfig(), leader_elect=False) as controller:
        eventually(sidecar.ready, 15, "the shard Lease is held")
        api.create(SECRETS, secret("before", "shard-a"))
        eventually(lambda: checksum_of(api, "before"), 10)
        time.sleep(6)  # idle, as is usual
        controller.signal("STOP")
        try:
            began = time.monotonic()
            eventually(lambda: lease_holder(api, "shard-a") == "", 15, "the Lease is released within one duration")
            print(f"\nmeasured: SIGSTOP of the controller to the release of its Lease: {time.monotonic() - began:.2f} s")
            api.create(SECRETS, secret("meanwhile", "shard-a"))
        finally:
            controller.signal("CONT")
        began = time.monotonic()
        eventually(sidecar.ready, 20, "the shard Lease is held again")
        eventually(lambda: checksum_of(api, "meanwhile"), 10)
        print(f"measured: SIGCONT to working again: {time.monotonic() - began:.2f} s (without central to say that it may)")
        assert controller.running()


def test_a_pod_that_was_frozen_whole_keeps_its_connections(sidecar, api, tmp_path):
    """By the clock the controller has not answered for too long; but for most of that time the sidecar did not run either."""
    with Controller(tmp_path, sidecar.controller_kubeconfig(), leader_elect=False) as controller:
        eventually(sidecar.ready, 15, "the shard Lease is held")
        before = api.get(LEASES.format("default") + "/shard-a")
        api.create(SECRETS, secret("before", "shard-a"))
        eventually(lambda: checksum_of(api, "before"), 10)
        controller.signal("STOP")
        try:
            time.sleep(5.5)  # a PING is sent, and its time-out runs
            sidecar.signal("STOP")
            time.sleep(6)
        finally:
            sidecar.signal("CONT")
            controller.signal("CONT")
        api.create(SECRETS, secret("after", "shard-a"))
        eventually(lambda: checksum_of(api, "after"), 10)
        after = api.get(LEASES.format("default") + "/shard-a")
        assert after["spec"]["acquireTime"] == before["spec"]["acquireTime"], "never released"
        assert "does not answer" not in sidecar.log()


def test_a_controller_without_leader_election_holds_by_its_connections(sidecar, api, tmp_path):
    with Controller(tmp_path, sidecar.controller_kubeconfig(), leader_elect=False) as controller:
        eventually(sidecar.ready, 15, "the shard Lease is held")
        api.create(SECRETS, secret("mine", "shard-a"))
        eventually(lambda: checksum_of(api, "mine"), 10)
        assert api.find(ELECTION) is None
        controller.kill()
        eventually(lambda: lease_holder(api, "shard-a") == "", 8, "the Lease is released")


def test_an_unsharded_leader_is_waited_for(tmp_path, cluster, ring, token, clean, api):
    api.create(LEASES.format("default"),
               {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "checksum-controller"},
                "spec": {"holderIdentity": "an-unsharded-pod", "leaseDurationSeconds": 3, "renewTime": micro_time()}})
    with Sidecar(tmp_path, cluster, "shard-u", token) as sidecar:
        sidecar.wait_for_ring()
        with Controller(tmp_path, sidecar.controller_kubeconfig()):
            for _ in range(4):
                time.sleep(0.5)  # it renews, as a leader does
                api.patch(ELECTION, {"spec": {"renewTime": micro_time()}})
                assert not sidecar.ready()
            eventually(sidecar.ready, 15, "the ring takes over when the leader stops renewing")
            assert lease_holder(api, "checksum-controller") == f"controllerring/{RING}"


def test_a_restarted_sidecar_is_trusted_and_nothing_is_released(tmp_path, cluster, ring, token, clean, api):
    with Sidecar(tmp_path, cluster, "shard-r", token) as first:
        first.wait_for_ring()
        ca = first.ca_file.read_text()
        with Controller(tmp_path, first.controller_kubeconfig()) as controller:
            eventually(first.ready, 15)
            acquired = api.get(LEASES.format("default") + "/shard-r")["spec"]["acquireTime"]
            first.kill()
            with Sidecar(tmp_path, cluster, "shard-r", token, port=first.port) as second:
                assert second.ca_file.read_text() == ca
                api.create(SECRETS, secret("mine", "shard-r"))
                eventually(lambda: checksum_of(api, "mine"), 20, "the controller works through the new sidecar")
                eventually(second.ready, 10)
                assert controller.running()
                assert api.get(LEASES.format("default") + "/shard-r")["spec"]["acquireTime"] == acquired


# --- Handover.


def test_a_drain_moves_children_first_and_then_the_object(sidecar, controller, api, cluster):
    api.create(SECRETS, secret("moving", "shard-a"))
    eventually(lambda: checksum_of(api, "moving"), 10)
    api.patch(f"{CONFIGMAPS}/checksums-moving", {"metadata": {"labels": {SHARD_LABEL: "shard-a"}}})
    api.patch(f"{SECRETS}/moving", {"metadata": {"labels": {DRAIN_LABEL: "true"}}})
    eventually(lambda: api.get(f"{SECRETS}/moving")["metadata"]["labels"] == {SHARD_LABEL: "shard-b"}, 10, "acknowledged")
    assert api.get(f"{CONFIGMAPS}/checksums-moving")["metadata"]["labels"] == {SHARD_LABEL: "shard-b"}
    releases = [event["objectRef"]["resource"] for event in cluster.audit_events()
                if "fieldManager=sharding-sidecar" in event["requestURI"] and "moving" in event["objectRef"]["name"]]
    assert releases == ["configmaps", "secrets"]


def test_an_owner_follows_the_children_that_the_sidecar_before_has_moved(tmp_path, cluster, ring, token, clean, api):
    with Sidecar(tmp_path, cluster, "shard-a", token) as first:
        first.wait_for_ring()
        with Controller(tmp_path, first.controller_kubeconfig()):
            eventually(first.ready, 15)
            for name in ("half-moved", "childless"):
                api.create(SECRETS, secret(name, "shard-a"))
                eventually(lambda name=name: checksum_of(api, name), 10)
            first.kill()
            # As it would have left them; the ring has changed since, so that the webhook would say shard-b.
            api.patch(f"{CONFIGMAPS}/checksums-half-moved", {"metadata": {"labels": {SHARD_LABEL: "shard-c"}}})
            api.patch(f"{CONFIGMAPS}/checksums-childless", {"metadata": {"ownerReferences": None}})
            for name in ("half-moved", "childless"):
                api.patch(f"{SECRETS}/{name}", {"metadata": {"labels": {DRAIN_LABEL: "true"}}})
            with Sidecar(tmp_path, cluster, "shard-a", token, port=first.port) as second:
                for name, shard in (("half-moved", "shard-c"), ("childless", "shard-b")):
                    eventually(lambda name=name: DRAIN_LABEL not in api.get(f"{SECRETS}/{name}")["metadata"]["labels"], 20,
                               f"{name} is acknowledged")
                    assert api.get(f"{SECRETS}/{name}")["metadata"]["labels"] == {SHARD_LABEL: shard}
                assert second.log().count("looked for children that were moved before") == 1


def test_what_was_handed_over_stays_fenced(sidecar, controller, api):
    api.create(SECRETS, secret("gone", "shard-a"))
    eventually(lambda: checksum_of(api, "gone"), 10)
    api.patch(f"{SECRETS}/gone", {"metadata": {"labels": {DRAIN_LABEL: "true"}}})
    eventually(lambda: api.get(f"{SECRETS}/gone")["metadata"]["labels"] == {SHARD_LABEL: "shard-b"}, 10, "acknowledged")
    patch = json.dumps({"metadata": {"annotations": {"a": "b"}}})
    status, _, body = sidecar.get(f"{SECRETS}/gone", method="PATCH", body=patch, content_type="application/merge-patch+json")
    assert status == 409 and b"handed over" in body
    api.patch(f"{SECRETS}/gone", {"metadata": {"labels": {SHARD_LABEL: "shard-a"}}})

    def writable():
        code, _, text = sidecar.get(f"{SECRETS}/gone", method="PATCH", body=patch,
                                    content_type="application/merge-patch+json")
        # The example's permissions do not include patching Secrets' data, but the sidecar lets it through.
        return code in (200, 403) and b"handed over" not in text

    eventually(writable, 10, "the object is ours again")


@pytest.mark.parametrize("method, content_type", [("POST", "application/json"), ("PATCH", "application/apply-patch+yaml")])
def test_no_child_is_made_for_what_was_handed_over(sidecar, controller, api, method, content_type):
    api.create(SECRETS, secret("gone", "shard-a"))
    eventually(lambda: checksum_of(api, "gone"), 10)
    api.patch(f"{SECRETS}/gone", {"metadata": {"labels": {DRAIN_LABEL: "true"}}})
    eventually(lambda: api.get(f"{SECRETS}/gone")["metadata"]["labels"] == {SHARD_LABEL: "shard-b"}, 10, "acknowledged")

    def make(name, owner):
        owners = [{"apiVersion": "v1", "kind": "Secret", "name": "gone", "uid": owner, "controller": True}]
        child = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "ownerReferences": owners}}
        path = CONFIGMAPS if method == "POST" else f"{CONFIGMAPS}/{name}?fieldManager=test"
        status, _, body = sidecar.get(path, method=method, body=json.dumps(child), content_type=content_type)
        return status, body

    status, body = make("late", api.get(f"{SECRETS}/gone")["metadata"]["uid"])
    assert status == 409 and b"its owner is being handed over" in body, body
    assert not api.find(f"{CONFIGMAPS}/late")
    assert make("others", "00000000-0000-4000-8000-000000000001")[0] == 201


# --- Faults.


def test_the_token_is_renewed_for_the_app(sidecar, api):
    fresh = api.token("default", "checksum-controller")
    sidecar.set_token(fresh)
    eventually(lambda: (sidecar.app / "token").read_text() == fresh, 10, "the app's token is renewed")
    assert sidecar.get("/version")[0] == 200


def test_the_ring_is_deleted_and_comes_back(sidecar, controller, api, ring):
    api.create(SECRETS, secret("mine", "shard-a"))
    eventually(lambda: checksum_of(api, "mine"), 10)
    try:
        api.delete(f"{RINGS}/{RING}")
        eventually(lambda: sidecar.get(SECRETS)[0] == 503, 5, "nothing of the ring passes")
        _, _, body = sidecar.get(SECRETS)
        assert b"does not exist; create it, or remove the pod's annotation" in body
    finally:
        ring()
    eventually(lambda: sidecar.get(SECRETS)[0] == 200, 10)


def test_a_lease_that_somebody_takes_comes_back_after_its_time(sidecar, controller, api):
    api.patch(LEASES.format("default") + "/shard-a",
              {"spec": {"holderIdentity": "somebody-else", "leaseDurationSeconds": 3, "renewTime": micro_time()}})
    eventually(lambda: not sidecar.ready(), 10, "the shard knows that it lost its Lease")
    assert "held by 'somebody-else'" in sidecar.log()
    status, _, _ = sidecar.get(SECRETS, method="POST", body=json.dumps(secret("no")))
    assert status == 503


def test_a_missing_permission_is_named(tmp_path, cluster, ring, clean, api):
    accounts = "/api/v1/namespaces/default/serviceaccounts"
    if not api.find(f"{accounts}/powerless"):
        api.create(accounts, {"metadata": {"name": "powerless"}})
    with Sidecar(tmp_path, cluster, "shard-p", api.token("default", "powerless")) as sidecar:
        eventually(lambda: b"cannot list resource" in sidecar.get(SECRETS)[2], 10)
        status, _, body = sidecar.get(SECRETS)
        message = json.loads(body)["message"]
        assert status == 503 and "cannot list resource" in message and "controllerrings" in message


def test_forbidden_leases_keep_the_controller_waiting(tmp_path, cluster, ring, token, clean, api):
    roles = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings"
    saved = api.items(roles)
    with Sidecar(tmp_path, cluster, "shard-f", token) as sidecar:
        sidecar.wait_for_ring()
        try:
            for binding in saved:
                api.delete(f"{roles}/{binding['metadata']['name']}")
            with Controller(tmp_path, sidecar.controller_kubeconfig()):
                eventually(lambda: 'cannot get resource \\"leases\\"' in sidecar.log(), 15, "the log names the permission")
                assert not sidecar.ready()
        finally:
            for binding in saved:
                binding["metadata"] = {key: binding["metadata"][key] for key in ("name", "namespace")}
                api.create(roles, binding)


def test_the_api_server_restarts_in_the_middle_of_watches(sidecar, controller, api, cluster):
    for number in range(5):
        api.create(SECRETS, secret(f"before-{number}", "shard-a"))
    eventually(lambda: checksum_of(api, "before-4"), 10)
    cluster.restart("apiserver", gap=2)
    eventually(lambda: api.get("/version"), 30, "the API server is back")
    for number in range(5):
        eventually(lambda n=number: create_once(api, secret(f"after-{n}", "shard-a")), 20)
    for number in range(5):
        eventually(lambda n=number: checksum_of(api, f"after-{n}"), 40, f"after-{number} is reconciled")


def create_once(api, body):
    try:
        return api.create(SECRETS, body)
    except ApiError as error:
        if error.code == 409:
            return True
        raise


def test_the_api_server_is_down_at_the_start(tmp_path, cluster, ring, token, clean, api):
    cluster.stop("apiserver")
    try:
        sidecar = Sidecar(tmp_path, cluster, "shard-d", token)
        status, headers, body = sidecar.get(SECRETS)
        assert status == 503 and headers["retry-after"] == "1", body
        status, _, body = sidecar.get("/version")
        assert status == 503 and b"cannot be reached" in body
    finally:
        cluster.start("apiserver")
    with sidecar:
        eventually(lambda: sidecar.get(SECRETS)[0] == 200, 30, "it serves when the API server does")
