"""What no audit log has, written down by whoever injects faults, and read by the checker: one JSON object a line.

    journal = Journal(path)
    journal.killed()                                 # the API server, with whatever it was working on
    with journal.outage("both centrals are down"):   # nobody can assign objects
        ...
    journal.listed("secrets", "default", cluster.kubectl_json("get", "secrets"))
"""

import contextlib
import dataclasses
import datetime
import json

from .writes import of_observation, seconds


@dataclasses.dataclass(slots=True)
class Killed:
    """The API server was killed. Writes that it was working on may have happened, and are not in the log."""
    time: float


@dataclasses.dataclass(slots=True)
class Outage:
    """From here on (or until here) nobody can assign objects: no central, no API server, no store."""
    time: float
    what: str
    begins: bool


@dataclasses.dataclass(slots=True)
class Listing:
    """All objects of a resource (in a namespace, if it is not empty) at a revision. The objects come before it."""
    time: float
    revision: int
    resource: str
    namespace: str
    uids: frozenset
    stamp: str
    uid: str = ""


class Journal:
    def __init__(self, path):
        self.path = path
        path.write_text("")

    def killed(self):
        self._add({"event": "killed"})

    @contextlib.contextmanager
    def outage(self, what):
        self._add({"event": "outage", "what": what, "begins": True})
        try:
            yield
        finally:
            self._add({"event": "outage", "what": what, "begins": False})

    def listed(self, resource, namespace, answer):
        """`answer`: a List of the API server, with the list's own resourceVersion and the items' metadata."""
        items = [{**item, "metadata": {key: value for key, value in item["metadata"].items() if key != "managedFields"}}
                 for item in answer["items"] or ()]
        self._add({"event": "listed", "resource": resource, "namespace": namespace, "items": items,
                   "revision": answer["metadata"]["resourceVersion"]})

    def _add(self, entry):
        now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="microseconds")
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"time": now, **entry}) + "\n")


def observed(resource, item, time):
    """An object as it was read at that time (a datetime), for replay()."""
    stamp = time.isoformat(timespec="microseconds")
    return of_observation(resource, item, int(item["metadata"]["resourceVersion"]), seconds(stamp), stamp)


def read_journal(path):
    """The entries as the checker takes them, oldest first."""
    with open(path, encoding="utf-8") as file:
        for line in file:
            yield from _entries(json.loads(line))


def _entries(entry):
    time = seconds(entry["time"])
    if entry["event"] == "killed":
        yield Killed(time)
    elif entry["event"] == "outage":
        yield Outage(time, entry["what"], entry["begins"])
    else:
        revision, items = int(entry["revision"]), entry["items"]
        for item in items:
            yield of_observation(entry["resource"], item, revision, time, entry["time"])
        uids = frozenset(item["metadata"]["uid"] for item in items)
        yield Listing(time, revision, entry["resource"], entry["namespace"], uids, entry["time"])
