"""One API server for all integration tests, with Ringside's CRD and permissions, and programs that use nothing more."""

import os
import pathlib
import sys
import time

import pytest
import yaml

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "cluster"))

from ringside_cluster import Cluster  # noqa: E402  (found through the line above)
from rings import Ring  # noqa: E402
from support import ROOT, Api, Central, eventually, write_kubeconfig  # noqa: E402

from fidelity.world import fidelity_cluster, world  # noqa: E402,F401  pylint: disable=unused-import


@pytest.fixture(scope="session")
def cluster():
    with Cluster(f"integration-{os.getpid()}", api_only=True, host_net=True) as running:
        for manifest in ("crd/controllerrings.yaml", "central/namespace.yaml"):
            running.kubectl("apply", "--server-side", "-f", str(ROOT / "deploy" / manifest))
        for component in ("central", "injector"):
            running.kubectl("apply", "--namespace", "sharding-system", "-f", str(ROOT / "deploy" / component / "rbac.yaml"))
        running.kubectl("apply", "-f", "-", input=yaml.safe_dump_all(RING_PERMISSIONS))
        yield running


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    if not config.option.markexpr:
        long = [item for item in items if item.get_closest_marker("long")]
        items[:] = [item for item in items if item not in long]
        config.hook.pytest_deselected(items=long)


@pytest.fixture(scope="session")
def api(cluster):
    return Api.of_cluster(cluster)


@pytest.fixture(scope="module", autouse=True)
def rings_end_with_their_module():
    """Every central cares for every ring that there is: those of later modules would have more and more to do."""
    yield
    while Ring.made:
        Ring.made.pop().remove()


@pytest.fixture(scope="session")
def kubeconfig(cluster, api, tmp_path_factory):
    """kubeconfig("sharder"): with the token of that ServiceAccount, so that the tests show that deploy/'s RBAC suffices."""
    folder = tmp_path_factory.mktemp("kubeconfig")

    def write(serviceaccount):
        return write_kubeconfig(folder / serviceaccount, cluster, api.token("sharding-system", serviceaccount))

    return write


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where programs keep their configuration and logs."""
    return tmp_path_factory.mktemp("logs")


@pytest.fixture(scope="module")
def central(folder, kubeconfig):
    with Central(folder, "central", kubeconfig("sharder")) as process:
        began = time.monotonic()
        eventually(process.ready, 15, "central is ready")
        eventually(process.leading, 15, "central leads")
        print(f"\nmeasured: central ready and leading {time.monotonic() - began:.2f} s after its start")
        yield process
        assert process.running(), process.log()[-3000:]
        assert process.terminate() == 0, process.log()[-3000:]


# What comes with a ring (examples/checksum-controller): for Secrets with ConfigMaps, and for a cluster-scoped resource.
RING_PERMISSIONS = [
    {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "rings-of-the-tests"},
     "rules": [{"apiGroups": [""], "resources": ["secrets", "configmaps"], "verbs": ["get", "list", "patch"]},
               {"apiGroups": ["scheduling.k8s.io", "node.k8s.io"], "resources": ["priorityclasses", "runtimeclasses"],
                "verbs": ["get", "list", "patch"]}]},
    {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "rings-of-the-tests"},
     "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "rings-of-the-tests"},
     "subjects": [{"kind": "ServiceAccount", "name": "sharder", "namespace": "sharding-system"}]},
]
