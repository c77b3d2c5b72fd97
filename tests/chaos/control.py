"""The control run: the same ring with the handover reduced to 'acknowledge on sight' and no fence. The checker has to find
violations then; a proof that would hold without the fence proves nothing.

The pods are copies of an injected one, sidecar included, with one more option. The injector has no part in them: it writes the
sidecar's command line itself and knows no such option.
"""

import copy
import threading
import time

from api import DEPLOYMENTS, SECRETS, ApiError
from faults import patient
from run import judge
from world import RING, SIDECAR

_NAME = f"{RING}-unsafe"
_OBJECTS = 60
_ROUNDS = (4, 2, 4)


def run(scene, say=print):
    """Until a violation is found, or at the end of the last round. -> checker.Result, of the whole log"""
    world = scene.world
    world.kubectl(f"annotate controllerring {RING} alpha.sharding.timebertt.dev/fence=off --overwrite")
    deployment = _unsafe_deployment(next(iter(world.pods().values())))
    world.scale(0)
    world.api.create(DEPLOYMENTS, deployment)
    names = [f"control-{i}" for i in range(_OBJECTS)]
    world.settle(2, seconds=120)
    world.api.create_secrets(names)
    world.settle(2, seconds=60)
    stop = threading.Event()
    writers = [threading.Thread(target=_write, args=(world.api, names[i::4], stop)) for i in range(4)]
    for writer in writers:
        writer.start()
    try:
        for replicas in _ROUNDS:
            say(f"control run: {replicas} replicas")
            patient(lambda replicas=replicas: world.api.patch(f"{DEPLOYMENTS}/{_NAME}/scale", {"spec": {"replicas": replicas}}))
            world.kubectl(f"rollout status deployment {_NAME} --timeout=60s")
            time.sleep(5)
            result = _judged(scene)
            if result.violations:
                break
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    return result


def _judged(scene):
    return next(result for result in judge(scene) if result.ring == RING)


def _unsafe_deployment(pod):
    spec = copy.deepcopy(pod["spec"])
    for field in ("nodeName", "priority", "preemptionPolicy"):
        spec.pop(field, None)
    sidecar = next(container for container in spec["initContainers"] if container["name"] == SIDECAR)
    sidecar["args"].append("--unsafe-handover")
    labels = {**pod["metadata"]["labels"], "handover": "unsafe"}
    labels.pop("pod-template-hash")
    return {"metadata": {"name": _NAME}, "spec": {
        "replicas": 2, "selector": {"matchLabels": {"handover": "unsafe"}},
        "template": {"metadata": {"labels": labels}, "spec": spec}}}


def _write(api, names, stop):
    """Changes the Secrets in turn, so that their shards are always at work on them."""
    number = 0
    while not stop.is_set():
        number += 1
        try:
            api.patch(f"{SECRETS}/{names[number % len(names)]}", {"stringData": {"key": f"{number}"}})
        except (ApiError, OSError):
            stop.wait(0.1)
