"""The workload of the checksum controller: Secrets come, change and go, and each has a ConfigMap with its checksums."""

import base64
import hashlib

from api import CONFIGMAPS, PODS, SECRETS
from world import CHECKED_RING, CONTROLLER, RING, eventually

_OBJECTS = 60  # about so many at a time


class Checksums:
    """What a workload is: a Deployment with its ring, how objects of it come and go, and what has to be true at the end."""

    deployment, container, ring = RING, CONTROLLER, CHECKED_RING
    # Resource -> where it is listed: what the journal tells the checker after the API server was killed.
    lists = {"secrets": SECRETS, "configmaps": CONFIGMAPS}

    def __init__(self, world):
        self._world, self._api = world, world.api
        self._names, self._created = [], 0

    def install(self):
        """World.install() has done it already."""

    def pods(self):
        """Names of those that run, in a stable order."""
        items = self._api.items(f"{PODS}?labelSelector=app.kubernetes.io/component={RING}")
        return sorted(item["metadata"]["name"] for item in items
                      if "deletionTimestamp" not in item["metadata"] and item["status"]["phase"] == "Running")

    def write(self, chance):
        """One write: a Secret is created, changed or deleted. A name is never used again: the ConfigMap of the one before would
        be in the way until the garbage collector has removed it, which takes a minute or more after the API server's faults."""
        kind, place, key = chance.random(), chance.random(), f"{chance.random()}"
        if len(self._names) < _OBJECTS / 2 or kind < 0.2:
            self._created += 1
            name = f"chaos-{self._created}"
            self._names.append(name)
            self._api.create(SECRETS, {"metadata": {"name": name}, "stringData": {"key": key}})
            return
        name = self._names[int(place * len(self._names))]
        if kind > 0.9 or len(self._names) > _OBJECTS:
            self._names.remove(name)
            self._api.delete(f"{SECRETS}/{name}")
        else:
            self._api.patch(f"{SECRETS}/{name}", {"stringData": {"key": key}})

    def settle(self, replicas):
        """Every object is where the hash ring says, and has been worked on."""
        self._world.settle(replicas, seconds=120)
        eventually(lambda: _none(self._stale()), 60, "every ConfigMap has the checksum of its Secret")

    def _stale(self):
        sums = {item["metadata"]["name"]: item.get("data", {}) for item in self._api.items(CONFIGMAPS)}
        stale = []
        for secret in self._api.items(SECRETS):
            expected = hashlib.sha256(base64.b64decode(secret["data"]["key"])).hexdigest()
            name = secret["metadata"]["name"]
            if sums.get(f"checksums-{name}", {}).get("key") != expected:
                stale.append(name)
        return stale


def _none(names):
    assert not names, f"not so: {', '.join(names[:10])}"
    return True
