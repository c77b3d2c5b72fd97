"""The examples are ordinary controllers: sharded and unsharded, their Deployments differ by the annotation alone, and where the
framework has no election by the number of replicas."""

import subprocess
import tarfile

import pytest
import yaml
from world import ROOT

ANNOTATION = "sidecar.alpha.sharding.timebertt.dev/controllerring"
EXAMPLES = sorted(path.parent.name for path in ROOT.glob("examples/*/manifests"))
WITHOUT_ELECTION = {"replicas": 3, "strategy": {"type": "RollingUpdate"}}
ALSO_DIFFERS = {"python-kopf": WITHOUT_ELECTION, "rust-operator": WITHOUT_ELECTION}


@pytest.fixture(scope="module", params=EXAMPLES)
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
    for difference, value in ALSO_DIFFERS.get(example, {}).items():
        assert sharded[deployment]["spec"].pop(difference) == value != unsharded[deployment]["spec"].pop(difference)
    assert sharded[deployment]["spec"]["template"]["metadata"].pop("annotations") == {ANNOTATION: example}
    assert sharded[deployment] == unsharded[deployment]


def test_everything_else_is_kept_and_only_the_ring_and_its_permissions_are_added(objects):
    unsharded, sharded = objects
    def others(items):
        return {key: item for key, item in items.items() if key in unsharded and key[0] != "Deployment"}
    assert others(sharded) == others(unsharded) and unsharded.keys() <= sharded.keys()
    added = {kind for kind, _ in sharded.keys() - unsharded.keys()}
    assert added == {"ControllerRing", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"}


def test_the_controller_has_nothing_of_ringside_in_it(example):
    folder = ROOT / "examples" / example
    files = subprocess.run(["git", "ls-files"], cwd=folder, capture_output=True, text=True, check=True).stdout.split()
    sources = [name for name in files if not name.startswith("manifests/") and name != "README.md"]
    assert any(name.endswith((".go", ".py", ".java", ".rs")) for name in sources)
    for name in sources:
        assert "ringside" not in (folder / name).read_text().replace("ringside.example", "").lower(), name


@pytest.mark.parametrize("program", ["central", "injector", "sidecar"])
def test_an_image_is_small(program):
    """The program and all it needs: a node pulls the sidecar's for every controller that it runs."""
    with tarfile.open(ROOT / f"build/images/{program}.tar") as archive:
        size = sum(member.size for member in archive.getmembers())
    print(f"\nmeasured: the image of {program} has {size / 2**20:.1f} MiB")
    assert size < 20 << 20
