"""Writes at a bounded rate while faults are injected, whatever the API server does meanwhile."""

import random
import threading

from api import ApiError


class Load:
    """`with Load(workloads, seed) as load:` -- one thread for each workload."""

    def __init__(self, workloads, seed, per_second=10):
        self.written, self.refused = 0, 0
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(workload, random.Random(f"{seed}/{workload.ring.name}"),
                                                                  1 / per_second), daemon=True) for workload in workloads]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, workload, chance, pause):
        while not self._stop.wait(pause):
            try:
                workload.write(chance)
                self.written += 1
            except (ApiError, OSError):
                self.refused += 1
