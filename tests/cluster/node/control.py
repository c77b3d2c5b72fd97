"""How commands talk to a running cluster: one JSON line each way over the supervisor's unix socket.

The kernel tells the caller who listens on a socket, in terms of the caller's own pid namespace. That is how commands
find process 1 of a cluster: no pid file that could be stale, and a reused pid cannot be mistaken for it.
"""

import json
import socket
import struct

from .layout import ClusterError

_TIMEOUT_SECONDS = 30


def init_pid(state):
    """The pid of the cluster's process 1 as seen from here, or None when the cluster does not run."""
    try:
        with _connect(state) as connection:
            credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
            pid = struct.unpack("3i", credentials)[0]
    except (FileNotFoundError, ConnectionRefusedError):
        return None
    if pid == 0:
        raise ClusterError(f"cluster '{state.name}' is not visible here: call from the pid namespace of its `up`")
    return pid


def request(state, message):
    """Asks the supervisor for one thing and returns its answer, a dict."""
    try:
        with _connect(state) as connection:
            connection.sendall(json.dumps(message).encode() + b"\n")
            with connection.makefile("rb") as file:
                line = file.readline()
    except (FileNotFoundError, ConnectionError):
        line = b""
    except TimeoutError:
        raise ClusterError(f"cluster '{state.name}' does not answer (see {state.log('supervisor')})") from None
    if not line:
        raise ClusterError(f"cluster '{state.name}' is not running ({state.root}): start it with `cluster up`")
    answer = json.loads(line)
    if "error" in answer:
        raise ClusterError(answer["error"])
    return answer


def _connect(state):
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(_TIMEOUT_SECONDS)
    try:
        connection.connect(str(state.control_socket))
    except BaseException:
        connection.close()
        raise
    return connection
