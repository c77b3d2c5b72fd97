"""Many objects: what they cost in memory. The sidecar's must not grow with their number."""

import pytest
from pod_test import record_memory

pytestmark = pytest.mark.long


def test_memory_with_2000_and_10000_objects(ring, measurements):
    # Allocators keep what earlier tests have made them take; fresh processes show what objects cost.
    for namespace, deployment in (("default", "checksum-controller"), ("sharding-system", "sharder")):
        ring.kubectl(f"-n {namespace} rollout restart deployment {deployment}")
        ring.kubectl(f"-n {namespace} rollout status deployment {deployment} --timeout=120s")
    ring.settle()
    none = record_memory(ring, measurements, 0)
    ring.api.create_secrets([f"many-{i}" for i in range(2000)])
    ring.settle(3, seconds=300)
    record_memory(ring, measurements, 2000)
    ring.api.create_secrets([f"more-{i}" for i in range(8000)])
    ring.settle(3, seconds=900)
    with_many = record_memory(ring, measurements, 10000)
    assert with_many < none + 8, f"a sidecar's memory grew from {none:.1f} to {with_many:.1f} MiB with 10,000 objects"
