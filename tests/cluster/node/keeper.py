"""The process outside of a cluster's namespaces that ends it and cleans up after it.

It holds the lock on the state folder (inherited from `up`) for as long as it lives: a locked folder is a cluster that
is up, starting or being taken down. It ends the cluster when its owner disappears, when process 1 ends, or on SIGTERM.
"""

import os
import select
import shutil
import signal
import subprocess
import sys
import time

from . import cgroups, control
from .layout import HERE, ClusterError, State

_REMOVAL_SECONDS = 10


class _Terminated(Exception):
    pass


def main(root, name, ready_fd):
    def on_term(*_):
        raise _Terminated

    signal.signal(signal.SIGTERM, on_term)
    state = State(root, name)
    namespaces = None
    try:
        settings = state.settings()
        owner = _open_owner(settings.owner_pid)
        if not settings.api_only:
            cgroups.create(name)
        namespaces = _start_namespaces(state, settings, ready_fd)
        _wait_for_end(namespaces, owner)
        if namespaces.poll() is not None:
            _report(ready_fd, f"process 1 of the cluster ended (status {namespaces.returncode})")
    except (ClusterError, OSError) as error:
        _report(ready_fd, str(error))
    except _Terminated:
        pass
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if namespaces:
        _end_namespaces(state, namespaces)
    clean_up(state)


def clean_up(state):
    """Removes what a cluster leaves on the host once its processes are gone: cgroups and the state folder."""
    cgroups.remove(state.name)
    deadline = time.monotonic() + _REMOVAL_SECONDS
    while state.root.exists():
        shutil.rmtree(state.root, ignore_errors=time.monotonic() < deadline)


def _open_owner(pid):
    if not pid:
        return None
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        raise ClusterError(f"the owner, process {pid}, does not exist") from None


def _start_namespaces(state, settings, ready_fd):
    """Starts the supervisor as process 1 of new namespaces, which die with the keeper: setpriv sees to that."""
    return subprocess.Popen(
        ["setpriv", "--pdeathsig", "KILL",
         "unshare", "--mount", "--pid", *([] if settings.host_net else ["--net"]), "--fork", "--kill-child",
         "--mount-proc", sys.executable, HERE / "cluster", "_supervise", str(state.root), state.name, str(ready_fd)],
        pass_fds=[ready_fd], stdin=subprocess.DEVNULL)


def _wait_for_end(namespaces, owner):
    """Returns when either the namespaces or the owner are gone."""
    poll = select.poll()
    poll.register(os.pidfd_open(namespaces.pid), select.POLLIN)
    if owner is not None:
        poll.register(owner, select.POLLIN)
    poll.poll()


def _end_namespaces(state, namespaces):
    """Kills process 1, and with it everything in the namespaces, and waits until the kernel has cleared them."""
    try:
        init = control.init_pid(state)
        # unshare ends after process 1, which ends after everything else in its pid namespace.
        os.kill(init or namespaces.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    namespaces.wait()


def _report(ready_fd, text):
    try:
        os.write(ready_fd, text.encode() + b"\n")
    except BrokenPipeError:
        pass  # nobody waits for the start any more
