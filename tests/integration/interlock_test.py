"""A pod that asks for a sidecar is not made without one, whatever is missing; other pods depend on nothing."""

import pytest
import yaml

from injector_test import ANNOTATION, container, pod
from support import RINGS, ROOT, WEBHOOKS, ApiError, Injector, eventually

PODS = "/api/v1/namespaces/interlock/pods"
ADMISSION = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolic"
WEBHOOK = f"{WEBHOOKS}/ringside-injector"


@pytest.fixture(scope="module")
def interlock(api):
    """The namespace, the ring, and the policy as it is deployed; no webhook, which other tests may have left."""
    if api.find(WEBHOOK):
        api.delete(WEBHOOK)
    api.create("/api/v1/namespaces", {"metadata": {"name": "interlock"}})
    api.create("/api/v1/namespaces/interlock/serviceaccounts", {"metadata": {"name": "default"}})
    api.create(RINGS, {"apiVersion": "sharding.timebertt.dev/v1alpha1", "kind": "ControllerRing",
                       "metadata": {"name": "interlock"}, "spec": {"resources": [{"group": "", "resource": "secrets"}]}})
    policy, binding = yaml.safe_load_all((ROOT / "deploy/injector/interlock.yaml").read_text())
    api.create(ADMISSION + "ies", policy)
    api.create(ADMISSION + "ybindings", binding)
    eventually(lambda: "did not get one" in denial(api, asking()), 10, "the interlock is in force")
    yield
    api.delete(ADMISSION + "ybindings/ringside-interlock")
    api.delete(ADMISSION + "ies/ringside-interlock")
    api.delete(f"{RINGS}/interlock")


@pytest.fixture
def injector(api, folder, kubeconfig, interlock):
    """As deploy/injector/webhook.yaml says, but for where it is found."""
    with Injector(folder, kubeconfig("injector")) as process:
        configuration = yaml.safe_load((ROOT / "deploy/injector/webhook.yaml").read_text())
        configuration["webhooks"][0]["clientConfig"] = {"url": f"https://127.0.0.1:{process.webhook_port}/webhooks/injector/pod"}
        api.create(WEBHOOKS, configuration)
        eventually(process.ready, 15)
        eventually(lambda: create(api, asking())["spec"].get("initContainers"), 10, "pods are injected")
        yield process
    if api.find(WEBHOOK):
        api.delete(WEBHOOK)


def asking(name="asking", **spec):
    return pod(name, "interlock", **spec)


def create(api, body):
    return api.create(PODS + "?dryRun=All", body)


def denial(api, body):
    """What the refusal says; empty if there is none."""
    try:
        create(api, body)
    except ApiError as error:
        return error.message
    return ""


def others_are_untouched(api):
    assert "initContainers" not in create(api, pod("plain", ring=None))["spec"]
    helper = container("helper", restartPolicy="Always")
    assert len(create(api, pod("with-init", ring=None, initContainers=[helper]))["spec"]["initContainers"]) == 1


def test_with_the_injector_pods_are_injected_and_pass(api, injector):
    assert create(api, asking())["spec"]["initContainers"][0]["name"] == "ringside-sidecar"
    others_are_untouched(api)


def test_both_injectors_are_down(api, injector):
    injector.kill()
    message = denial(api, asking())
    print(f"\nsaid: {message}")
    assert "injector.sharding.timebertt.dev" in message
    others_are_untouched(api)


def test_the_webhook_configuration_is_gone(api, injector):
    api.delete(WEBHOOK)

    def said():
        return "did not get one" in denial(api, asking())
    eventually(said, 10, "the interlock refuses")
    message = denial(api, asking())
    print(f"\nsaid: {message}")
    for part in (ANNOTATION, "kubectl -n sharding-system get pods", "remove the annotation"):
        assert part in message, part
    others_are_untouched(api)


def test_neither_another_init_container_nor_one_that_ends_is_the_sidecar(api, interlock):
    for init in (container("helper", restartPolicy="Always"), container("ringside-sidecar")):
        assert "did not get one" in denial(api, asking(initContainers=[init]))


def test_where_the_injector_does_not_look_the_annotation_has_no_effect(api, interlock):
    body = asking()
    body["spec"]["serviceAccountName"] = "sharder"
    assert api.create("/api/v1/namespaces/sharding-system/pods?dryRun=All", body)["metadata"]["annotations"][ANNOTATION]
