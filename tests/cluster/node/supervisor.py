"""Process 1 of a cluster: starts the components, reaps what ends, and does what `control` asks for.

It takes no decisions while the cluster runs: a component that ends stays ended until somebody asks for it, and `status`
says what happened. It never waits for anything in an answer either; sequences (kill, wait, start) belong to the caller.
"""

import dataclasses
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
import traceback

from . import boot, components
from .layout import ClusterError, State

_ACCEPT_TIMEOUT_SECONDS = 5


@dataclasses.dataclass
class Component:
    process: subprocess.Popen
    asked_to_end: bool = False
    paused: bool = False

    def describe(self):
        """(state, detail) for `status`."""
        code = self.process.returncode
        if code is None:
            return ("paused" if self.paused else "running"), f"pid {self.process.pid}"
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        return ("stopped" if self.asked_to_end else "crashed"), how


class Supervisor:
    def __init__(self, state, settings):
        self.state = state
        self.settings = settings
        self._components = {}
        self._port_holder = None
        self._environment = {**os.environ, "PATH": os.pathsep.join(
            [*settings.program_dirs, "/usr/local/sbin", "/usr/sbin", "/sbin", os.environ.get("PATH", "/usr/bin:/bin")])}
        # Listens from the beginning, so that `down` finds process 1 while it still boots.
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(state.control_socket))
        self._listener.listen(64)

    def reserve_port(self):
        """Takes a free loopback port and keeps it for the cluster's life, shared with the API server only.

        A socket that is bound but does not listen gets no connections, and with SO_REUSEPORT lets the API server bind
        as well, so the port stays ours even while the API server is down.
        """
        self._port_holder = socket.socket()
        self._port_holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._port_holder.bind(("127.0.0.1", 0))
        self.settings.api_port = self._port_holder.getsockname()[1]

    def start(self, name):
        self.reap()
        present = self._components.get(name)
        if present and present.process.returncode is None:
            raise ClusterError(f"{name} runs already")
        command = components.command(name, self.state, self.settings)
        with open(self.state.log(name), "ab") as log:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                       cwd=self.state.root, env=self._environment, start_new_session=True)
        self._components[name] = Component(process)

    def run(self, command):
        """Runs a short command to its end, with the components' environment."""
        result = subprocess.run(command, env=self._environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True, check=False)
        if result.returncode != 0:
            raise ClusterError(f"{' '.join(map(str, command))} failed: {result.stdout.strip()}")

    def reap(self):
        """Collects ended processes: components, and orphans (containers' shims) that process 1 inherits."""
        by_pid = {component.process.pid: component for component in self._components.values()}
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid in by_pid:
                by_pid[pid].process.returncode = os.waitstatus_to_exitcode(status)

    def fail_if_crashed(self):
        self.reap()
        for name, component in self._components.items():
            if component.describe()[0] == "crashed":
                raise ClusterError(f"{name} ended ({component.describe()[1]}); the end of its log:\n"
                                   f"{self.log_tail(name)}")

    def log_tail(self, name, lines=15):
        text = self.state.log(name).read_text(errors="replace")
        return "\n".join("  " + line for line in text.splitlines()[-lines:])

    def serve(self):
        """Answers requests for ever; SIGKILL from outside is how it ends."""
        wake_read, wake_write = os.pipe()
        os.set_blocking(wake_read, False)
        os.set_blocking(wake_write, False)
        signal.set_wakeup_fd(wake_write)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(wake_read, selectors.EVENT_READ)
            while True:
                self.reap()
                for key, _ in selector.select():
                    if key.fileobj is self._listener:
                        self._answer_one()
                    else:
                        os.read(wake_read, 4096)

    def _answer_one(self):
        connection, _ = self._listener.accept()
        with connection:
            connection.settimeout(_ACCEPT_TIMEOUT_SECONDS)
            try:
                with connection.makefile("rb") as file:
                    line = file.readline()
                if line:
                    connection.sendall(json.dumps(self._answer(json.loads(line))).encode() + b"\n")
            except OSError:
                pass  # the caller went away

    def _answer(self, message):
        self.reap()
        try:
            what = message["do"]
            if what == "status":
                return {"components": {name: component.describe() for name, component in self._components.items()}}
            if what == "ready":
                return {"missing": boot.what_is_not_ready(self.state, self.settings)}
            name = message["component"]
            if name not in self._components:
                raise ClusterError(f"this cluster has no {name}; it has {', '.join(self._components)}")
            if what == "start":
                self.start(name)
            elif what == "signal":
                self._signal(name, message["signal"])
            return {}
        except ClusterError as error:
            return {"error": str(error)}

    def _signal(self, name, number):
        component = self._components[name]
        if component.process.returncode is not None:
            raise ClusterError(f"{name} is not running ({component.describe()[1]}): `cluster restart {name}` starts it")
        if number in (signal.SIGKILL, signal.SIGTERM):
            component.asked_to_end = True
        if number in (signal.SIGSTOP, signal.SIGCONT):
            component.paused = number == signal.SIGSTOP
        os.kill(component.process.pid, number)


def main(root, name, ready_fd):
    """Boots the cluster, reports "ready" or what went wrong through the pipe, and serves."""
    try:
        state = State(root, name)
        supervisor = Supervisor(state, state.settings())
        began = time.monotonic()
        boot.boot(supervisor)
        print(f"booted in {time.monotonic() - began:.1f} s", flush=True)
    except ClusterError as error:
        os.write(ready_fd, str(error).encode())
        sys.exit(1)
    except Exception:  # the pipe is the only way that a traceback reaches whoever called `up`
        os.write(ready_fd, traceback.format_exc().encode())
        sys.exit(1)
    os.write(ready_fd, b"ready\n")
    os.close(ready_fd)
    supervisor.serve()
