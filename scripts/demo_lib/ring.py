"""The ring at one moment, and whether every object is where it should be."""

import collections
import dataclasses
import json

from hash_ring import HashRing, controller_of

RING = "checksum-controller"
RING_LABEL = "alpha.sharding.timebertt.dev/controllerring"
STATE_LABEL = "alpha.sharding.timebertt.dev/state"
SHARD_LABEL = f"shard.alpha.sharding.timebertt.dev/{RING}"
DRAIN_LABEL = f"drain.alpha.sharding.timebertt.dev/{RING}"
AVAILABLE = ("ready", "expired", "uncertain")


@dataclasses.dataclass
class Snapshot:
    leases: dict   # shard -> (state, holder)
    objects: dict  # "Secret/foo" -> the object

    @property
    def available(self):
        return sorted(name for name, (state, _) in self.leases.items() if state in AVAILABLE)

    def shard(self, target):
        return self.objects[target]["metadata"].get("labels", {}).get(SHARD_LABEL, "")

    def shards(self):
        return {target: self.shard(target) for target in self.objects}

    def count_by_shard(self):
        return collections.Counter(self.shards().values())

    def moved_since(self, earlier):
        return sorted(target for target in self.objects if target in earlier.objects and
                      self.shard(target) != earlier.shard(target))

    def faults(self, shards):
        """What keeps this from being a settled ring of that many shards: a list of texts, empty if nothing does."""
        if len(self.available) != shards:
            return [f"{len(self.available)} of {shards} shards are available"]
        ring, faults = HashRing(self.available), []
        for target, item in self.objects.items():
            kind, name = target.split("/", 1)
            if self.shard(target) != ring.shard_of(item):
                faults.append(f"{target} is on '{self.shard(target)}' instead of {ring.shard_of(item)}")
            elif DRAIN_LABEL in item["metadata"]["labels"]:
                faults.append(f"{target} is being drained")
            elif kind == "Secret" and f"ConfigMap/checksums-{name}" not in self.objects:
                faults.append(f"{target} has no ConfigMap yet")
        return faults


def snapshot(cluster):
    items = json.loads(cluster.kubectl("get", "lease,secret,configmap", "-o", "json"))["items"]
    leases, objects = {}, {}
    for item in items:
        metadata = item["metadata"]
        if item["kind"] == "Lease":
            if metadata.get("labels", {}).get(RING_LABEL) == RING:
                leases[metadata["name"]] = (metadata["labels"].get(STATE_LABEL, ""), item["spec"].get("holderIdentity", ""))
        elif item["kind"] == "Secret" or controller_of(metadata):
            objects[f"{item['kind']}/{metadata['name']}"] = item
    return Snapshot(leases, objects)


def name_on(shard, shards, prefix):
    """A Secret's name that the ring of these shards puts on that one of them."""
    ring = HashRing(shards)
    return next(f"{prefix}{i}" for i in range(100_000) if ring.owner(f"/Secret/default/{prefix}{i}") == shard)
