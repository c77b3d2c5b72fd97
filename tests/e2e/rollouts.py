"""A ring's controller goes back to one leader, and is sharded again, while its Secrets change all the time."""

import contextlib
import itertools
import threading

from api import DEPLOYMENTS, in_namespace
from side_by_side import Story
from world import Moment, eventually

LEASE_SECONDS = 15
_ANNOTATION = "sidecar.alpha.sharding.timebertt.dev/controllerring"
_SECRETS, _PAUSE_SECONDS = 12, 0.3


class Rollout(Story):
    def __init__(self, ring):
        super().__init__(ring)
        self.seconds = {}  # what came about -> since the command
        self.began = Moment()

    def live(self):
        with changing(self.ring):
            self._serves("before")
            for kind, sharded in (("one leader", False), ("sharded", True)):
                began = Moment()
                self.ring.switch(sharded)
                eventually(lambda: set(self._pods_are_sharded()) == {sharded}, 60, "the old pods are gone")
                self._serves(kind.replace(" ", "-"))
                self.seconds[kind] = began.elapsed()
        self.ring.checked_off(3)

    def _serves(self, name):
        self.ring.create_secret(name)
        child = f"{self.ring.path(self.ring.controlled)}/checksums-{name}"
        eventually(lambda: self.ring.api.find(child), 120, f"{name} is served")

    def kinds(self):
        """Of a pod, by its name, whether it is sharded: also of those that are gone."""
        path = in_namespace(DEPLOYMENTS, self.ring.namespace).replace("deployments", "replicasets")
        templates = {item["metadata"]["name"]: item["spec"]["template"] for item in self.ring.api.items(path)}
        sharded = {name: _ANNOTATION in template["metadata"].get("annotations", {}) for name, template in templates.items()}
        return lambda pod: sharded[pod.rpartition("-")[0]]

    def _pods_are_sharded(self):
        return [_ANNOTATION in pod["metadata"].get("annotations", {}) for pod in self.ring.all_pods()]


@contextlib.contextmanager
def changing(ring):
    """Secrets are made and changed meanwhile, several times a second."""
    stop, failures = threading.Event(), []
    names = [f"changing-{i}" for i in range(_SECRETS)]

    def work():
        try:
            for number in itertools.count():
                if stop.wait(_PAUSE_SECONDS):
                    return
                if number % 5 == 0:
                    ring.create_secret(f"made-{number}")
                ring.change_secret(names[number % _SECRETS], f"change {number}")
        except Exception as error:  # raised again in the story's thread
            failures.append(error)
    for name in names:
        ring.create_secret(name)
    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
    if failures:
        raise failures[0]
