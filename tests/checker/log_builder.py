"""Audit logs for tests: every write gets the next revision and is answered a second after the one before."""

import datetime
import itertools

from .journal import Killed, Listing, Outage
from .writes import POD_NAME, of_observation

RING = "checksum-controller"
SHARD = f"shard.alpha.sharding.timebertt.dev/{RING}"
DRAIN = f"drain.alpha.sharding.timebertt.dev/{RING}"
A, B = "checksum-controller-a", "checksum-controller-b"
_EPOCH = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
_GROUPS = {"pools": "example.test", "poolmembers": "example.test", "leases": "coordination.k8s.io",
           "sites": "web.example.com", "ingresses": "networking.k8s.io"}


def clock(second):
    return _EPOCH.timestamp() + second


def stamp(second):
    return (_EPOCH + datetime.timedelta(seconds=second)).isoformat().replace("+00:00", "Z")


class Log:
    def __init__(self, shards=(A, B)):
        self.events, self.journal, self.revisions = [], [], itertools.count(1)
        self.now = 0.0
        for shard in shards:
            self.lease(shard, holder=shard)

    def write(self, user, verb, resource, name, labels=None, **options):
        """options: owner (RESOURCE/NAME that controls it), code, based_on, uri, lost (not logged), received, at (seconds),
        gone (answered by a Status), revision, body, subresource, metadata and content (additions), service_account."""
        revision = options.get("revision") or next(self.revisions)
        self.now = options.get("at", self.now + 1)
        metadata = {"name": name, "namespace": "default", "uid": f"uid-{resource}-{name}", "resourceVersion": str(revision),
                    "labels": labels or {}, **options.get("metadata", {})}
        if options.get("owner"):
            metadata["ownerReferences"] = [{"uid": "uid-" + options["owner"].replace("/", "-"), "controller": True}]
        response = {"kind": "X", "metadata": metadata, **options.get("content", {})}
        if options.get("gone"):
            response = {"kind": "Status", "details": {"uid": metadata["uid"]}, "metadata": {}}
        if verb == "deletecollection":
            response = {"kind": "XList", "metadata": {}, "items": options["items"]}
        event = {"verb": verb, "stage": "ResponseComplete", "stageTimestamp": stamp(self.now),
                 "requestReceivedTimestamp": stamp(options.get("received", self.now - 0.01)),
                 "requestURI": options.get("uri", "/"), "userAgent": "test/1",
                 "user": {"username": options.get("service_account", "system:serviceaccount:default:x"),
                          "extra": {POD_NAME: [user]} if user else {}},
                 "objectRef": {"resource": resource, "apiGroup": _GROUPS.get(resource, ""), "name": name, "namespace": "default",
                               "subresource": options.get("subresource", "")},
                 "responseObject": response, "responseStatus": {"code": options.get("code", 200)}}
        if verb == "patch":
            event["requestObject"] = options.get("body", [])  # a JSON patch, if not told otherwise
        if options.get("based_on"):
            event["requestObject"] = {"metadata": {"resourceVersion": str(options["based_on"]), "labels": {}}}
        if not options.get("lost"):
            self.events.append(event)
        return revision

    def lease(self, shard, holder, verb="update", **options):
        self.write("", verb, "leases", shard, {"alpha.sharding.timebertt.dev/controllerring": RING},
                   content={"spec": {"holderIdentity": holder}}, **options)

    def secret(self, shard, verb="create", user="", name="foo", more=None, **options):
        return self.write(user, verb, "secrets", name, {SHARD: shard, **(more or {})} if shard else {}, **options)

    def child(self, user, shard, verb="create", owner="secrets/foo", name="checksums-foo", **options):
        return self.write(user, verb, "configmaps", name, {SHARD: shard} if shard else {}, owner=owner, **options)

    def renew(self, seconds):
        """Time passes: an unrelated write."""
        self.write("", "update", "deployments", "other", at=self.now + seconds)

    # What the journal has.

    def killed(self):
        self.journal.append(Killed(clock(self.now + 0.5)))

    def outage(self, begins):
        self.journal.append(Outage(clock(self.now + 0.5), "both centrals are down", begins))

    def listed(self, resource, items):
        """items: (name, shard, revision)"""
        time, revision = clock(self.now + 0.6), next(self.revisions)
        for name, shard, at in items:
            metadata = {"name": name, "namespace": "default", "uid": f"uid-{resource}-{name}", "resourceVersion": str(at),
                        "labels": {SHARD: shard} if shard else {}}
            self.journal.append(of_observation(resource, {"metadata": metadata}, revision, time, stamp(self.now + 0.6)))
        uids = frozenset(f"uid-{resource}-{name}" for name, _, _ in items)
        self.journal.append(Listing(time, revision, resource, "default", uids, stamp(self.now + 0.6)))
