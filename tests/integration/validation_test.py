"""What the API server itself refuses, and what it says: rings that central could not work with, annotations that it would
not understand, and Leases that can never be shards. And what central says of a configuration that it cannot work with."""

import json

import pytest
import yaml

from support import LEASES, RINGS, ROOT, ApiError, Process, eventually, micro_time

ADMISSION = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolic"
PREFIX = "alpha.sharding.timebertt.dev/"
RING_LABEL = PREFIX + "controllerring"
SECRETS = {"group": "", "resource": "secrets"}
NAMESPACED = "kubernetes.io/metadata.name"


@pytest.fixture(scope="module", autouse=True)
def policies(api):
    """As deployed."""
    objects = list(yaml.safe_load_all((ROOT / "deploy/central/validation.yaml").read_text()))
    paths = {"ValidatingAdmissionPolicy": ADMISSION + "ies", "ValidatingAdmissionPolicyBinding": ADMISSION + "ybindings"}
    for each in objects:
        api.create(paths[each["kind"]], each)
    api.create("/api/v1/namespaces", {"metadata": {"name": "validation"}})
    eventually(lambda: refusal(api, ring_with(fence="?")), 10, "the annotations of rings are judged")
    eventually(lambda: lease_refusal(api, lease("x" * 64)), 10, "shard Leases are judged")
    yield
    for each in reversed(objects):
        api.delete(f"{paths[each['kind']]}/{each['metadata']['name']}")


def ring(name="validated", annotations=None, **spec):
    return {"apiVersion": "sharding.timebertt.dev/v1alpha1", "kind": "ControllerRing",
            "metadata": {"name": name, "annotations": annotations or {}}, "spec": {"resources": [SECRETS], **spec}}


def ring_with(**annotations):
    return ring(annotations={PREFIX + name.replace("_", "-"): value for name, value in annotations.items()})


def selector(**members):
    return ring(namespaceSelector=members)


def expression(**members):
    return selector(matchExpressions=[members])


def controlling(*resources):
    return ring(resources=[{**SECRETS, "controlledResources": list(resources)}])


def lease(name, labels=None, **metadata):
    labels = {RING_LABEL: "validated"} if labels is None else labels
    return {"metadata": {"name": name, "labels": labels, **metadata},
            "spec": {"holderIdentity": name, "leaseDurationSeconds": 15, "acquireTime": micro_time(),
                     "renewTime": micro_time()}}


def said(call):
    """What the refusal says; empty if there is none."""
    try:
        call()
    except ApiError as error:
        return error.message
    return ""


def refusal(api, body):
    return said(lambda: api.create(RINGS + "?dryRun=All", body))


def lease_refusal(api, body):
    return said(lambda: api.create(LEASES.format("validation") + "?dryRun=All", body))


ACCEPTED = {
    "the shortest": ring(),
    "no resources yet": ring(resources=[]),
    "a name of 63 characters": ring("r" * 63),
    "a name with dots": ring("ring.of-team.a1"),
    "another group": ring(resources=[{"group": "apps", "resource": "deployments"}]),
    "a group with dots": ring(resources=[{"group": "pools.ringside.example", "resource": "pools"}]),
    "no group": ring(resources=[{"resource": "secrets"}]),
    "one main resource controls another": ring(resources=[
        {**SECRETS, "controlledResources": [{"resource": "configmaps"}]}, {"resource": "configmaps"}]),
    "two main resources control the same": ring(resources=[
        {**SECRETS, "controlledResources": [{"resource": "pods"}]},
        {"resource": "configmaps", "controlledResources": [{"resource": "pods"}]}]),
    "the same resource in two groups": ring(resources=[
        {"group": "extensions", "resource": "ingresses"}, {"group": "networking.k8s.io", "resource": "ingresses"}]),
    "matchLabels": selector(matchLabels={NAMESPACED: "a", "team.example/x_Y.z": "", "tier": "Gold_1.0-b"}),
    "In": expression(key=NAMESPACED, operator="In", values=["a", "b"]),
    "NotIn": expression(key="tier", operator="NotIn", values=["gold", ""]),
    "Exists": expression(key="tier", operator="Exists"),
    "DoesNotExist": expression(key="tier", operator="DoesNotExist", values=[]),
    "an empty selector": selector(),
    "fence": ring_with(fence="warn"),
    "label protection": ring_with(label_protection="off"),
    "both": ring_with(fence="enforce", label_protection="enforce"),
    "ServiceAccounts": ring_with(fence_serviceaccounts="team-a/operator, b/c.d-2"),
    "a trailing comma": ring_with(fence_serviceaccounts="team-a/operator,"),
    "annotations of others": ring(annotations={"example.test/fence": "whatever"}),
}


@pytest.mark.parametrize("body", ACCEPTED.values(), ids=ACCEPTED)
def test_rings_that_are_accepted(api, body):
    assert refusal(api, body) == ""


def several(count):
    return [{"resource": f"r{i}"} for i in range(count)]


REFUSED = {
    "a name that is too long": (ring("r" * 64), "must not be longer than 63 characters"),
    "a name in upper case": (ring("Ring"), "a lowercase RFC 1123 subdomain"),
    "a name with an underscore": (ring("my_ring"), "a lowercase RFC 1123 subdomain"),
    "no resource's name": (ring(resources=[{"group": "apps"}]), "spec.resources[0].resource: Required value"),
    "an empty resource": (ring(resources=[{"resource": ""}]), "spec.resources[0].resource: Invalid value"),
    "a kind": (ring(resources=[{"resource": "Secret"}]), '"Secret" is not the name of a resource: use it as in the API'),
    "a subresource": (ring(resources=[{"resource": "pods/status"}]), "without group, version and subresource"),
    "resource and group in one": (ring(resources=[{"resource": "deployments.apps"}]), '"deployments.apps" is not the name'),
    "all resources": (ring(resources=[{"resource": "*"}]), '"*" is not the name of a resource'),
    "a group with its version": (ring(resources=[{"group": "apps/v1", "resource": "deployments"}]),
                                 '"apps/v1" is not an API group: leave it empty for the core group'),
    "the same resource twice": (ring(resources=[SECRETS, SECRETS]), "spec.resources[1]: Duplicate value"),
    "the same by default": (ring(resources=[SECRETS, {"resource": "secrets"}]), "spec.resources[1]: Duplicate value"),
    "an empty controlled resource": (controlling({"resource": ""}), "controlledResources[0].resource: Invalid value"),
    "a controlled kind": (controlling({"resource": "ConfigMap"}), '"ConfigMap" is not the name of a resource'),
    "a controlled group": (controlling({"group": "Apps", "resource": "deployments"}), '"Apps" is not an API group'),
    "the same controlled twice": (controlling({"resource": "pods"}, {"resource": "pods"}),
                                  "controlledResources[1]: Duplicate value"),
    "too many resources": (ring(resources=several(65)), "spec.resources: Too many: 65: must have at most 64 items"),
    "too many controlled": (controlling(*several(65)), "must have at most 64 items"),
    "an unknown operator": (expression(key="a", operator="Is", values=["b"]),
                            '"Is" is not an operator: use In, NotIn, Exists or DoesNotExist'),
    "an operator in lower case": (expression(key="a", operator="in", values=["b"]), '"in" is not an operator'),
    "no operator": (expression(key="a"), "matchExpressions[0].operator: Required value"),
    "no key": (expression(operator="Exists"), "matchExpressions[0].key: Required value"),
    "an empty key": (expression(key="", operator="Exists"), '"" is not the key of a label'),
    "a key with two slashes": (expression(key="a/b/c", operator="Exists"), '"a/b/c" is not the key of a label'),
    "a key that is too long": (expression(key="k" * 64, operator="Exists"), "is not the key of a label: use at most 63"),
    "In without values": (expression(key="a", operator="In"), "In needs values, at least one"),
    "NotIn without values": (expression(key="a", operator="NotIn", values=[]), "NotIn needs values, at least one"),
    "Exists with values": (expression(key="a", operator="Exists", values=["b"]), "Exists takes no values, leave them out"),
    "DoesNotExist with values": (expression(key="a", operator="DoesNotExist", values=["b"]), "DoesNotExist takes no values"),
    "a value with a space": (expression(key="a", operator="In", values=["b c"]), '"b c" is not the value of a label'),
    "a value that is too long": (expression(key="a", operator="In", values=["v" * 64]), "may not be more than 63 bytes"),
    "a label that is none": (selector(matchLabels={"-a": "b"}), "a key is not that of a label"),
    "a label's value that is none": (selector(matchLabels={"a": "b/c"}), '"b/c" is not the value of a label'),
    "a fence that is unknown": (ring_with(fence="on"),
                                'annotation alpha.sharding.timebertt.dev/fence: "on" is unknown, use enforce, warn or off'),
    "an empty fence": (ring_with(fence=""), '"" is unknown, use enforce, warn or off'),
    "a label protection in upper case": (ring_with(label_protection="Off"), 'label-protection: "Off" is unknown, use'),
    "a ServiceAccount without namespace": (
        ring_with(fence_serviceaccounts="a/b,operator"),
        'fence-serviceaccounts: "operator" is not <namespace>/<name> of a ServiceAccount'),
    "a ServiceAccount's user name": (ring_with(fence_serviceaccounts="system:serviceaccount:a:b"),
                                     "use such as team-a/operator"),
    "two ServiceAccounts without a comma": (ring_with(fence_serviceaccounts="a/b c/d"), '"a/b c/d" is not'),
}


@pytest.mark.parametrize("body, message", REFUSED.values(), ids=REFUSED)
def test_rings_that_are_refused(api, body, message):
    answer = refusal(api, body)
    print(f"\nsaid: {answer}")
    assert message in answer


def test_what_a_ring_had_before_does_not_get_into_the_way_of_its_changes(api, policies):
    path = ADMISSION + "ybindings/ringside-controllerrings"
    binding = api.get(path)
    api.delete(path)
    name = f"{RINGS}/old"
    eventually(lambda: not refusal(api, ring_with(fence="on")), 10, "the policy is lifted")
    old = ring_with(fence="on", fence_serviceaccounts="operator")
    old["metadata"]["name"] = "old"
    api.create(RINGS, old)
    try:
        del binding["metadata"]["resourceVersion"], binding["metadata"]["uid"]
        api.create(ADMISSION + "ybindings", binding)
        eventually(lambda: refusal(api, ring_with(fence="on")), 10, "the policy is back")
        api.patch(name, {"metadata": {"labels": {"team": "a"}}})
        wrong = {"metadata": {"annotations": {PREFIX + "fence": "yes"}}}
        assert '"yes" is unknown' in said(lambda: api.patch(name, wrong))
        api.patch(name, {"metadata": {"annotations": {PREFIX + "fence": "off"}}})
        assert '"on" is unknown' in said(lambda: api.patch(name, {"metadata": {"annotations": {PREFIX + "fence": "on"}}}))
    finally:
        api.delete(name)


ACCEPTED_LEASES = {
    "of a pod": lease("operator-7d9c5b6f4-x2x2x"),
    "of the reference, with its state": lease("shard-0", {RING_LABEL: "validated", PREFIX + "state": "ready"}),
    "with dots": lease("shard.0"),
    "of 63 characters": lease("s" * 63),
    "whose name the API server makes": lease(None, generateName="s" * 80),
    "of another kind, with a long name": lease("s" * 200, {}),
}


@pytest.mark.parametrize("body", ACCEPTED_LEASES.values(), ids=ACCEPTED_LEASES)
def test_leases_that_are_accepted(api, body):
    assert lease_refusal(api, body) == ""


def test_a_lease_whose_name_is_no_label_value_is_refused_as_a_shard(api):
    answer = lease_refusal(api, lease("s" * 64))
    print(f"\nsaid: {answer}")
    for part in ("s" * 64, RING_LABEL, "at most 63 characters, and this one has 64", "use a shorter name",
                 "remove the label"):
        assert part in answer
    assert "lowercase RFC 1123" in lease_refusal(api, lease("Shard_0")), "the API server has no such Leases"
    assert "a valid label must be" in lease_refusal(api, lease("shard-0", {RING_LABEL: "two words"}))


def test_a_lease_does_not_become_such_a_shard_either_and_may_cease_to_be_one(api):
    leases, name = LEASES.format("validation"), "s" * 100
    binding_path = ADMISSION + "ybindings/ringside-shard-leases"
    api.create(leases, lease(name, {}))
    labelled = {"metadata": {"labels": {RING_LABEL: "validated"}}}
    assert "at most 63 characters, and this one has 100" in said(lambda: api.patch(f"{leases}/{name}", labelled))
    binding = api.get(binding_path)
    api.delete(binding_path)
    eventually(lambda: api.patch(f"{leases}/{name}", labelled), 10, "the policy is lifted")
    del binding["metadata"]["resourceVersion"], binding["metadata"]["uid"]
    api.create(ADMISSION + "ybindings", binding)
    eventually(lambda: said(lambda: api.patch(f"{leases}/{name}", {"spec": {"renewTime": micro_time()}})), 10,
               "the policy is back")
    api.patch(f"{leases}/{name}", {"metadata": {"labels": {RING_LABEL: None}}})
    api.delete(f"{leases}/{name}")


HEAD = "apiVersion: config.sharding.timebertt.dev/v1alpha1\nkind: SharderConfig\n"
CONFIGURATIONS = {
    "unknown": (HEAD + "leaderElection:\n  leaseDurration: 15s\n",
                "{path}: line 4: leaderElection.leaseDurration: unknown field, use leaderElect, "),
    "impossible": (HEAD + "controller: {sharder: {syncPeriod: -5m}}\n",
                   "{path}: line 3: controller.sharder.syncPeriod: must be above 0, use one such as 15s, 5m or 1m30s"),
    "tab": (HEAD + "health:\n\tbindAddress: ':8081'\n", "{path}: line 4: not valid YAML: "),
    "empty": ("", "{path}: there is nothing in it, begin with 'apiVersion: config.sharding.timebertt.dev/v1alpha1' and "),
    "another-kind": ("apiVersion: v1\nkind: ConfigMap\n", "{path}: line 1: apiVersion: 'v1' is unknown, use "),
    "directory": (None, "{path}: Is a directory"),
}


@pytest.mark.parametrize("text, message", CONFIGURATIONS.values(), ids=CONFIGURATIONS)
def test_central_does_not_start_with_a_wrong_configuration_and_names_file_and_line(tmp_path, text, message):
    path = tmp_path / "config.yaml"
    if text is None:
        path.mkdir()
    else:
        path.write_text(text)
    with Process("ringside-central", ["--config", str(path)], tmp_path / "log") as central:
        eventually(lambda: not central.running(), 10, "central ends")
        assert central.terminate() == 1
        error = json.loads(central.log())["error"]
        print(f"\nsaid: {error}")
        assert error.startswith(message.format(path=path))
