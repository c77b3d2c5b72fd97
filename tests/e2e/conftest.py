"""One cluster for all end-to-end tests, with everything installed once. README.md says what is tested and how to run it."""

import contextlib
import os
import pathlib
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "cluster"), str(HERE.parent)]

from api import proxy  # noqa: E402  (found through the line above)
from measurements import PATH, Measurements  # noqa: E402
from ringside_cluster import Cluster  # noqa: E402
from world import World  # noqa: E402

# The order of the files: from the simple to what leaves traces, and at the end the judgement over all of it.
_ORDER = ("hash_ring_test", "manifests_test", "guide_test", "scaling_test", "death_test", "pod_test", "upgrade_test",
          "fence_test", "fence_off_test", "rollback_test", "redirect_test", "token_test", "punish_test", "languages_test",
          "reference_shard_test", "faults_test", "recovery_test", "large_test", "ownership_test")
_MEASUREMENTS = Measurements()
_WORLDS = []


@pytest.fixture(scope="session")
def world():
    if os.geteuid() != 0:
        pytest.skip("namespaces need root")
    with contextlib.ExitStack() as stack:
        cluster = stack.enter_context(Cluster(os.environ.get("E2E_CLUSTER_NAME", f"e2e-{os.getpid()}")))
        running = World(cluster, stack.enter_context(proxy(cluster)))
        running.install()
        _WORLDS.append(running)
        yield running
        _WORLDS.clear()


@pytest.fixture
def ring(world):
    """The world in its normal state: three shards, settled. Secrets are removed afterwards."""
    world.steady()
    yield world
    world.remove_secrets()


@pytest.fixture(scope="session")
def measurements():
    return _MEASUREMENTS


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    rank = {name: index for index, name in enumerate(_ORDER)}
    items.sort(key=lambda item: rank[item.path.stem])
    if not config.option.markexpr:
        long = [item for item in items if item.get_closest_marker("long") and not item.get_closest_marker("always")]
        items[:] = [item for item in items if item not in long]
        config.hook.pytest_deselected(items=long)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport():
    report = (yield).get_result()
    if report.failed and _WORLDS:
        try:
            report.sections.append(("the cluster", _WORLDS[0].logs()))
        except Exception as error:  # the report of the failure is more important than this addition to it
            report.sections.append(("the cluster", f"no logs: {error}"))


def pytest_terminal_summary(terminalreporter):
    if _MEASUREMENTS.rows:
        _MEASUREMENTS.save()
        terminalreporter.section(f"measurements ({PATH})")
        terminalreporter.write_line(_MEASUREMENTS.table())
