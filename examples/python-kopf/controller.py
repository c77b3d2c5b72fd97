"""A ConfigMap with checksums for every Secret, by kopf. Kopf calls the handlers and has a client of its own for that; the
ConfigMaps are written with lightkube, since kopf leaves the choice of a client to its users."""

import base64
import hashlib

import kopf
import lightkube
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import ConfigMap


@kopf.on.startup()
def configure(settings, memo, **_):
    settings.posting.enabled = False  # no Event for every handler that ran
    settings.scanning.disabled = True  # it may not list namespaces and CustomResourceDefinitions, and need not
    memo.client = lightkube.Client(field_manager="python-kopf")


@kopf.on.resume("secrets")
@kopf.on.create("secrets")
@kopf.on.update("secrets", field="data")
def keep_checksums(name, namespace, body, memo, **_):
    sums = {key: hashlib.sha256(base64.b64decode(value)).hexdigest() for key, value in (body.get("data") or {}).items()}
    configmap = {"metadata": {"name": f"checksums-{name}", "namespace": namespace}}
    kopf.adopt(configmap, owner=body)
    wanted = ConfigMap(metadata=ObjectMeta.from_dict(configmap["metadata"]), data=sums)
    memo.client.apply(wanted, force=True)
