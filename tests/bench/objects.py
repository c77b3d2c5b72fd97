"""Many objects at once, and shards' hands: processes that create Secrets and that acknowledge drains.

Processes, since one Python thread is slower than the API server; each has connections of its own. A process that fails says
why through its `problem` queue, and whoever waits for it raises that.
"""

import multiprocessing
import queue
import threading
import time
import zlib

from support import Api

CONTEXT = multiprocessing.get_context("fork")
METADATA = {"Accept": "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"}
CREATORS = 4
ACKNOWLEDGERS = 3
THREADS = 4  # of each process that acknowledges


class Stopped(Exception):
    """The measurement cannot go on; the text says why."""


def create_secrets(cluster, path, names, deadline):
    """Creates them all; returns the seconds it took."""
    problems = CONTEXT.Queue()
    shares = [names[i::CREATORS] for i in range(CREATORS)]
    processes = [CONTEXT.Process(target=_create, args=(cluster, path, share, problems), daemon=True) for share in shares]
    began = time.monotonic()
    for process in processes:
        process.start()
    for process in processes:
        process.join(max(0, deadline - time.monotonic()))
    if any(process.is_alive() for process in processes):
        for process in processes:
            process.terminate()
        raise Stopped("the time is up while objects are being created: use fewer")
    if not problems.empty():
        raise Stopped(f"creating objects failed: {problems.get()}")
    return time.monotonic() - began


def _create(cluster, path, names, problems):
    try:
        api = Api.of_cluster(cluster)
        for name in names:
            api.request("POST", path, {"metadata": {"name": name}, "stringData": {"key": "x" * 200}}, headers=METADATA)
    except Exception as error:  # pylint: disable=broad-except
        problems.put(repr(error))


class Acknowledgers:
    """Acknowledges every drain of a ring as its shard would, without waiting for a controller: a context manager."""

    def __init__(self, cluster, ring):
        self._problems = CONTEXT.Queue()
        self._done = [CONTEXT.Value("L", 0) for _ in range(ACKNOWLEDGERS)]
        fixed = (cluster, ring.secrets, ring.shard_label, ring.drain_label)
        self._processes = [CONTEXT.Process(target=_acknowledge, args=(*fixed, part, done, self._problems), daemon=True)
                           for part, done in enumerate(self._done)]

    def __enter__(self):
        for process in self._processes:
            process.start()
        return self

    def __exit__(self, *_):
        for process in self._processes:
            process.terminate()
            process.join()

    def count(self):
        """How many drains have been acknowledged so far."""
        if not self._problems.empty():
            raise Stopped(f"acknowledging a drain failed: {self._problems.get()}")
        return sum(done.value for done in self._done)


def _acknowledge(cluster, path, shard_label, drain_label, part, done, problems):
    api, waiting = Api.of_cluster(cluster), queue.Queue()
    merge = {"metadata": {"labels": {shard_label: None, drain_label: None}}}

    def work():
        try:
            while True:
                api.request("PATCH", f"{path}/{waiting.get()}?fieldManager=sharding-sidecar", merge,
                            "application/merge-patch+json", METADATA)
                with done.get_lock():
                    done.value += 1
        except Exception as error:  # pylint: disable=broad-except
            problems.put(repr(error))

    for _ in range(THREADS):
        threading.Thread(target=work, daemon=True).start()
    try:
        for event in api.watch(f"{path}?labelSelector={drain_label}", METADATA):
            name = event["object"]["metadata"].get("name", "")
            if event["type"] == "ADDED" and zlib.crc32(name.encode()) % ACKNOWLEDGERS == part:
                waiting.put(name)
        raise Stopped("the watch of drains ended")
    except Exception as error:  # pylint: disable=broad-except
        problems.put(repr(error))
