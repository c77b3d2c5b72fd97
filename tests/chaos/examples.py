"""The workloads of the controllers that punish mistakes: whoever shows them too little, or lets their clean-up through when an
object is handed over, loses children or gets too many."""

from api import PODS
from checker.ring import ChildLimit
from example_ring import INGRESSES, POOL_MEMBERS, POOLS, SITES, ExampleRing
from world import eventually

_OBJECTS = 12  # about so many at a time


class _Example:
    """See Checksums for what a workload is."""

    def __init__(self, world, name, main, controlled, limits=()):
        self._example, self._api = ExampleRing(world, name, main, controlled), world.api
        self.deployment = self.container = name
        self.ring = self._example.checked(limits)
        self.lists = {f"{each.plural}.{each.api_version.partition('/')[0]}": each.path for each in (main, controlled)}
        self._main, self._names, self._created = main, [], 0

    def install(self):
        self._example.load()
        self._example.install(sharded=True)
        self._example.rolled_out()

    def pods(self):
        items = self._api.items(f"{PODS}?labelSelector=app.kubernetes.io/component={self.deployment}")
        return sorted(item["metadata"]["name"] for item in items
                      if "deletionTimestamp" not in item["metadata"] and item["status"]["phase"] == "Running")

    def write(self, chance):
        kind, place, spec = chance.random(), chance.random(), self._spec(chance)
        if len(self._names) < _OBJECTS / 2 or kind < 0.2:
            self._created += 1
            name = f"chaos-{self._created}"
            self._names.append(name)
            self._example.create(name, spec)
            return
        name = self._names[int(place * len(self._names))]
        if kind > 0.9 or len(self._names) > _OBJECTS:
            self._names.remove(name)
            self._example.delete(name)
        else:
            self._api.patch(f"{self._main.path}/{name}", {"spec": spec})

    def settle(self, replicas):
        self._example.settle(replicas, seconds=120)

        def has_all():
            wanted = {item["metadata"]["name"]: self._children_of(item) for item in self._api.items(self._main.path)}
            found = self._example.child_counts()
            assert found == wanted, f"children: {dict(found)} instead of {wanted}"
            return True
        eventually(has_all, 60, f"every {self._main.kind} has its children")


class Sites(_Example):
    def __init__(self, world):
        super().__init__(world, "site-controller", SITES, INGRESSES)

    @staticmethod
    def _spec(chance):
        return {"host": f"chaos-{chance.randrange(10**9)}.test", "service": "web"}

    @staticmethod
    def _children_of(_):
        return 2


class Pools(_Example):
    def __init__(self, world):
        limit = ChildLimit.of_text("pools.pool.example.com/poolmembers.pool.example.com=spec.replicas")
        super().__init__(world, "pool-controller", POOLS, POOL_MEMBERS, [limit])

    @staticmethod
    def _spec(chance):
        return {"replicas": chance.randrange(2, 5)}

    @staticmethod
    def _children_of(pool):
        return pool["spec"]["replicas"]
