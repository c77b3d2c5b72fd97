"""Faults while everything runs. Afterwards nothing may be lost, without an owner, or with two."""

import threading

from api import CONFIGMAPS, LEASES, RINGS, SECRETS, ApiError
from world import CONTROLLER, RING, SHARD_LABEL, SHARDED, Moment, eventually

from pod_test import probe


class Creator(threading.Thread):
    """Creates Secrets one after another until it is stopped, whatever the API server does meanwhile."""

    def __init__(self, api, prefix):
        super().__init__(daemon=True)
        self._api, self._prefix, self._stop_asked = api, prefix, threading.Event()
        self.created, self.failed = [], 0
        self.start()

    def run(self):
        number = 0
        while not self._stop_asked.wait(0.02):
            number += 1
            try:
                self._api.create_secret(f"{self._prefix}-{number}")
                self.created.append(f"{self._prefix}-{number}")
            except (ApiError, OSError):
                self.failed += 1

    def stop(self):
        self._stop_asked.set()
        self.join()


def test_the_api_server_is_restarted_in_the_middle_of_watches(ring, measurements):
    ring.api.create_secrets([f"before-{i}" for i in range(30)])
    ring.settle()
    creator = Creator(ring.api, "during")
    eventually(lambda: len(creator.created) > 20, 30, "Secrets are being created")
    ring.cluster.restart("apiserver", gap=2, wait=True)
    back = Moment()
    count = len(creator.created)
    eventually(lambda: len(creator.created) > count + 20, 60, "Secrets are being created again")
    creator.stop()
    ring.api.create_secrets([f"after-{i}" for i in range(10)])
    assert creator.failed, "the API server was away"
    now = ring.settle(3, seconds=90)  # all have a ConfigMap and are where the ring says
    measurements.record("API server restarted: ready again to everything served", back.elapsed(),
                        note=f"{len([name for name in now.objects if name.startswith('Secret/')])} Secrets, "
                             f"{len(creator.created)} created in the middle")
    assert {f"Secret/{name}" for name in creator.created} <= set(now.objects)


def test_the_ring_is_deleted_while_running(ring):
    ring.api.create_secrets([f"ringless-{i}" for i in range(10)])
    before = ring.settle()
    ring.api.delete(f"{RINGS}/{RING}")
    for pod in before.available:  # each learns of it by its own watch
        eventually(lambda: probe(ring, pod, "get", SECRETS)["sidecar"] == 503, 15, "the sidecar refuses what it cannot filter")
    # Nothing is written while there is no ring: the object is changed, and its ConfigMap is not.
    ring.api.create_secret("ringless-new")
    ring.api.patch(f"{SECRETS}/ringless-0", {"stringData": {"key": "changed"}})
    version = ring.api.get(f"{CONFIGMAPS}/checksums-ringless-0")["metadata"]["resourceVersion"]
    marker = Moment()
    eventually(lambda: marker.elapsed() > 3, 10, "three seconds without a ring")
    assert ring.api.find(f"{CONFIGMAPS}/checksums-ringless-new") is None
    assert ring.api.get(f"{CONFIGMAPS}/checksums-ringless-0")["metadata"]["resourceVersion"] == version

    ring.kubectl(f"apply -f {SHARDED}/controllerring.yaml")
    ring.settle(3, seconds=90)
    eventually(lambda: ring.api.get(f"{CONFIGMAPS}/checksums-ringless-0")["metadata"]["resourceVersion"] != version, 30,
               "the change is worked on")
    ring.served("ringless-new")


def test_a_shards_lease_is_taken_by_somebody_else(ring, measurements):
    ring.api.create_secrets([f"taken-{i}" for i in range(20)])
    before = ring.settle()
    pod = ring.fresh_pod()
    lease = ring.api.get(f"{LEASES}/{pod}")
    taken = Moment()
    while True:
        try:
            now = taken.wall.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
            ring.api.patch(f"{LEASES}/{pod}", {
                "metadata": {"resourceVersion": lease["metadata"]["resourceVersion"]},
                "spec": {"holderIdentity": "somebody-else", "acquireTime": now, "renewTime": now}})
            break
        except ApiError as error:
            assert error.code == 409
            lease, taken = ring.api.get(f"{LEASES}/{pod}"), Moment()
    eventually(lambda: not ring.snapshot().of_shard(pod), 20, "its objects are with the others")
    measurements.record("shard Lease taken by another: to its objects moved", taken.elapsed(),
                        note=f"{len(before.of_shard(pod))} objects")
    assert ring.state(pod) == "dead"
    eventually(lambda: "stopped leading" in controllers_log(ring, pod) or ring.restarts(pod, CONTROLLER), 30,
               "the controller has stopped leading")
    eventually(lambda: ring.state(pod) == "ready", 90, "the shard is back after the other's Lease has expired")
    measurements.record("shard Lease taken by another: to the shard being back", taken.elapsed(), note="the other's 15 s included")
    ring.settle(3, seconds=60)


def controllers_log(ring, pod):
    return ring.kubectl(f"logs {pod} -c {CONTROLLER} --tail=50", check=False)


def test_both_centrals_are_killed_and_nothing_stays_unassigned(ring, measurements):
    """While nobody answers the webhook, objects are created without a shard (failurePolicy Ignore): a sync finds them."""
    pods = ring.api.items("/api/v1/namespaces/sharding-system/pods?labelSelector=app.kubernetes.io/component=sharder")
    for pod in pods:
        ring.cluster.kill_container("sharding-system", pod["metadata"]["name"], "sharder")
    killed = Moment()
    secrets = ring.api.create_secrets([f"unattended-{i}" for i in range(10)])
    unassigned = [secret for secret in secrets if SHARD_LABEL not in secret["metadata"].get("labels", {})]
    ring.settle(3, seconds=90)
    measurements.record("both centrals killed: to everything assigned and served", killed.elapsed(),
                        note=f"{len(unassigned)} of {len(secrets)} created without a shard")
    ring.kubectl("-n sharding-system wait --for=condition=Available deployment sharder --timeout=60s")
