"""Who wrote what while who owned it, from the API server's audit log. No non-owner may ever have written.

    result = replay(cluster.audit_events(), ring="checksum-controller", pod_prefix="checksum-controller-")
    assert result.judged and not result.violations, result.explain()

The log has every write with its response, and so the shard label of every object after each of its revisions. Replayed in
the order of resourceVersions it tells the label just before each write. A write by one of the controller's pods is a
violation if the object belonged to another shard then:

- update, patch, delete: the label that the object had before;
- create: the label that the object came to have, and the label that its controller (owner reference) had then.

The sidecar writes with its pod's identity and is judged in the same way: what it hands over has to be its own.
A write that was given up while the API server worked on it (code 5xx: its client went away) may have happened or not. What
depends on it is not judged, and counted.
Nobody owns anything while no shard of the ring holds its Lease; that is how an unsharded controller takes over.
"""

import dataclasses

from hash_ring import controller_of

POD_NAME = "authentication.kubernetes.io/pod-name"
RING_LABEL = "alpha.sharding.timebertt.dev/controllerring"
WRITES = ("create", "update", "patch", "delete", "deletecollection")


@dataclasses.dataclass
class Write:
    """One judged write, or one that could not be judged."""
    pod: str
    verb: str
    target: str  # resource/name
    owner: str   # the shard that owned it, or why that is not known
    revision: int
    time: str
    user_agent: str

    def __str__(self):
        return (f"{self.time} {self.pod} {self.verb} {self.target}: owner {self.owner} "
                f"(revision {self.revision}, {self.user_agent})")


@dataclasses.dataclass
class Move:
    target: str
    source: str  # "" if it had no shard
    to: str
    drained: bool
    time: str


@dataclasses.dataclass
class Drain:
    """The drain label was put on an object."""
    target: str
    time: str


@dataclasses.dataclass
class Loss:
    """An object that had a shard was left without one."""
    target: str
    source: str
    by: str
    time: str


@dataclasses.dataclass
class LeaseChange:
    """A shard began or ceased to hold its Lease."""
    shard: str
    held: bool
    time: str


@dataclasses.dataclass
class Result:
    judged: int = 0
    violations: list = dataclasses.field(default_factory=list)
    unjudged: list = dataclasses.field(default_factory=list)
    moves: list = dataclasses.field(default_factory=list)
    drains: list = dataclasses.field(default_factory=list)
    leases: list = dataclasses.field(default_factory=list)
    losses: list = dataclasses.field(default_factory=list)
    unknown: list = dataclasses.field(default_factory=list)  # targets of writes that may have happened or not

    def explain(self):
        lines = [f"{self.judged} writes judged, {len(self.violations)} by a non-owner, {len(self.unjudged)} not judged"]
        lines += [f"  not the owner's: {write}" for write in self.violations[:20]]
        lines += [f"  not judged: {write}" for write in self.unjudged[:20]]
        return "\n".join(lines)


def replay(events, ring, pod_prefix, known=()):
    """`known`: objects as they were read at some time, for moves of objects whose creation the log does not have."""
    replayed = _Replay(ring, pod_prefix)
    replayed.know(known)
    for event in in_order(events):
        replayed.take(event)
    return replayed.result


def in_order(events):
    """The writes in the order in which they took effect, as (revision, event); without those that were refused."""
    events = sorted((event for event in events if _may_have_happened(event)), key=_time)
    last_of_uid = {}
    for event in events:
        last_of_uid[_uid(event)] = max(_revision(event), last_of_uid.get(_uid(event), 0))
    ordered, latest = [], 0
    for index, event in enumerate(events):
        revision = _revision(event)
        if not revision:
            # A delete is answered with a Status: no revision, but nothing happens to the object afterwards.
            revision = max(latest, last_of_uid[_uid(event)] if _succeeded(event) else 0)
        latest = max(latest, revision)
        ordered.append((revision, not _revision(event), index, event))
    return [(entry[0], entry[3]) for entry in sorted(ordered, key=lambda entry: entry[:3])]


@dataclasses.dataclass
class _Known:
    """What is known of an object after its latest revision."""
    revision: int
    shard: str
    drain: bool
    certain: bool = True


class _Replay:
    def __init__(self, ring, pod_prefix):
        self.result = Result()
        self._ring, self._pod_prefix = ring, pod_prefix
        self._shard_label = f"shard.alpha.sharding.timebertt.dev/{ring}"
        self._drain_label = f"drain.alpha.sharding.timebertt.dev/{ring}"
        self._known = {}     # uid -> _Known
        self._uids = {}      # target -> uid
        self._shards = set()  # with a Lease held by themselves

    def know(self, objects):
        self._read = {item["metadata"]["uid"]: self._known_from(int(item["metadata"]["resourceVersion"]), item["metadata"])
                      for item in objects}

    def take(self, entry):
        revision, event = entry
        if event.get("objectRef", {}).get("subresource"):
            return
        if not _succeeded(event):
            self._doubt(event)
            return
        metadata = _metadata(event)
        if event["objectRef"]["resource"] == "leases":
            self._take_lease(event, metadata)
            return
        before = self._known.get(_uid(event))
        if _pod(event).startswith(self._pod_prefix) and self._shards:
            self._judge(revision, event, before, metadata)
        if metadata.get("uid"):
            self._remember(revision, event, before, metadata)

    def _doubt(self, event):
        known = self._known.get(self._uids.get(_target(event)))
        if known:
            known.certain = False
            self.result.unknown.append(_target(event))

    def _take_lease(self, event, metadata):
        name = metadata.get("name") or event["objectRef"].get("name", "")
        if metadata and metadata.get("labels", {}).get(RING_LABEL) != self._ring:
            return
        held = event["verb"] != "delete" and event["responseObject"].get("spec", {}).get("holderIdentity") == name
        if held != (name in self._shards):
            self.result.leases.append(LeaseChange(name, held, event["stageTimestamp"]))
        (self._shards.add if held else self._shards.discard)(name)

    def _remember(self, revision, event, before, metadata):
        after = self._known_from(revision, metadata)
        read = self._read.get(metadata["uid"])
        if read and read.revision < revision and (before is None or before.revision < read.revision):
            before = read
        if before and before.shard and after.shard and before.shard != after.shard:
            self.result.moves.append(Move(_target(event), before.shard, after.shard, before.drain, event["stageTimestamp"]))
        if before and before.shard and not after.shard:
            self.result.losses.append(Loss(_target(event), before.shard, event["user"]["username"], event["stageTimestamp"]))
        if after.drain and not (before and before.drain):
            self.result.drains.append(Drain(_target(event), event["stageTimestamp"]))
        self._known[metadata["uid"]] = after
        self._uids[_target(event)] = metadata["uid"]

    def _known_from(self, revision, metadata):
        labels = metadata.get("labels", {})
        return _Known(revision, labels.get(self._shard_label, ""), self._drain_label in labels)

    def _judge(self, revision, event, before, metadata):
        owners, unknown = self._owners(event, before, metadata)
        if unknown:
            self.result.unjudged.append(_write(revision, event, unknown))
        if not owners:
            return
        self.result.judged += 1
        others = owners - {_pod(event)}
        if others:
            self.result.violations.append(_write(revision, event, ", ".join(sorted(others))))

    def _owners(self, event, before, metadata):
        """The shards that owned what is written, and why they are not known."""
        if event["verb"] == "deletecollection":
            return set(), "a deletecollection does not tell what it deletes"
        if event["verb"] == "create":
            parent = self._known.get((controller_of(metadata) or {}).get("uid"))
            if parent and not parent.certain:
                return set(), "its controller may have been moved by a write that was given up"
            shards = {metadata.get("labels", {}).get(self._shard_label, ""), parent.shard if parent else ""}
            return shards - {""}, None
        if before is None:
            labelled = self._shard_label in metadata.get("labels", {})
            return set(), "its earlier revisions are not in the log" if labelled else None
        # Written with a precondition: if that is not the revision known here, the log has lost one (a killed API server).
        based_on = ((event.get("requestObject") or {}).get("metadata") or {}).get("resourceVersion")
        if based_on and int(based_on) > before.revision:
            return set(), f"revision {based_on} of it is not in the log"
        if not before.certain and str(before.revision) != based_on:
            return set(), "it may have been changed by a write that was given up"
        return {before.shard} - {""}, None


def _may_have_happened(event):
    written = event.get("verb") in WRITES and "objectRef" in event and "dryRun=" not in event["requestURI"]
    return written and (_succeeded(event) or _code(event) >= 500 or not _code(event))


def _succeeded(event):
    return 200 <= _code(event) < 300


def _code(event):
    return event.get("responseStatus", {}).get("code", 0)


def _time(event):
    """When it took effect: at the end, or some time after its begin if it may have happened or not."""
    return event["stageTimestamp"] if _succeeded(event) else event["requestReceivedTimestamp"]


def _response(event):
    return event.get("responseObject") or {}


def _metadata(event):
    return {} if _response(event).get("kind") == "Status" else _response(event).get("metadata", {})


def _uid(event):
    return _metadata(event).get("uid") or (_response(event).get("details") or {}).get("uid")


def _revision(event):
    return int(_metadata(event).get("resourceVersion", 0)) if _succeeded(event) else 0


def _pod(event):
    return (event["user"].get("extra") or {}).get(POD_NAME, [""])[0]


def _target(event):
    name = _metadata(event).get("name") or event["objectRef"].get("name", "?")
    return f"{event['objectRef']['resource']}/{name}"


def _write(revision, event, owner):
    return Write(_pod(event), event["verb"], _target(event), owner, revision, event["stageTimestamp"],
                 event.get("userAgent", "").partition(" ")[0])
