"""The ring that is judged. Resources are written as kubectl does: "secrets", "pools.example.test"."""

import dataclasses
import json
import pathlib

import yaml

_NAMESPACE_NAME = "kubernetes.io/metadata.name"
_OUTSIDE = frozenset({"kube-system", "sharding-system"})


def resource_name(group, resource):
    return f"{resource}.{group}" if group else resource


@dataclasses.dataclass(frozen=True)
class ChildLimit:
    """A parent may have that many children of one resource: a number, or the path of a field of the parent."""
    parent: str
    child: str
    count: int | tuple

    @classmethod
    def of_text(cls, text):
        """pools.example.test/poolmembers.example.test=spec.replicas, or =1."""
        resources, _, count = text.partition("=")
        parent, _, child = resources.partition("/")
        if not (parent and child and count):
            raise ValueError(f"'{text}' does not say how many children: PARENT/CHILD=NUMBER or PARENT/CHILD=path.of.a.field")
        return cls(parent, child, int(count) if count.isdecimal() else tuple(count.split(".")))


@dataclasses.dataclass(frozen=True)
class Ring:
    name: str
    mains: frozenset
    controlled: frozenset = frozenset()
    namespaces: frozenset | None = None  # None: all but kube-system and sharding-system
    limits: tuple = ()

    @property
    def resources(self):
        return self.mains | self.controlled

    @property
    def shard_label(self):
        return f"shard.alpha.sharding.timebertt.dev/{self.name}"

    @property
    def drain_label(self):
        return f"drain.alpha.sharding.timebertt.dev/{self.name}"

    def has_namespace(self, namespace):
        """Cluster-scoped objects have none, and belong to every ring of their resource."""
        if self.namespaces is None or not namespace:
            return namespace not in _OUTSIDE
        return namespace in self.namespaces

    def limited(self, limits):
        """With those of the limits that are about its resources."""
        return dataclasses.replace(self, limits=tuple(limit for limit in limits if limit.parent in self.mains))

    @classmethod
    def of_object(cls, ring, namespaces=None):
        """Of a ControllerRing. `namespaces` says what its selector selects, if it selects by other labels than the name."""
        resources = ring["spec"]["resources"]
        controlled = [child for main in resources for child in main.get("controlledResources") or ()]
        if namespaces is None:
            namespaces = _selected(ring["metadata"]["name"], ring["spec"].get("namespaceSelector") or {})
        return cls(ring["metadata"]["name"], _names(resources), _names(controlled),
                   None if namespaces is None else frozenset(namespaces))

    @classmethod
    def of_file(cls, path, namespaces=None):
        """Of the one ControllerRing in a manifest, which may hold other objects."""
        rings = [each for each in _objects(pathlib.Path(path)) if each.get("kind") == "ControllerRing"]
        if len(rings) != 1:
            raise ValueError(f"{path} has {len(rings)} ControllerRings instead of one")
        return cls.of_object(rings[0], namespaces)

    @classmethod
    def of_text(cls, text, namespaces=None):
        """NAME=MAIN+CONTROLLED+...,MAIN+... like checksum-controller=secrets+configmaps."""
        name, _, resources = text.partition("=")
        mains = [main.split("+") for main in resources.split(",") if main]
        if not (name and mains and all(all(main) for main in mains)):
            raise ValueError(f"'{text}' is neither a file nor a ring like NAME=MAIN+CONTROLLED,MAIN")
        return cls(name, frozenset(main[0] for main in mains), frozenset(child for main in mains for child in main[1:]),
                   None if namespaces is None else frozenset(namespaces))


def _names(resources):
    return frozenset(resource_name(each.get("group", ""), each["resource"]) for each in resources)


def _selected(name, selector):
    """The namespaces that a selector by name selects; None for all."""
    selected = selector.get("matchLabels", {}).get(_NAMESPACE_NAME)
    values = [{selected}] if selected else []
    others = [label for label in selector.get("matchLabels", {}) if label != _NAMESPACE_NAME]
    for expression in selector.get("matchExpressions", ()):
        if expression["key"] == _NAMESPACE_NAME and expression["operator"] == "In":
            values.append(set(expression["values"]))
        else:
            others.append(expression["key"])
    if others:
        raise ValueError(f"ring {name} selects namespaces by {', '.join(others)}, which an audit log does not tell: say which "
                         "namespaces these are (--namespace)")
    return set.intersection(*values) if values else None


def _objects(path):
    text = path.read_text()
    objects = [json.loads(text)] if path.suffix == ".json" else [each for each in yaml.safe_load_all(text) if each]
    for each in objects:
        yield from each["items"] if each.get("kind", "").endswith("List") else [each]
