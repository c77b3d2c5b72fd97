"""What can be done with a cluster, as functions; `cluster` and `ringside_cluster` are thin layers over these."""

import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time

from . import control, keeper, layout
from .layout import HERE, ClusterError

_DOWN_SECONDS = 60
_END_SECONDS = 90
_READY_SECONDS = 120


def up(state, *, kubernetes_version=None, api_only=False, host_net=False, apiserver_flags=(),
       controller_manager_flags=(), owner_pid=0):
    """Starts the cluster and returns when it is ready; an error tells why it is not, and nothing is left then."""
    if os.geteuid() != 0:
        raise ClusterError("namespaces, mounts and cgroups need root: run this as root")
    if host_net and not api_only:
        raise ClusterError("--host-net goes with --api-only: a kubelet must not touch the host's network")
    settings = layout.Settings(
        name=state.name, api_only=api_only, host_net=host_net, owner_pid=owner_pid,
        apiserver_flags=_as_flags(apiserver_flags), controller_manager_flags=_as_flags(controller_manager_flags),
        **layout.find_programs(kubernetes_version, api_only))
    lock = _make_and_lock(state)
    if lock is None:
        raise ClusterError(f"cluster '{state.name}' is up already ({state.root}): use it, take it down with "
                           "`cluster down`, or choose another --name")
    try:
        _clear(state)
        settings.to_file(state.settings_file)
        state.path("log").mkdir()
        outcome = _start_keeper(state, lock)
    except BaseException:
        os.close(lock)
        down(state)
        raise
    os.close(lock)
    if outcome != "ready":
        down(state)
        raise ClusterError(f"cluster '{state.name}' did not start: {outcome or 'its keeper was killed'}")


def down(state):
    """Ends the cluster and removes all that is left of it. True when there was something to remove."""
    if not state.root.exists():
        return False
    init = control.init_pid(state)
    if init:
        with contextlib.suppress(ProcessLookupError):
            os.kill(init, signal.SIGKILL)
    lock = _lock(state, wait_seconds=_DOWN_SECONDS)
    if lock is None:
        raise ClusterError(f"the keeper of cluster '{state.name}' does not end (see {state.log('keeper')})")
    # Mostly the keeper has removed everything; this is for keepers that were killed.
    keeper.clean_up(state)
    os.close(lock)
    return True


def enter_command(state, command):
    """The command line that runs a command inside the cluster's namespaces, in the caller's working folder.

    nsenter waits outside for the process inside and passes no signals on, so the latter asks to die with the former.
    """
    init = control.init_pid(state)
    if init is None:
        state.settings()
        raise ClusterError(f"cluster '{state.name}' is not running: start it with `cluster up`")
    return ["nsenter", "--target", str(init), "--mount", "--pid", "--net", f"--wdns={os.getcwd()}",
            "setpriv", "--pdeathsig", "KILL", *map(str, command)]


def environment(state):
    """The environment for commands inside: our kubectl and ctr first on PATH, and pointed at this cluster."""
    path = [*state.settings().program_dirs, os.environ.get("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")]
    return {**os.environ, "PATH": os.pathsep.join(path), "KUBECONFIG": str(state.kubeconfig),
            "CONTAINERD_ADDRESS": str(state.containerd_socket), "CONTAINERD_NAMESPACE": "k8s.io"}


def load(state, archive, name=None):
    """Imports an OCI archive into containerd; `name` overrides the name in the archive. Returns the image's name."""
    if state.settings().api_only:
        raise ClusterError(f"cluster '{state.name}' is API-only: it has no containerd to load '{archive}' into")
    name_option = ["--index-name", name] if name else []
    name = name or _image_name(archive)
    _ctr(state, "images", "import", "--all-platforms", *name_option, os.path.abspath(archive))
    # containerd's CRI takes note of an image a moment after the import, and labels it then. A pod that is started
    # before gets ErrImageNeverPull and a back-off.
    deadline = time.monotonic() + 5
    while "io.cri-containerd.image=managed" not in _ctr(state, "images", "list", f"name=={name}"):
        if time.monotonic() > deadline:
            raise ClusterError(f"'{archive}' was imported, but the kubelet's view has no image '{name}'")
        time.sleep(0.02)
    return name


def status(state):
    """{component: (running | paused | stopped | crashed, detail)}."""
    answer = control.request(state, {"do": "status"})
    return {name: tuple(described) for name, described in answer["components"].items()}


def send_signal(state, component, number):
    control.request(state, {"do": "signal", "component": component, "signal": number})


def start(state, component):
    control.request(state, {"do": "start", "component": component})


def stop(state, component, number=signal.SIGKILL):
    """Ends a component and returns when it is gone."""
    send_signal(state, component, number)
    deadline = time.monotonic() + _END_SECONDS
    while status(state)[component][0] not in ("stopped", "crashed"):
        if time.monotonic() > deadline:
            raise ClusterError(f"{component} did not end within {_END_SECONDS} s of signal {number}")
        time.sleep(0.02)


def restart(state, component, gap=0.0, number=signal.SIGKILL):
    """Ends a component (if it runs), waits, starts it again. Returns at the start; see wait_until_ready."""
    if status(state).get(component, ("running",))[0] in ("running", "paused"):
        stop(state, component, number)
    time.sleep(gap)
    start(state, component)


def wait_until_ready(state, seconds=_READY_SECONDS):
    """Waits until the API server says that it is ready."""
    deadline = time.monotonic() + seconds
    while missing := control.request(state, {"do": "ready"})["missing"]:
        if time.monotonic() > deadline:
            raise ClusterError(f"the API server is not ready after {seconds} s: {missing} (see {state.log('apiserver')})")
        time.sleep(0.05)


def audit_events(state):
    """The audit log so far, one dict per event."""
    with open(state.audit_log, encoding="utf-8") as file:
        for line in file:
            if not line.endswith("\n"):
                return  # being written at this moment
            yield json.loads(line)


def _as_flags(flags):
    return [flag if flag.startswith("-") else f"--{flag}" for flag in flags]


def _lock(state, wait_seconds=0.0):
    """The lock on the state folder as a file descriptor; None if somebody else keeps it."""
    deadline = time.monotonic() + wait_seconds
    try:
        descriptor = os.open(state.root, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return os.open("/", os.O_RDONLY)  # removed meanwhile: nothing to wait for
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return descriptor
        except BlockingIOError:
            if time.monotonic() > deadline:
                os.close(descriptor)
                return None
            time.sleep(0.02)


def _make_and_lock(state):
    """Like _lock, but makes the folder, and makes sure that the lock is not on one that a keeper has just removed."""
    while True:
        state.root.mkdir(mode=0o755, parents=True, exist_ok=True)
        lock = _lock(state)
        with contextlib.suppress(FileNotFoundError):
            if lock is None or os.path.samestat(os.fstat(lock), os.stat(state.root)):
                return lock
        os.close(lock)


def _clear(state):
    """Empties the state folder, which a killed keeper may have left full, and keeps the folder, which is locked."""
    for entry in os.scandir(state.root):
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path)
        else:
            os.unlink(entry.path)


def _start_keeper(state, lock):
    """Starts the keeper with the lock and returns what it reports: "ready", or what went wrong."""
    ready_read, ready_write = os.pipe()
    with open(state.log("keeper"), "ab") as log, os.fdopen(ready_read) as report:
        subprocess.Popen([sys.executable, HERE / "cluster", "_keep", str(state.root), state.name, str(ready_write)],
                         pass_fds=[lock, ready_write], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                         start_new_session=True, cwd="/")
        os.close(ready_write)
        # One line if all went well; else everything until the keeper ends.
        first = report.readline()
        return "ready" if first == "ready\n" else (first + report.read()).strip()


def _ctr(state, *arguments):
    result = subprocess.run(enter_command(state, ["ctr", *arguments]), env=environment(state), text=True,
                            stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if result.returncode != 0:
        raise ClusterError(f"ctr {' '.join(arguments)} failed: {result.stderr.strip()}")
    return result.stdout


def _image_name(archive):
    """The name that an OCI archive gives its image."""
    try:
        with tarfile.open(archive) as tar:
            index = json.load(tar.extractfile("index.json"))
            return index["manifests"][0]["annotations"]["io.containerd.image.name"]
    except OSError as error:
        raise ClusterError(f"cannot read '{archive}': {error.strerror or error}") from error
    except tarfile.TarError as error:
        raise ClusterError(f"'{archive}' is not a tar archive: {error}") from error
    except (KeyError, IndexError, TypeError, ValueError):
        raise ClusterError(f"'{archive}' is not an OCI archive with a named image: mkimage writes one; for others, "
                           "give the name: `cluster load NAME:TAG ARCHIVE`") from None
