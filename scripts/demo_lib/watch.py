"""`kubectl get RESOURCE --show-labels -w --output-watch-events --watch-only` in the background."""

import dataclasses
import threading
import time

_START_SECONDS = 15


@dataclasses.dataclass
class Event:
    at: float  # time.monotonic() of its arrival
    line: str
    type: str
    name: str
    labels: dict


class Watch:
    """Runs from its construction, which returns when the API server watches, until close()."""

    def __init__(self, cluster, resource):
        self.command = f"kubectl get {resource} --show-labels -w --output-watch-events --watch-only"
        self._lines, self._lock, self._started = [], threading.Lock(), threading.Event()
        self._process = cluster.popen(*self.command.split()[1:], "-v=6")
        self._threads = [threading.Thread(target=self._read_events, daemon=True),
                         threading.Thread(target=self._read_log, daemon=True)]
        for thread in self._threads:
            thread.start()
        if not self._started.wait(_START_SECONDS):
            self.close()
            raise TimeoutError(f"no watch within {_START_SECONDS} s: {self.command}")

    def events(self):
        with self._lock:
            return [event for event in map(_to_event, self._lines) if event]

    def lines(self):
        with self._lock:
            return [line for _, line in self._lines]

    def close(self):
        self._process.kill()
        self._process.wait()
        for thread in self._threads:
            thread.join(timeout=5)
        self._process.stdout.close()
        self._process.stderr.close()

    def _read_events(self):
        for line in self._process.stdout:
            with self._lock:
                self._lines.append((time.monotonic(), line.rstrip("\n")))

    def _read_log(self):
        # kubectl says nothing on its output before the first event; its log tells when the watch has begun.
        for line in self._process.stderr:
            if "watch=true" in line and "200 OK" in line:
                self._started.set()


def _to_event(entry):
    at, line = entry
    fields = line.split()
    if len(fields) < 3 or fields[0] not in ("ADDED", "MODIFIED", "DELETED"):
        return None
    labels = dict(label.split("=", 1) for label in fields[-1].split(",") if "=" in label)
    return Event(at, line, fields[0], fields[1], labels)
