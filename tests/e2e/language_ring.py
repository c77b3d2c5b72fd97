"""An example that keeps a ConfigMap for every Secret of its own namespace, whatever it is written in.

    ring = LanguageRing(world, "python-kopf")
    ring.install(sharded=True)
    ring.checked_off(3)         # waits until three shards share all objects and every Secret has its checksums
"""

import base64
import hashlib
import time

import yaml
from api import PODS, in_namespace
from example_ring import ExampleRing, Resource
from hash_ring import HashRing
from world import ROOT, SIDECAR, eventually

SECRETS = Resource("v1", "Secret", "secrets")
CONFIGMAPS = Resource("v1", "ConfigMap", "configmaps")


def why_without_image(name):
    """Why scripts/build-language-images could not make this image on this machine; "" if it could, or has not been asked."""
    reason = ROOT / "build/images" / f"{name}.missing"
    return reason.read_text().strip() if reason.exists() else ""


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
            self.api.patch(f"{self.path(SECRETS)}/{item['metadata']['name']}", {"stringData": {"key": value}})

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
            name, data = item["metadata"]["name"], item.get("data", {})
            wanted = {key: hashlib.sha256(base64.b64decode(value)).hexdigest() for key, value in data.items()}
            assert found.get(f"checksums-{name}") == wanted, f"{name} has {found.get(f'checksums-{name}')}"

    def name_on(self, shard, prefix):
        """A Secret's name that the ring puts on this shard."""
        ring = HashRing(self.available())
        return next(f"{prefix}-{i}" for i in range(100_000) if ring.owner(f"/Secret/{self.namespace}/{prefix}-{i}") == shard)

    def pods(self):
        pods = self.api.items(f"{in_namespace(PODS, self.namespace)}?labelSelector=app.kubernetes.io/component={self.name}")
        return sorted(pod["metadata"]["name"] for pod in pods if "deletionTimestamp" not in pod["metadata"])

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
        self._write(self._manifests / "sharded")

    def _write(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        text = self.world.kubectl(f"kustomize {ROOT}/examples/checksum-controller/manifests/sharded")
        # The Lease's name is in the program; the role that the sidecar needs covers every Lease of the namespace.
        text = text.replace("checksum-controller", self.NAME)
        for default in ("namespace: ", "--namespace=", "metadata.name: "):
            text = text.replace(default + "default", default + self.NAME)
        objects = list(yaml.safe_load_all(text))
        rings = [item for item in objects if item["kind"] == "ControllerRing"]
        (folder / "controllerring.yaml").write_text(yaml.safe_dump_all(rings))
        (folder / "others.yaml").write_text(yaml.safe_dump_all(item for item in objects if item not in rings))
        (folder / "kustomization.yaml").write_text("resources: [controllerring.yaml, others.yaml]\n")
