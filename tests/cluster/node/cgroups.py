"""The cgroup below which a cluster's pods live.

Kubelets believe that everything below their cgroup root is theirs, and remove pods there that they do not know. So
every cluster has a root of its own. The kubelet wants it to exist in every hierarchy before it starts.
"""

import os
import pathlib
import time

from .layout import ClusterError

_REMOVAL_SECONDS = 15


def root_of(name):
    """The cgroup's path as the kubelet's cgroupRoot wants it."""
    return f"/ringside-{name}"


def create(name):
    for hierarchy, version in _hierarchies():
        path = pathlib.Path(hierarchy + root_of(name))
        try:
            path.mkdir(exist_ok=True)
        except OSError as error:
            raise ClusterError(f"cannot make the cgroup {path}: {error.strerror}") from error
        if version == 1:
            _inherit_cpuset(path)
        else:
            _delegate_controllers(path)


def remove(name):
    """Removes the cgroup and all below it, once the processes in it have ended."""
    deadline = time.monotonic() + _REMOVAL_SECONDS
    for hierarchy, _ in _hierarchies():
        top = hierarchy + root_of(name)
        while os.path.isdir(top):
            _remove_tree(top)
            if not os.path.isdir(top):
                break
            if time.monotonic() > deadline:
                raise ClusterError(f"the cgroup {top} still holds processes")
            time.sleep(0.05)


def _hierarchies():
    """(mount point, version) of every mounted cgroup hierarchy: one for cgroup v2, one per controller for v1."""
    found = []
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        for line in file:
            fields, _, rest = line.partition(" - ")
            kind = rest.split()[0]
            if kind in ("cgroup", "cgroup2"):
                found.append((fields.split()[4], 2 if kind == "cgroup2" else 1))
    return found


def _inherit_cpuset(path):
    """A new v1 cpuset has no CPUs and no memory nodes, and takes no process until it has."""
    for name in ("cpuset.cpus", "cpuset.mems"):
        if (path / name).exists():
            (path / name).write_text((path.parent / name).read_text())


def _delegate_controllers(path):
    for parent in (path.parent, path):
        for controller in (parent / "cgroup.controllers").read_text().split():
            try:
                (parent / "cgroup.subtree_control").write_text(f"+{controller}")
            except OSError:
                pass  # not every controller can be delegated everywhere; the kubelet says what it misses


def _remove_tree(top):
    for directory, _, _ in os.walk(top, topdown=False):
        try:
            os.rmdir(directory)
        except OSError:
            pass  # a process is still exiting in it: the caller tries again
