"""The fence in the API server and the protection of labels: who may write what, and when the policies are there.

Shards are Leases made by hand that publish a ServiceAccount; their writes are made by impersonation, as pods of it.
"""

import json
import re
import time
import urllib.parse

import pytest

from rings import Ring
from support import RINGS, ApiError, Central, eventually, micro_time

PREFIX = "alpha.sharding.timebertt.dev"
POLICIES = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"
BINDINGS = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings"
POD = "authentication.kubernetes.io/pod-name"
SHARDER = "system:serviceaccount:sharding-system:sharder"


class FencedRing(Ring):
    """A ring whose shards publish the ServiceAccount `operator` of their namespace."""

    def __init__(self, api, name, fence=None, labels=None, **options):
        super().__init__(api, name, **options)
        annotations = {"fence": fence, "label-protection": labels}
        self.annotate(**{key: value for key, value in annotations.items() if value})
        self.policy = f"{POLICIES}/controllerring-{name}"
        self.binding = f"{BINDINGS}/controllerring-{name}"
        self.label_binding = f"{BINDINGS}/controllerringlabels-{name}"

    def annotate(self, **values):
        """fence="warn", fence_serviceaccounts="ns/name"; None removes."""
        annotations = {f"{PREFIX}/{key.replace('_', '-')}": value for key, value in values.items()}
        self.api.patch(f"{RINGS}/{self.name}", {"metadata": {"annotations": annotations}})

    def add_shard(self, shard, duration=3600, holder=None, serviceaccount="operator"):
        lease = {"metadata": {"name": shard, "labels": {f"{PREFIX}/controllerring": self.name},
                              "annotations": {f"{PREFIX}/serviceaccount": serviceaccount} if serviceaccount else {}},
                 "spec": {"holderIdentity": shard if holder is None else holder, "leaseDurationSeconds": duration,
                          "acquireTime": micro_time(), "renewTime": micro_time(), "leaseTransitions": 0}}
        return self.api.create(self.leases, lease)

    def hold_again(self, shard):
        self.renew(shard, holderIdentity=shard, acquireTime=micro_time(), leaseTransitions=1, leaseDurationSeconds=3600)

    def pod(self, name, serviceaccount="operator"):
        """The API as that pod sees it; None: with a token that is bound to no pod."""
        extra = {POD: name} if name else {}
        return self.api.as_user(f"system:serviceaccount:{self.name}:{serviceaccount}", **extra)

    def in_force(self):
        binding = self.api.find(self.binding) or {"metadata": {}}
        return binding["metadata"].get("annotations", {}).get(f"{PREFIX}/fence-in-force", "")

    def wait_until_fenced(self, serviceaccounts=None):
        wanted = serviceaccounts or f"{self.name}/operator"
        eventually(lambda: self.in_force() == wanted, 10, f"the fence of {self.name} is in force")

    def name_on(self, shard):
        """A Secret's name that the hash puts on that shard."""
        def is_there(name):
            return self.shard_of(self.api.create(self.secrets + "?dryRun=All", {"metadata": {"name": name}})) == shard
        return next(name for name in (f"here-{i}" for i in range(100)) if is_there(name))

    def labelled(self, name, shard, path=None, **metadata):
        """An object that is on this shard, wherever the hash would put it."""
        body = {"metadata": {"name": name, "labels": {self.shard_label: shard}, **metadata}}
        return self.api.create(path or self.secrets, body)


@pytest.fixture
def ring(request, api, central):
    name = re.sub("[^a-z0-9]+", "-", request.node.name.removeprefix("test_"))
    ring = FencedRing(api, ("f-" + name)[:50].strip("-"))
    yield ring
    # Rings of other tests do not wait for the webhook of this one.
    api.delete(f"{RINGS}/{ring.name}")


@pytest.fixture
def fenced(ring):
    """With two shards and the fence in force."""
    ring.add_shard("a")
    ring.add_shard("b")
    ring.wait_until_fenced()
    ring.wait_until_assigning()
    return ring


def denied(call):
    with pytest.raises(ApiError) as caught:
        call()
    assert caught.value.code == 403, caught.value
    return caught.value.message


def touch(api, path):
    return api.patch(path, {"metadata": {"annotations": {"touched": str(time.monotonic())}}})


# Who may write


def test_owner_writes_and_another_pod_does_not(fenced):
    owner, other = fenced.pod("a"), fenced.pod("b")
    secret = fenced.labelled("x", "a")
    path = f"{fenced.secrets}/x"
    message = denied(lambda: touch(other, path))
    print(f"\nsaid: {message}")
    for part in ("secrets", f"{fenced.name}/x", "shard a", "pod b", f"ControllerRing {fenced.name}", f"{PREFIX}/fence"):
        assert part in message, part
    del secret["metadata"]["resourceVersion"]  # central may be about to drain it
    denied(lambda: other.request("PUT", path, secret))
    denied(lambda: other.delete(path))
    denied(lambda: other.request("PATCH", path, [{"op": "remove", "path": "/metadata/labels"}],
                                 "application/json-patch+json"))
    touch(owner, path)
    owner.request("PUT", path, secret)
    owner.delete(path)


def test_a_pod_cannot_take_an_object_by_its_label(fenced):
    fenced.labelled("x", "a")
    label = {"metadata": {"labels": {fenced.shard_label: "b"}}}
    denied(lambda: fenced.pod("b").patch(f"{fenced.secrets}/x", label))


def test_objects_without_label_are_everybodys(fenced):
    # Not a child of anybody, so that the webhook leaves it alone.
    fenced.api.create(fenced.configmaps, {"metadata": {"name": "free"}})
    path = f"{fenced.configmaps}/free"
    touch(fenced.pod("b"), path)
    touch(fenced.pod(None), path)
    fenced.pod("a").delete(path)


def test_a_token_that_is_bound_to_no_pod_is_refused(fenced):
    fenced.labelled("x", "a")
    assert "bound to none" in denied(lambda: touch(fenced.pod(None), f"{fenced.secrets}/x"))


def test_other_users_are_not_fenced(fenced):
    fenced.labelled("x", "a")
    touch(fenced.api, f"{fenced.secrets}/x")
    touch(fenced.pod("b", "another"), f"{fenced.secrets}/x")


def test_each_object_of_a_deletecollection_is_judged(fenced):
    fenced.labelled("x", "a")
    fenced.labelled("y", "b")
    selector = urllib.parse.quote(f"{fenced.shard_label}=a")
    denied(lambda: fenced.pod("b").delete(f"{fenced.secrets}?labelSelector={selector}"))
    fenced.pod("a").delete(f"{fenced.secrets}?labelSelector={selector}")
    assert set(fenced.by_name(fenced.secrets)) == {"y"}
    fenced.labelled("x", "a")
    denied(lambda: fenced.pod("b").delete(fenced.secrets))
    assert "x" in fenced.by_name(fenced.secrets)


def test_create_of_a_controlled_object(fenced):
    owner = fenced.create_secret("owner")
    shard = fenced.shard_of(owner)
    other = {"a": "b", "b": "a"}[shard]
    reference = {"apiVersion": "v1", "kind": "Secret", "name": "owner", "uid": owner["metadata"]["uid"], "controller": True}
    child = {"metadata": {"name": "child", "ownerReferences": [reference]}}
    message = denied(lambda: fenced.pod(other).create(fenced.configmaps, child))
    assert f"shard {shard}" in message and f"pod {other}" in message and "configmaps" in message
    created = fenced.pod(shard).create(fenced.configmaps, child)
    assert fenced.shard_of(created) == shard
    # Main objects, and objects that nobody controls, may be made by any shard.
    for number in range(8):
        fenced.pod("a").create(fenced.secrets, {"metadata": {"name": f"made-by-a-{number}"}})
    assert set(fenced.shards(fenced.secrets).values()) == {"a", "b"}
    fenced.pod("b").create(fenced.configmaps, {"metadata": {"name": "alone"}})


def test_subresources(api, central):
    resources = [{"group": "apps", "resource": "deployments", "controlledResources": [{"group": "", "resource": "pods"}]}]
    ring = FencedRing(api, "f-subresources", resources=resources)
    ring.add_shard("a")
    ring.wait_until_fenced()
    owner, other = ring.pod("a"), ring.pod("b")
    template = {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [{"name": "app", "image": "none"}]}}
    path = f"/apis/apps/v1/namespaces/{ring.name}/deployments"
    api.create(path, {"metadata": {"name": "x", "labels": {ring.shard_label: "a"}},
                      "spec": {"selector": {"matchLabels": {"app": "x"}}, "template": template}})
    status = {"status": {"observedGeneration": 1}}
    denied(lambda: other.patch(f"{path}/x/status", status))
    owner.patch(f"{path}/x/status", status)
    # A Scale has no labels, an Eviction has none: these are the sidecar's alone to fence.
    other.patch(f"{path}/x/scale", {"spec": {"replicas": 2}})
    owner.patch(f"{path}/x/scale", {"spec": {"replicas": 3}})

    api.create(f"/api/v1/namespaces/{ring.name}/serviceaccounts", {"metadata": {"name": "default"}})
    pods = f"/api/v1/namespaces/{ring.name}/pods"
    api.create(pods, {"metadata": {"name": "p", "labels": {ring.shard_label: "a"}}, "spec": template["spec"]})
    denied(lambda: other.patch(f"{pods}/p/status", {"status": {"message": "hello"}}))
    owner.patch(f"{pods}/p/status", {"status": {"message": "hello"}})
    other.create(f"{pods}/p/eviction?dryRun=All", {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "p"}})
    api.delete(f"{RINGS}/{ring.name}")


def test_cluster_scoped_resources(api, central):
    ring = FencedRing(api, "f-cluster", resources=[{"group": "scheduling.k8s.io", "resource": "priorityclasses"}],
                      selector=False)
    ring.add_shard("a")
    ring.wait_until_fenced()
    path = "/apis/scheduling.k8s.io/v1/priorityclasses"
    ring.labelled("f-cluster", "a", path)
    message = denied(lambda: touch(ring.pod("b"), f"{path}/f-cluster"))
    assert "priorityclasses f-cluster belongs to shard a" in message
    touch(ring.pod("a"), f"{path}/f-cluster")
    api.delete(f"{path}/f-cluster")
    api.delete(f"{RINGS}/{ring.name}")


# Settings


def test_warn_lets_pass_and_says_so(ring):
    ring.annotate(fence="warn")
    ring.add_shard("a")
    # Central may see the Lease before it sees the ring's annotation.
    eventually(lambda: ring.api.get(ring.binding)["spec"]["validationActions"] == ["Warn", "Audit"], 10, "the binding")
    ring.labelled("x", "a")
    other = ring.pod("b")

    def warned():
        touch(other, f"{ring.secrets}/x")
        return other.warnings
    warning = eventually(warned, 10, "a warning")[0]
    assert f"secrets {ring.name}/x belongs to shard a" in warning
    touch(ring.pod("a"), f"{ring.secrets}/x")
    ring.annotate(fence="enforce")
    ring.wait_until_fenced()
    denied(lambda: touch(other, f"{ring.secrets}/x"))
    ring.annotate(fence="off")
    eventually(lambda: not ring.api.find(ring.binding) and not ring.api.find(ring.policy), 10, "no policy")
    eventually(lambda: touch(other, f"{ring.secrets}/x"), 10, "everybody writes")


def test_unknown_setting_is_named_and_the_default_holds(ring):
    ring.annotate(fence="enforced")
    ring.add_shard("a")
    ring.wait_until_fenced()
    eventually(lambda: ring.condition().get("status") == "False")
    for part in ("'enforced'", "enforce, warn and off", f"{PREFIX}/fence"):
        assert part in ring.condition()["message"], ring.condition()
    ring.annotate(fence=None)
    eventually(lambda: ring.condition()["status"] == "True")


def test_serviceaccounts_of_shards_that_publish_none(ring):
    ring.add_shard("a", serviceaccount=None)
    eventually(lambda: ring.status().get("availableShards") == 1)
    assert not ring.api.find(ring.binding), "whom should it fence?"
    ring.annotate(fence_serviceaccounts=f"{ring.name}/operator, {ring.name}/second,nonsense")
    ring.wait_until_fenced(f"{ring.name}/operator,{ring.name}/second")
    eventually(lambda: "'nonsense'" in ring.condition()["message"], 10)
    ring.labelled("x", "a")
    denied(lambda: touch(ring.pod("b", "second"), f"{ring.secrets}/x"))
    ring.annotate(fence_serviceaccounts=f"{ring.name}/second")
    ring.wait_until_fenced(f"{ring.name}/second")
    eventually(lambda: touch(ring.pod("b"), f"{ring.secrets}/x"), 10, "what is taken from the list is not fenced")


def test_resources_of_the_ring_change(fenced):
    labels = {fenced.shard_label: "a"}
    services = f"/api/v1/namespaces/{fenced.name}/services"
    fenced.api.create(services, {"metadata": {"name": "x", "labels": labels}, "spec": {"ports": [{"port": 80}]}})
    fenced.labelled("x", "a")
    touch(fenced.pod("b"), f"{services}/x")
    fenced.api.patch(f"{RINGS}/{fenced.name}", {"spec": {"resources": [{"group": "", "resource": "services"}]}})

    def refused():
        try:
            touch(fenced.pod("b"), f"{services}/x")
        except ApiError as error:
            return error.code == 403
    eventually(refused, 10, "the new resource is fenced")
    eventually(lambda: touch(fenced.pod("b"), f"{fenced.secrets}/x"), 10, "the old one is not")


# When it is there


def test_the_fence_is_in_force_before_the_first_assignment(ring):
    """Somebody asks all the time whether an object would be assigned, and whether the fence stands: never only the first."""
    ring.labelled("x", "a")
    other = ring.pod("b")
    eventually(lambda: ring.webhook(), 10)
    began = time.monotonic()
    ring.add_shard("a")
    seen = []

    def assigned():
        answer = ring.api.create(ring.secrets + "?dryRun=All", {"metadata": {"name": "probe"}})
        if not ring.shard_of(answer):
            return False
        seen.append(time.monotonic() - began)
        denied(lambda: touch(other, f"{ring.secrets}/x"))
        return True
    assert ring.shard_of(ring.api.create(ring.secrets, {"metadata": {"name": "at-once"}})) is None
    eventually(lambda: ring.status().get("availableShards") == 1, 2, "the status counts by Leases")
    while not assigned():
        assert time.monotonic() - began < 20
        time.sleep(0.01)
    print(f"\nmeasured: first shard to its fence being in force and objects assigned {seen[0]:.2f} s")
    eventually(lambda: ring.shards(ring.secrets)["at-once"] == "a", 15, "what was created meanwhile is assigned")


def test_a_shard_with_another_serviceaccount_waits_for_its_fence(fenced):
    fenced.add_shard("c", serviceaccount="second")
    both = f"{fenced.name}/operator,{fenced.name}/second"

    def shards():
        answers = [fenced.api.create(fenced.secrets + "?dryRun=All", {"metadata": {"name": f"probe-{i}"}}) for i in range(9)]
        return {fenced.shard_of(answer) for answer in answers}
    while fenced.in_force() != both:
        found = shards()
        assert found <= {"a", "b"} or fenced.in_force() == both, "assigned to before the fence is in force"
    eventually(lambda: "c" in shards(), 10)
    fenced.labelled("x", "a")
    denied(lambda: touch(fenced.pod("c", "second"), f"{fenced.secrets}/x"))


def test_lifted_with_the_last_shard_and_up_again_with_the_next(fenced):
    fenced.labelled("x", "a")
    other = fenced.pod("another")
    fenced.release("a")
    denied(lambda: touch(other, f"{fenced.secrets}/x"))
    began = time.monotonic()
    fenced.release("b")
    eventually(lambda: touch(other, f"{fenced.secrets}/x"), 10, "without shards everybody writes")
    print(f"\nmeasured: last shard gone to any pod writing labelled objects {time.monotonic() - began:.2f} s")
    touch(fenced.pod(None), f"{fenced.secrets}/x")
    fenced.pod("c").patch(f"{fenced.secrets}/x", {"metadata": {"labels": {fenced.shard_label: None}}})
    eventually(lambda: not any(fenced.api.find(path) for path in (fenced.binding, fenced.policy, fenced.label_binding)), 5)
    fenced.labelled("y", "b")
    fenced.hold_again("b")
    fenced.wait_until_fenced()
    denied(lambda: touch(fenced.pod("a"), f"{fenced.secrets}/y"))


def test_up_for_as_long_as_a_shard_may_be_back(fenced):
    """In an outage all controllers lose their elections; a few seconds later they are there again."""
    fenced.labelled("x", "a")
    other = fenced.pod("another")
    up = [fenced.api.get(path)["metadata"]["uid"] for path in (fenced.binding, fenced.policy, fenced.label_binding)]
    fenced.release("a", duration=15)
    fenced.release("b", duration=15)
    eventually(lambda: fenced.status().get("availableShards") == 0, 5)
    time.sleep(2)
    denied(lambda: touch(other, f"{fenced.secrets}/x"))
    began = time.monotonic()
    fenced.hold_again("a")
    eventually(lambda: fenced.shard_of(fenced.api.create(fenced.secrets + "?dryRun=All", {"metadata": {"name": "probe"}})), 10,
               "objects are assigned")
    print(f"\nmeasured: a shard is back to objects being assigned {time.monotonic() - began:.2f} s")
    assert up == [fenced.api.get(path)["metadata"]["uid"] for path in (fenced.binding, fenced.policy, fenced.label_binding)]

    fenced.release("a", duration=15)
    eventually(lambda: fenced.status().get("availableShards") == 0, 5)
    time.sleep(1)
    denied(lambda: touch(other, f"{fenced.secrets}/x"))
    fenced.release("a")  # its pod ends
    fenced.release("b")
    began = time.monotonic()
    eventually(lambda: touch(other, f"{fenced.secrets}/x"), 10, "nobody may be back")
    assert time.monotonic() - began < 8, "not when it is over of itself"


def test_lifted_when_the_time_of_those_who_might_be_back_is_over(fenced):
    fenced.labelled("x", "a")
    other = fenced.pod("another")
    fenced.release("a")
    fenced.release("b", duration=4)
    eventually(lambda: fenced.status().get("availableShards") == 0, 5)
    denied(lambda: touch(other, f"{fenced.secrets}/x"))
    eventually(lambda: touch(other, f"{fenced.secrets}/x"), 15, "the fence is lifted")


def test_a_dead_shards_serviceaccount_stays_fenced(ring):
    """A paused replica is exactly whom the fence is for; its Lease is deleted a minute after its death."""
    ring.add_shard("a")
    ring.add_shard("b", serviceaccount="old")
    both = f"{ring.name}/old,{ring.name}/operator"
    ring.wait_until_fenced(both)
    ring.release("b")
    ring.api.delete(f"{ring.leases}/b")
    ring.add_shard("c")
    eventually(lambda: ring.status().get("availableShards") == 2)
    ring.labelled("x", "a")
    assert ring.in_force() == both
    denied(lambda: touch(ring.pod("b", "old"), f"{ring.secrets}/x"))


def test_a_policy_that_was_deleted_comes_back(fenced):
    uid = fenced.api.get(fenced.binding)["metadata"]["uid"]
    fenced.api.delete(fenced.policy)
    fenced.api.delete(fenced.binding)
    eventually(lambda: fenced.api.get(fenced.binding)["metadata"]["uid"] != uid and fenced.api.find(fenced.policy), 10)
    answer = fenced.api.create(fenced.secrets + "?dryRun=All", {"metadata": {"name": "probe"}})
    assert fenced.shard_of(answer), "shards that work go on working meanwhile"
    fenced.wait_until_fenced()


def test_policies_go_with_the_ring(fenced):
    eventually(lambda: fenced.api.find(fenced.label_binding))
    for path in (fenced.policy, fenced.binding, fenced.label_binding):
        metadata = fenced.api.get(path)["metadata"]
        assert [owner["name"] for owner in metadata["ownerReferences"]] == [fenced.name]
        assert metadata["labels"] == {"app.kubernetes.io/name": "controller-sharding", f"{PREFIX}/controllerring": fenced.name}
    fenced.api.delete(f"{RINGS}/{fenced.name}")
    try:
        # Nobody collects garbage here: central itself lifts the fence, without waiting for the collector.
        paths = (fenced.policy, fenced.binding, fenced.label_binding)
        eventually(lambda: not any(fenced.api.find(path) for path in paths))
    finally:
        fenced.api.create(RINGS, {"apiVersion": "sharding.timebertt.dev/v1alpha1", "kind": "ControllerRing",
                                  "metadata": {"name": fenced.name}, "spec": {"resources": []}})


# The labels


def set_labels(api, path, **labels):
    return api.patch(path, {"metadata": {"labels": labels}})


@pytest.fixture
def protected(ring):
    ring.annotate(label_protection="enforce")
    ring.add_shard("a")
    ring.add_shard("b")
    ring.wait_until_fenced()
    ring.wait_until_assigning()
    eventually(lambda: ring.api.find(ring.label_binding))
    ring.user = ring.api.as_user("jane")
    ring.labelled("probe", "a")

    def refused():
        try:
            set_labels(ring.user, f"{ring.secrets}/probe?dryRun=All", **{ring.drain_label: "true"})
        except ApiError as error:
            return error.code == 403
    eventually(refused, 10, "the labels are protected")
    return ring


def test_users_leave_shard_and_drain_labels_alone(protected):
    ring, user = protected, protected.user
    name = ring.name_on("a")  # where central leaves it
    ring.labelled(name, "a")
    path = f"{ring.secrets}/{name}"
    message = denied(lambda: set_labels(user, path, **{ring.shard_label: "b"}))
    print(f"\nsaid: {message}")
    for part in (ring.shard_label, f"secrets {ring.name}/{name}", f"{PREFIX}/label-protection", 'it was "a", it would be "b"'):
        assert part in message, part
    assert ring.drain_label in denied(lambda: set_labels(user, path, **{ring.drain_label: "true"}))
    denied(lambda: user.create(ring.secrets, {"metadata": {"name": "y", "labels": {ring.drain_label: "true"}}}))
    # What else there is to write is the user's.
    set_labels(user, path, colour="red")
    created = user.create(ring.secrets, {"metadata": {"name": "y"}})
    assert ring.shard_of(created) in ("a", "b"), "that the webhook assigns it counts as nobody's change"
    user.delete(f"{ring.secrets}/y")
    # A PUT that drops the label by accident: the webhook puts it back before anybody judges.
    secret = ring.api.get(path)
    del secret["metadata"]["labels"]
    assert ring.shard_of(user.request("PUT", path, secret)) == "a"
    set_labels(user, path, **{ring.shard_label: None})
    assert ring.shard_of(ring.api.get(path)) == "a"


def test_a_drain_is_not_withdrawn_by_users(protected):
    ring, user = protected, protected.user
    path = f"{ring.secrets}/x"
    ring.labelled("x", "a")
    sharder = ring.api.as_user(SHARDER)
    set_labels(sharder, path, **{ring.drain_label: "true"})
    denied(lambda: set_labels(user, path, **{ring.drain_label: None}))
    denied(lambda: set_labels(user, path, **{ring.drain_label: "false"}))
    denied(lambda: set_labels(user, path, **{ring.drain_label: None, ring.shard_label: None}))
    set_labels(user, path, colour="red")
    # Its shard hands it over.
    set_labels(ring.pod("a"), f"{path}?fieldManager=sharding-sidecar", **{ring.drain_label: None, ring.shard_label: None})
    assert ring.shard_of(ring.api.get(path))


def test_a_controller_that_drops_the_labels_of_a_draining_object_hands_nothing_over(protected):
    ring = protected
    name = ring.name_on("b")  # where it is to go, so that central does not withdraw the drain
    ring.labelled(name, "a")
    path = f"{ring.secrets}/{name}"
    set_labels(ring.api.as_user(SHARDER), path, **{ring.drain_label: "true"})
    put = ring.pod("a").request("PUT", path, {"metadata": {"name": name, "labels": {"colour": "red"}}, "data": {"a": "Yg=="}})
    assert put["metadata"]["labels"] == {"colour": "red", ring.shard_label: "a", ring.drain_label: "true"}
    put = ring.pod("a").request("PUT", path, {"metadata": {"name": name}, "data": {"a": "Yg=="}})
    assert put["metadata"]["labels"] == {ring.shard_label: "a", ring.drain_label: "true"}
    set_labels(ring.pod("a"), f"{path}?fieldManager=sharding-sidecar", **{ring.drain_label: None, ring.shard_label: None})
    assert ring.shard_of(ring.api.get(path)) == "b"


def test_labels_are_not_changed_through_the_status(api, central):
    ring = FencedRing(api, "f-label-status", labels="enforce", resources=[{"group": "", "resource": "pods"}])
    ring.add_shard("a")
    ring.wait_until_fenced()
    api.create(f"/api/v1/namespaces/{ring.name}/serviceaccounts", {"metadata": {"name": "default"}})
    pods = f"/api/v1/namespaces/{ring.name}/pods"
    api.create(pods, {"metadata": {"name": "p", "labels": {ring.shard_label: "a"}},
                      "spec": {"containers": [{"name": "app", "image": "none"}]}})
    user = api.as_user("jane")

    def refused():
        try:
            set_labels(user, f"{pods}/p/status?dryRun=All", **{ring.shard_label: "b"})
        except ApiError as error:
            return error.code == 403
    eventually(refused, 10, "labels cannot be changed through pods/status")
    user.patch(f"{pods}/p/status", {"status": {"message": "hello"}})
    user.create(f"{pods}/p/eviction?dryRun=All", {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "p"}})
    api.delete(f"{RINGS}/{ring.name}")


def test_by_default_users_are_warned(fenced):
    eventually(lambda: fenced.api.find(fenced.label_binding))
    assert fenced.api.get(fenced.label_binding)["spec"]["validationActions"] == ["Warn", "Audit"]
    fenced.labelled("x", "a")
    user = fenced.api.as_user("jane")

    def warned():
        set_labels(user, f"{fenced.secrets}/x?dryRun=All", **{fenced.drain_label: "true"})
        return user.warnings
    assert fenced.drain_label in eventually(warned, 10)[0]
    fenced.annotate(label_protection="off")
    eventually(lambda: not fenced.api.find(fenced.label_binding))
    assert fenced.api.find(fenced.binding), "the fence stays"


# Central itself


def test_restarted_central_does_not_let_shards_wait(folder, kubeconfig, api, central):
    ring = FencedRing(api, "f-restart")
    ring.add_shard("a")
    ring.wait_until_fenced()
    ring.wait_until_assigning()

    def changes():
        return [line for line in central.log().splitlines() if "its available shards changed" in line and ring.name in line]
    before = changes()
    with Central(folder, "second", kubeconfig("sharder")) as second:
        eventually(second.ready, 15)
        # The new one sees the fence at its first look, however young the Lease.
        entries = [json.loads(line) for line in second.log().splitlines()]
        counted = [entry for entry in entries if entry.get("controllerring") == ring.name]
        assert [entry["available"] for entry in counted if "available" in entry] == [1], counted
        assert not [entry for entry in counted if "waits for its fence" in entry["msg"]]
    assert changes() == before
    api.delete(f"{RINGS}/{ring.name}")
