"""A shard that follows the protocol by itself (tests/support/reference-shard) beside central: no sidecar, no controller."""

import pytest
from rings import Ring
from sidecars import Program
from support import ROOT, eventually

PROGRAM = ROOT / "tests/support/reference-shard/bin/reference-shard"


@pytest.fixture(scope="module")
def ring(api, central):  # pylint: disable=unused-argument
    return Ring(api, "reference")


def reference_shard(ring, cluster, folder, name):
    assert PROGRAM.exists(), f"{PROGRAM} is missing: scripts/build-images --all"
    return Program(PROGRAM, [f"--kubeconfig={cluster.kubeconfig}", f"--ring={ring.name}", f"--shard-name={name}",
                             f"--namespace={ring.name}"], folder / f"{name}.log")


def test_it_joins_works_hands_over_and_leaves(ring, cluster, folder):
    with reference_shard(ring, cluster, folder, "by-itself") as shard:
        eventually(lambda: ring.state("by-itself") == "ready", 15, "central takes it for a shard")
        ring.wait_until_assigning()
        ring.create_secrets(20)
        names = {f"checksums-object-{i}" for i in range(20)}
        eventually(lambda: names <= set(ring.by_name(ring.configmaps)), 10, "a ConfigMap for each Secret")
        eventually(lambda: set(ring.shards(ring.secrets).values()) == {"by-itself"}, 5, "all Secrets are its own")

        ring.add_shard("second")
        moved = eventually(lambda: not ring.draining() and of_shard(ring, "second"), 10, "the drained Secrets are given away")
        assert 0 < len(moved) < 20
        followed = {f"checksums-{name}" for name in moved}
        eventually(lambda: {name for name, owner in ring.shards(ring.configmaps).items() if owner == "second"} == followed, 10,
                   "central moves the ConfigMaps after their Secrets")

        assert shard.terminate() == 0, shard.log()
        assert ring.lease("by-itself")["spec"].get("holderIdentity", "") == ""
        eventually(lambda: len(of_shard(ring, "second")) == 20, 10, "its Secrets move when it leaves")


def of_shard(ring, shard):
    return {name for name, owner in ring.shards(ring.secrets).items() if owner == shard}
