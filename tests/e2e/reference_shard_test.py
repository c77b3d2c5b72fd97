"""Shards that follow the protocol by themselves (tests/support/reference-shard), beside sidecars in one ring."""

import datetime

import pytest
from api import DEPLOYMENTS
from world import ROOT, SHARD_LABEL, Moment

NAME = "checksum-controller-reference"
MANIFEST = ROOT / "tests/support/reference-shard/manifest.yaml"
SECRETS = 40


@pytest.fixture
def mixed(ring):
    """The ring with two sharded controllers and one reference shard."""
    archive = ROOT / "build/images/reference-shard.tar"
    assert archive.exists(), f"{archive} is missing: scripts/build-images --all"
    ring.cluster.load(archive)
    ring.api.create_secrets([f"mixed-{i}" for i in range(SECRETS)])
    ring.scale(2)
    ring.settle(2)
    ring.kubectl(f"apply -f {MANIFEST}")
    yield ring
    ring.kubectl(f"delete -f {MANIFEST} --ignore-not-found")


def test_sidecars_and_reference_shards_share_a_ring(mixed, measurements):
    ring, began, before = mixed, Moment(), mixed.snapshot()
    now = ring.settle(3)
    assert len(reference(now.available)) == 1 and all(now.of_shard(shard) for shard in now.available)
    scale_reference(ring, 2)
    now = ring.settle(4)
    serve_on(ring, reference(now.available)[0], now.available)
    ring.scale(3)
    ring.settle(5)
    scale_reference(ring, 0)
    ring.settle(3)

    seen = ring.since(began, before)
    assert seen.judged and not seen.violations, seen.explain()
    drained = [move for move in seen.moves if move.drained and move.target.startswith("secrets/")]
    assert reference(move.to for move in drained), "sidecars hand over to reference shards"
    given = [move for move in drained if reference([move.source])]
    assert given, "reference shards hand over"
    slowest = max(seconds_to_its_configmap(seen, move) for move in given)
    measurements.record("reference shard: Secret handed over to its ConfigMap moved, at most", slowest, objects=SECRETS)
    assert slowest < 10


def reference(shards):
    return sorted(shard for shard in shards if shard.startswith(NAME))


def scale_reference(ring, replicas):
    ring.api.patch(f"{DEPLOYMENTS}/{NAME}/scale", {"spec": {"replicas": replicas}})


def serve_on(ring, shard, available):
    name = ring.name_on(shard, "served", available)
    assert ring.api.create_secret(name)["metadata"]["labels"][SHARD_LABEL] == shard
    ring.served(name)


def seconds_to_its_configmap(seen, secret):
    """From the move of a Secret to the next move of its ConfigMap to the same shard."""
    configmap = "configmaps/checksums-" + secret.target.removeprefix("secrets/")
    return min(seconds(move.time) - seconds(secret.time) for move in seen.moves
               if move.target == configmap and move.to == secret.to and seconds(move.time) >= seconds(secret.time))


def seconds(timestamp):
    return datetime.datetime.fromisoformat(timestamp.replace("Z", "+00:00")).timestamp()
