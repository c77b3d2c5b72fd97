"""The example is an ordinary controller: sharded and unsharded, its Deployment differs by the annotation alone."""

import subprocess

import pytest
import yaml
from world import SHARDED, UNSHARDED

ANNOTATION = {"sidecar.alpha.sharding.timebertt.dev/controllerring": "checksum-controller"}


@pytest.fixture(scope="module")
def objects(world):
    def of(folder):
        documents = yaml.safe_load_all(world.kubectl(f"kustomize {folder}"))
        return {(item["kind"], item["metadata"]["name"]): item for item in documents}
    return of(UNSHARDED), of(SHARDED)


def test_the_deployment_differs_by_the_annotation_alone(objects):
    unsharded, sharded = objects
    deployment = ("Deployment", "checksum-controller")
    assert sharded[deployment]["spec"]["template"]["metadata"].pop("annotations") == ANNOTATION
    assert sharded[deployment] == unsharded[deployment]


def test_everything_else_is_kept_and_only_the_ring_and_its_permissions_are_added(objects):
    unsharded, sharded = objects
    assert {key: item for key, item in sharded.items() if key in unsharded} == unsharded
    added = {kind for kind, _ in sharded.keys() - unsharded.keys()}
    assert added == {"ControllerRing", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"}


def test_the_controller_has_nothing_of_ringside_in_it():
    folder = SHARDED.parents[1]
    sources = subprocess.run(["git", "ls-files", "*.go", "go.mod", "go.sum"], cwd=folder, capture_output=True, text=True,
                             check=True)
    assert "main.go" in sources.stdout
    for name in sources.stdout.split():
        assert "ringside" not in (folder / name).read_text().replace("ringside.example", "").lower(), name
