"""One of the other examples in the same cluster as the checksum controller: its Deployment, its ring, its objects.

    sites = ExampleRing(world, "site-controller", SITES, INGRESSES)    # in the namespace "default", if no other is given
    sites.install(sharded=False)
    sites.settle(2)             # waits until two shards share all objects as the hash ring says
    sites.replay()              # what the audit log tells, as world.since() does of the checksum controller's ring
"""

import collections
import dataclasses

from api import DEPLOYMENTS, LEASES, in_namespace
from checker import Ring, replay
from hash_ring import HashRing, controller_of
from world import ROOT, RING_LABEL, STATE_LABEL, eventually


@dataclasses.dataclass(frozen=True)
class Resource:
    api_version: str
    kind: str
    plural: str

    @property
    def path(self):
        return self.path_in("default")

    def path_in(self, namespace):
        root = "apis" if "/" in self.api_version else "api"
        return f"/{root}/{self.api_version}/namespaces/{namespace}/{self.plural}"


SITES = Resource("web.example.com/v1", "Site", "sites")
INGRESSES = Resource("networking.k8s.io/v1", "Ingress", "ingresses")
POOLS = Resource("pool.example.com/v1", "Pool", "pools")
POOL_MEMBERS = Resource("pool.example.com/v1", "PoolMember", "poolmembers")


class ExampleRing:
    def __init__(self, world, name, main, controlled, namespace="default"):
        self.world, self.api, self.name, self.main, self.controlled = world, world.api, name, main, controlled
        self.namespace = namespace
        self.shard_label = f"shard.alpha.sharding.timebertt.dev/{name}"
        self.drain_label = f"drain.alpha.sharding.timebertt.dev/{name}"
        self._manifests = ROOT / "examples" / name / "manifests"

    def path(self, resource):
        return resource.path_in(self.namespace)

    def load(self):
        archive = ROOT / "build/images" / f"{self.name}.tar"
        assert archive.exists(), f"{archive} is missing: scripts/build-images --all"
        self.world.cluster.load(archive)

    def install(self, sharded):
        self.world.kubectl(f"apply -k {self._manifests / ('sharded' if sharded else 'unsharded')}")

    def rolled_out(self):
        self.world.kubectl(f"-n {self.namespace} rollout status deployment {self.name} --timeout=120s")

    def remove(self):
        """The objects first, while the controller and the garbage collector are there for their children."""
        self.api.delete(self.path(self.main))
        eventually(lambda: not self.child_counts(), 60, f"no {self.controlled.plural}")
        self.world.kubectl(f"delete -k {self._manifests / 'sharded'} --ignore-not-found --wait=false")

    def scale(self, replicas):
        self.api.patch(f"{in_namespace(DEPLOYMENTS, self.namespace)}/{self.name}/scale", {"spec": {"replicas": replicas}})

    def create(self, name, spec):
        return self.api.create(self.path(self.main), {"apiVersion": self.main.api_version, "kind": self.main.kind,
                                                      "metadata": {"name": name}, "spec": spec})

    def delete(self, name):
        self.api.delete(f"{self.path(self.main)}/{name}")

    def child_counts(self):
        """Owner's name -> how many children it has."""
        owners = [controller_of(item["metadata"]) for item in self.api.metadata(self.path(self.controlled))]
        return collections.Counter(owner["name"] for owner in owners if owner and owner["kind"] == self.main.kind)

    def available(self):
        return sorted(item["metadata"]["name"] for item in self.api.items(in_namespace(LEASES, self.namespace))
                      if item["metadata"].get("labels", {}).get(RING_LABEL) == self.name
                      and item["metadata"]["labels"].get(STATE_LABEL) in ("ready", "expired", "uncertain"))

    def settle(self, shards, seconds=60):
        """Until that many shards share all objects as the hash ring says."""
        def settled():
            available = self.available()
            assert len(available) == shards, f"{len(available)} of {shards} shards are available"
            ring = HashRing(available)
            for resource in (self.main, self.controlled):
                for item in self.api.metadata(self.path(resource)):
                    if resource is self.controlled and not controller_of(item["metadata"]):
                        continue
                    labels = item["metadata"].get("labels", {})
                    wanted = ring.shard_of({"apiVersion": resource.api_version, **item}, resource.kind)
                    found, name = labels.get(self.shard_label, ""), f"{resource.kind} {item['metadata']['name']}"
                    assert found == wanted, f"{name} is on '{found}' instead of {wanted}"
                    assert self.drain_label not in labels, f"{name} is draining"
            return available
        return eventually(settled, seconds, f"{self.name}: {shards} shards, every object on the right one")

    def checked(self, limits=()):
        """The ring as the checker judges it."""
        return Ring.of_file(self._manifests / "sharded/controllerring.yaml").limited(limits)

    def replay(self, limits=()):
        return replay(self.world.cluster.audit_events(), self.checked(limits), history=True)
