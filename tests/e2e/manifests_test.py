"""The examples are ordinary controllers: sharded and unsharded, their Deployments differ by the annotation alone."""

import subprocess

import pytest
import yaml
from world import ROOT

ANNOTATION = "sidecar.alpha.sharding.timebertt.dev/controllerring"


@pytest.fixture(scope="module", params=["checksum-controller", "pool-controller", "site-controller"])
def example(request):
    return request.param


@pytest.fixture(scope="module")
def objects(world, example):
    def of(folder):
        documents = yaml.safe_load_all(world.kubectl(f"kustomize {ROOT}/examples/{example}/manifests/{folder}"))
        return {(item["kind"], item["metadata"]["name"]): item for item in documents}
    return of("unsharded"), of("sharded")


def test_the_deployment_differs_by_the_annotation_alone(objects, example):
    unsharded, sharded = objects
    deployment = ("Deployment", example)
    assert sharded[deployment]["spec"]["template"]["metadata"].pop("annotations") == {ANNOTATION: example}
    assert sharded[deployment] == unsharded[deployment]


def test_everything_else_is_kept_and_only_the_ring_and_its_permissions_are_added(objects):
    unsharded, sharded = objects
    assert {key: item for key, item in sharded.items() if key in unsharded} == unsharded
    added = {kind for kind, _ in sharded.keys() - unsharded.keys()}
    assert added == {"ControllerRing", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"}


def test_the_controller_has_nothing_of_ringside_in_it(example):
    folder = ROOT / "examples" / example
    sources = subprocess.run(["git", "ls-files", "*.go", "go.mod", "go.sum"], cwd=folder, capture_output=True, text=True,
                             check=True)
    assert "main.go" in sources.stdout
    for name in sources.stdout.split():
        assert "ringside" not in (folder / name).read_text().replace("ringside.example", "").lower(), name
