"""An example that keeps a ConfigMap for every Secret of its own namespace, whatever it is written in.

    ring = LanguageRing(world, "python-kopf")
    ring.install(sharded=True)
    ring.checked_off(3)         # waits until three shards share all objects and every Secret has its checksums
"""

import base64
import hashlib
import time

import yaml
from api import DEPLOYMENTS, LEASES, PODS, RINGS, in_namespace
from example_ring import ExampleRing, Resource
from hash_ring import HashRing
from pod_test import probe
from world import ROOT, SIDECAR, eventually

SECRETS = Resource("v1", "Secret", "secrets")
CONFIGMAPS = Resource("v1", "ConfigMap", "configmaps")
WITHOUT_ELECTION = ("python-kopf", "rust-operator")


def why_without_image(name):
    """Why scripts/build-language-images could not make this image on this machine; "" if it could, or has not been asked."""
    reason = ROOT / "build/images" / f"{name}.missing"
    return reason.read_text().strip() if reason.exists() else ""


def checksums(secret):
    return {key: hashlib.sha256(base64.b64decode(value)).hexdigest() for key, value in secret.get("data", {}).items()}


class LanguageRing(ExampleRing):
    def __init__(self, world, name):
        super().__init__(world, name, SECRETS, CONFIGMAPS, namespace=name)

    def load(self):
        super().load()
        self.world.kubectl(f"create namespace {self.namespace}", check=False)
        self.world.kubectl(f"label namespace {self.namespace} pod-security.kubernetes.io/enforce=restricted")

    def create_secrets(self, prefix, count):
        for index in range(count):
            self.create_secret(f"{prefix}-{index}")

    def create_secret(self, name):
        self.api.create_secret(name, self.namespace)

    def change_secrets(self, value):
        for item in self.api.items(self.path(SECRETS)):
            self.change_secret(item["metadata"]["name"], value)

    def change_secret(self, name, value):
        self.api.patch(f"{self.path(SECRETS)}/{name}", {"stringData": {"key": value}})

    def checked_off(self, shards, seconds=120, without=None):
        """-> seconds until every object is on its shard and has what it should have."""
        began = time.monotonic()

        def done():
            available = self.settle(shards, seconds=1)
            assert without not in available, f"{without} is still available"
            self.expect_checksums()
            return True
        eventually(done, seconds, f"{self.name}: {shards} shards, every Secret served")
        return time.monotonic() - began

    def expect_checksums(self):
        found = {item["metadata"]["name"]: item.get("data", {}) for item in self.api.items(self.path(CONFIGMAPS))}
        for item in self.api.items(self.path(SECRETS)):
            name = item["metadata"]["name"]
            assert found.get(f"checksums-{name}") == checksums(item), f"{name} has {found.get(f'checksums-{name}')}"

    def served(self, seconds=120):
        """Every Secret has its checksums, wherever the objects are."""
        def done():
            self.expect_checksums()
            return True
        eventually(done, seconds, f"{self.name}: every Secret served")

    def switch(self, sharded):
        """To manifests/sharded by a rolling update, or back; without election it is stopped first, as its README says."""
        if self.name in WITHOUT_ELECTION:
            self.scale(0)
            eventually(lambda: not self.all_pods(), 60, f"{self.name}: no pods")
            # The cluster of the tests has no DNS; with a sidecar a pod has the API server's name anyway.
            named = None if sharded else [{"ip": "10.96.0.1", "hostnames": ["kubernetes.default.svc"]}]
            self._patch_pods({"spec": {"hostAliases": named}})
        self.install(sharded)
        self.rolled_out()

    def set_resources(self, resources):
        """-> those of before"""
        path = f"{RINGS}/{self.name}"
        before = self.api.get(path)["spec"]["resources"]
        self.api.patch(path, {"spec": {"resources": resources}})
        return before

    def annotate_pods(self, annotations):
        self._patch_pods({"metadata": {"annotations": annotations}})
        self.rolled_out()

    def _patch_pods(self, template):
        self.api.patch(f"{in_namespace(DEPLOYMENTS, self.namespace)}/{self.name}", {"spec": {"template": template}})

    def name_on(self, shard, prefix):
        """A Secret's name that the ring puts on this shard."""
        ring = HashRing(self.available())
        return next(f"{prefix}-{i}" for i in range(100_000) if ring.owner(f"/Secret/{self.namespace}/{prefix}-{i}") == shard)

    def pods(self):
        return sorted(pod["metadata"]["name"] for pod in self.all_pods() if "deletionTimestamp" not in pod["metadata"])

    def holder(self, pod):
        """Of the shard's Lease; empty once it is released."""
        return self.api.get(f"{in_namespace(LEASES, self.namespace)}/{pod}")["spec"].get("holderIdentity", "")

    def restarts(self):
        """Pod -> how often its controller was started again."""
        return {pod["metadata"]["name"]: status["restartCount"] for pod in self.all_pods()
                for status in pod["status"]["containerStatuses"] if status["name"] == self.name}

    def all_pods(self):
        """Those on their way out, too."""
        return self.api.items(f"{in_namespace(PODS, self.namespace)}?labelSelector=app.kubernetes.io/component={self.name}")

    def listed(self, pod, resource):
        """The names that a list shows in that pod, through its sidecar."""
        return set(probe(self.world, pod, "list", self.path(resource), **self._inside())["sidecar"])

    def of_shard(self, pod, resource):
        return {item["metadata"]["name"] for item in self.api.metadata(self.path(resource))
                if item["metadata"].get("labels", {}).get(self.shard_label) == pod}

    def metric(self, pod, sample):
        """Of that pod's sidecar; 0 if it has none such."""
        text = self.world.in_pod_network(pod, "curl", "-s", "http://127.0.0.1:16480/metrics", **self._inside())
        return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(sample))

    def _inside(self):
        return {"namespace": self.namespace, "container": self.name}

    def delete_by_force(self, pod):
        self.api.delete(f"{in_namespace(PODS, self.namespace)}/{pod}?gracePeriodSeconds=0&propagationPolicy=Background")

    def restart_all(self):
        self.world.kubectl(f"-n {self.namespace} rollout restart deployment {self.name}")
        self.rolled_out()

    def logs(self, lines=15):
        parts = [self.world.kubectl(f"-n {self.namespace} get pod,lease,secret,configmap --show-labels", check=False)]
        for container in (self.name, SIDECAR):
            parts.append(self.world.kubectl(f"-n {self.namespace} logs --prefix --tail={lines} -c {container} "
                                            f"-l app.kubernetes.io/component={self.name}", check=False))
        return "\n".join(parts)


class OlderChecksums(LanguageRing):
    """The checksum controller with older libraries: its manifests under another name, in a namespace of its own."""
    NAME = "checksum-older"

    def __init__(self, world):
        super().__init__(world, self.NAME)
        self._manifests = ROOT / "build/e2e" / self.NAME
        self._write("sharded")
        self._write("unsharded")

    def _write(self, kind):
        folder = self._manifests / kind
        folder.mkdir(parents=True, exist_ok=True)
        text = self.world.kubectl(f"kustomize {ROOT}/examples/checksum-controller/manifests/{kind}")
        # The Lease's name is in the program; the role that the sidecar needs covers every Lease of the namespace.
        text = text.replace("checksum-controller", self.NAME)
        for default in ("namespace: ", "--namespace=", "metadata.name: "):
            text = text.replace(default + "default", default + self.NAME)
        files = {"controllerring.yaml": [], "others.yaml": []}
        for item in yaml.safe_load_all(text):
            files["controllerring.yaml" if item["kind"] == "ControllerRing" else "others.yaml"].append(item)
        files = {name: objects for name, objects in files.items() if objects}
        for name, objects in files.items():
            (folder / name).write_text(yaml.safe_dump_all(objects))
        (folder / "kustomization.yaml").write_text(yaml.safe_dump({"resources": sorted(files)}))
