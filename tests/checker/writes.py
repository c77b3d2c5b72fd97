"""One event of the audit log as the writes that it stands for."""

import dataclasses
import datetime

from .ring import resource_name

POD_NAME = "authentication.kubernetes.io/pod-name"
_WRITES = ("create", "update", "patch", "delete", "deletecollection")


@dataclasses.dataclass(slots=True)
class Write:
    """A write of one object that succeeded, or one that may have happened or not (`succeeded` is False)."""
    verb: str
    resource: str
    subresource: str
    namespace: str
    name: str
    uid: str
    revision: int      # of the object afterwards; 0 if the answer does not tell
    began: float       # seconds since the epoch
    time: float        # of the answer
    stamp: str         # the same, as the log has it
    succeeded: bool
    pod: str           # "" if it was none
    pod_namespace: str
    user: str
    user_agent: str
    gone: bool = False          # the object is not there any more
    labels: dict = None         # afterwards; None if the answer does not tell
    controller_uid: str = ""    # of the owner reference with controller=true
    based_on: int = 0           # the resourceVersion that the request asked for
    keeps_labels: bool = False  # a patch that does not name them
    holder: str = ""            # of a Lease
    partial: bool = False       # the answer has metadata only
    content: dict = None        # the object, for fields of parents

    @property
    def target(self):
        return f"{self.resource}/{self.name or '?'}"

    @property
    def identity(self):
        return self.resource, self.namespace, self.name


def of_event(event):
    """The writes of one event: none for reads, refusals and dry runs, several for a deletecollection."""
    if event.get("verb") not in _WRITES or "objectRef" not in event or "dryRun=" in event["requestURI"]:
        return []
    code = (event.get("responseStatus") or {}).get("code", 0)
    succeeded = 200 <= code < 300
    if not succeeded and 0 < code < 500:
        return []
    response = event.get("responseObject") or {}
    if succeeded and event["verb"] == "deletecollection":
        items = response.get("items")
        return [_write(event, True, item, gone=_is_gone(item)) for item in items or ()] if "items" in response \
            else [_write(event, True, {}, gone=True)]
    if succeeded and response.get("kind") == "Status":
        details = response.get("details") or {}
        metadata = {"uid": details.get("uid", ""), "name": details.get("name", "")}
        return [_write(event, True, {"metadata": metadata}, gone=True)]
    return [_write(event, succeeded, response if succeeded else {})]


def of_observation(resource, item, revision, time, stamp):
    """An object as it was read; `revision` is that of the list, and so of the moment at which it was like this."""
    metadata = item["metadata"]
    return Write("observe", resource, "", metadata.get("namespace", ""), metadata["name"], metadata["uid"], revision, time, time,
                 stamp, True, "", "", "", "", labels=metadata.get("labels") or {}, controller_uid=_controller_uid(metadata),
                 based_on=int(metadata["resourceVersion"]), content=item)


def seconds(stamp):
    return datetime.datetime.fromisoformat(stamp.replace("Z", "+00:00")).timestamp()


def _write(event, succeeded, item, gone=False):
    reference, metadata = event["objectRef"], item.get("metadata") or {}
    body = event.get("requestObject") or {}
    asked = {} if isinstance(body, list) else body.get("metadata") or {}  # a JSON patch is a list
    extra = event["user"].get("extra") or {}
    deleted_item = event["verb"] == "deletecollection"
    # A server-side apply of what was not there creates it.
    created = event["verb"] == "patch" and (event.get("responseStatus") or {}).get("code") == 201
    write = Write(
        verb="create" if created else event["verb"],
        resource=resource_name(reference.get("apiGroup", ""), reference["resource"]),
        subresource=reference.get("subresource", ""),
        namespace=reference.get("namespace", ""),
        name=metadata.get("name") or reference.get("name", ""),
        uid=metadata.get("uid", ""),
        revision=0 if gone or deleted_item else int(metadata.get("resourceVersion") or 0),
        began=seconds(event["requestReceivedTimestamp"]),
        time=seconds(event["stageTimestamp"]),
        stamp=event["stageTimestamp"],
        succeeded=succeeded,
        pod=extra.get(POD_NAME, [""])[0],
        pod_namespace=_namespace_of(event["user"].get("username", "")),
        user=event["user"].get("username", ""),
        user_agent=event.get("userAgent", "").partition(" ")[0],
        gone=gone,
        # A revision that is about to be deleted may be older than the deletion: not to be remembered as the latest.
        labels=(metadata.get("labels") or {}) if metadata.get("resourceVersion") and not deleted_item else None,
        controller_uid=_controller_uid(metadata),
        based_on=_number(asked.get("resourceVersion")),
        keeps_labels=event["verb"] == "patch" and bool(body) and isinstance(body, dict) and "labels" not in asked,
        holder=(item.get("spec") or {}).get("holderIdentity", "") if reference["resource"] == "leases" else "",
        partial=item.get("kind") == "PartialObjectMetadata",
        content=item)
    if write.verb == "delete" and write.succeeded and not gone:
        # Kept by a finalizer, or answered with what was deleted.
        write.gone = not metadata.get("finalizers") and not metadata.get("deletionGracePeriodSeconds")
    elif write.succeeded and not write.subresource and metadata.get("deletionTimestamp"):
        # The last finalizer is gone. The answer has the revision before, so that only its place in time is known.
        write.gone = write.gone or not metadata.get("finalizers") and not metadata.get("deletionGracePeriodSeconds")
    if write.gone:
        write.revision = 0
    return write


def _is_gone(item):
    return not item["metadata"].get("finalizers")


def _controller_uid(metadata):
    return next((owner.get("uid", "") for owner in metadata.get("ownerReferences") or () if owner.get("controller")), "")


def _namespace_of(username):
    """Of system:serviceaccount:NAMESPACE:NAME."""
    parts = username.split(":")
    return parts[2] if parts[:2] == ["system", "serviceaccount"] and len(parts) == 4 else ""


def _number(text):
    return int(text) if text and str(text).isdecimal() else 0
