"""The workload of the checksum controller: Secrets come, change and go, and each has a ConfigMap with its checksums."""

import base64
import hashlib

from api import CONFIGMAPS, PODS, SECRETS, ApiError
from world import CHECKED_RING, CONTROLLER, RING, eventually

_NAMES = 80


class Checksums:
    """What a workload is: a Deployment with its ring, how objects of it come and go, and what has to be true at the end."""

    deployment, container, ring = RING, CONTROLLER, CHECKED_RING
    # Resource -> where it is listed: what the journal tells the checker after the API server was killed.
    lists = {"secrets": SECRETS, "configmaps": CONFIGMAPS}

    def __init__(self, world):
        self._world, self._api = world, world.api

    def install(self):
        """World.install() has done it already."""

    def pods(self):
        """Names of those that run, in a stable order."""
        items = self._api.items(f"{PODS}?labelSelector=app.kubernetes.io/component={RING}")
        return sorted(item["metadata"]["name"] for item in items
                      if "deletionTimestamp" not in item["metadata"] and item["status"]["phase"] == "Running")

    def write(self, chance):
        """One write: a Secret is created, changed or deleted."""
        name = f"chaos-{chance.randrange(_NAMES)}"
        path = f"{SECRETS}/{name}"
        if chance.random() < 0.1:
            self._api.delete(path)
            return
        content = {"stringData": {"key": f"{chance.random()}"}}
        try:
            self._api.patch(path, content)
        except ApiError as error:
            if error.code != 404:
                raise
            self._api.create(SECRETS, {"metadata": {"name": name}, **content})

    def settle(self, replicas):
        """Every object is where the hash ring says, and has been worked on."""
        self._world.settle(replicas, seconds=120)
        eventually(lambda: not self._stale(), 60, "every ConfigMap has the checksum of its Secret")

    def _stale(self):
        sums = {item["metadata"]["name"]: item.get("data", {}) for item in self._api.items(CONFIGMAPS)}
        stale = []
        for secret in self._api.items(SECRETS):
            expected = hashlib.sha256(base64.b64decode(secret["data"]["key"])).hexdigest()
            name = secret["metadata"]["name"]
            if sums.get(f"checksums-{name}", {}).get("key") != expected:
                stale.append(name)
        return stale

