"""A ring in a namespace of its own, with shards that are Leases made by hand."""

from concurrent.futures import ThreadPoolExecutor

from support import LEASES, RINGS, WEBHOOKS, ApiError, eventually, micro_time

RING_LABEL = "alpha.sharding.timebertt.dev/controllerring"


class Ring:
    made = []

    def __init__(self, api, name, resources=None, selector=True, namespace=True):
        self.api, self.name = api, name
        self.shard_label = f"shard.alpha.sharding.timebertt.dev/{name}"
        self.drain_label = f"drain.alpha.sharding.timebertt.dev/{name}"
        self.leases = LEASES.format(name)
        self.secrets = f"/api/v1/namespaces/{name}/secrets"
        self.configmaps = f"/api/v1/namespaces/{name}/configmaps"
        if namespace:
            api.create("/api/v1/namespaces", {"metadata": {"name": name}})
        spec = {"resources": resources or [{"group": "", "resource": "secrets",
                                            "controlledResources": [{"group": "", "resource": "configmaps"}]}]}
        if selector:
            spec["namespaceSelector"] = {"matchLabels": {"kubernetes.io/metadata.name": name}}
        api.create(RINGS, {"apiVersion": "sharding.timebertt.dev/v1alpha1", "kind": "ControllerRing",
                           "metadata": {"name": name}, "spec": spec})
        Ring.made.append(self)

    def remove(self):
        """With what central has made for it; in a cluster without controllers nobody collects garbage."""
        policies = [f"{WEBHOOKS.rpartition('/')[0]}/{kind}?labelSelector={RING_LABEL}%3D{self.name}"
                    for kind in ("validatingadmissionpolicybindings", "validatingadmissionpolicies")]
        for path in (f"{RINGS}/{self.name}", f"{WEBHOOKS}/controllerring-{self.name}", *policies, self.leases, self.secrets,
                     self.configmaps):
            try:
                self.api.delete(path)
            except ApiError as error:
                if error.code != 404:
                    raise

    def add_shard(self, shard, duration=3600, holder=None):
        """A shard that is ready for `duration` seconds."""
        return self.api.create(self.leases, {
            "metadata": {"name": shard, "labels": {"alpha.sharding.timebertt.dev/controllerring": self.name}},
            "spec": {"holderIdentity": shard if holder is None else holder, "leaseDurationSeconds": duration,
                     "acquireTime": micro_time(), "renewTime": micro_time()}})

    def renew(self, shard, **spec):
        return self.api.patch(f"{self.leases}/{shard}", {"spec": {"renewTime": micro_time(), **spec}})

    def release(self, shard, duration=1):
        """As a shard does on its way out; with a longer duration, one that may be back within it."""
        return self.renew(shard, holderIdentity="", leaseDurationSeconds=duration)

    def lease(self, shard):
        return self.api.find(f"{self.leases}/{shard}")

    def state(self, shard):
        lease = self.lease(shard)
        return lease and lease["metadata"]["labels"].get("alpha.sharding.timebertt.dev/state")

    def object(self):
        return self.api.get(f"{RINGS}/{self.name}")

    def status(self):
        return self.object().get("status", {})

    def condition(self):
        conditions = self.status().get("conditions", [])
        assert len(conditions) <= 1, f"exactly one condition is allowed: {conditions}"
        return conditions[0] if conditions else {}

    def webhook(self):
        return self.api.find(f"{WEBHOOKS}/controllerring-{self.name}")

    def wait_until_assigning(self):
        """Until the API server asks the webhook: it takes up to a second after the configuration was written."""
        self.wait_until_assigning_to(self.secrets, {"metadata": {"name": "probe"}})

    def wait_until_assigning_to(self, path, probe):
        eventually(lambda: self.shard_of(self.api.create(path + "?dryRun=All", probe)), 10,
                   f"the webhook of ring {self.name} is in force")

    def create_secret(self, name, **metadata):
        return self.api.create(self.secrets, {"metadata": {"name": name, **metadata}})

    def create_child(self, name, owner, controller=True):
        reference = {"apiVersion": "v1", "kind": "Secret", "name": owner["metadata"]["name"],
                     "uid": owner["metadata"]["uid"], "controller": controller}
        return self.api.create(self.configmaps, {"metadata": {"name": name, "ownerReferences": [reference]}})

    def create_secrets(self, count, children=False):
        def create(i):
            secret = self.create_secret(f"object-{i}")
            if children:
                self.create_child(f"child-{i}", secret)
            return secret
        with ThreadPoolExecutor(8) as pool:
            return list(pool.map(create, range(count)))

    def shard_of(self, item):
        return item["metadata"].get("labels", {}).get(self.shard_label)

    def by_name(self, path):
        return {item["metadata"]["name"]: item for item in self.api.items(path)}

    def shards(self, path):
        """{name: shard}"""
        return {name: self.shard_of(item) for name, item in self.by_name(path).items()}

    def draining(self, path=None):
        return [item["metadata"]["name"] for item in self.api.items(path or self.secrets, self.drain_label)]

    def acknowledge(self, name):
        """As the shard that hands the object over; the answer carries the new shard."""
        return self.api.patch(f"{self.secrets}/{name}?fieldManager=sharding-sidecar",
                              {"metadata": {"labels": {self.shard_label: None, self.drain_label: None}}})
