"""When an object is handed over that a real controller may still be at work on: by proof, by window, by deadline."""

import contextlib
import http.server
import os
import socket
import subprocess
import threading
import time

import pytest
from ringside_cluster import Cluster
from sidecars import (CONFIGMAPS, DRAIN_LABEL, SECRETS, SHARD_LABEL, Controller, Program, Sidecar, give_away, manifest, metric,
                      secret)
from support import LEASES, ROOT, Api, eventually, free_port

QUIET_WINDOW = 0.3
DEADLINE = 10


@pytest.fixture(scope="module")
def cluster():
    with Cluster(f"quiescence-{os.getpid()}", api_only=True, host_net=True) as running:
        running.kubectl("apply", "-f", str(ROOT / "deploy" / "crd" / "controllerrings.yaml"))
        running.kubectl("apply", "-f", str(manifest("unsharded/rbac.yaml")))
        running.kubectl("apply", "-n", "default", "-f", str(manifest("sharded/rbac-shard.yaml")))
        eventually(lambda: running.kubectl("apply", "-f", str(manifest("sharded/controllerring.yaml"))), 20)
        yield running


@pytest.fixture(scope="module")
def api(cluster):
    api = Api.of_cluster(cluster)
    give_away(api, "shard-b")
    return api


@pytest.fixture(scope="module")
def token(api):
    return api.token("default", "checksum-controller")


@pytest.fixture(autouse=True)
def clean(api):
    yield
    for path in (SECRETS, CONFIGMAPS, LEASES.format("default")):
        for item in api.items(path):
            if item["metadata"]["name"] != "kube-root-ca.crt":
                api.delete(f"{path}/{item['metadata']['name']}")


@pytest.fixture(scope="module")
def stuck_controller(tmp_path_factory):
    path = tmp_path_factory.mktemp("bin") / "stuck-controller"
    subprocess.run(["go", "build", "-trimpath", "-ldflags", "-s -w", "-buildvcs=false", "-o", str(path), "."],
                   cwd=ROOT / "tests" / "support" / "stuck-controller", env={**os.environ, "CGO_ENABLED": "0"}, check=True)
    return path


class Scene:
    """A sidecar with the stuck controller behind it."""

    def __init__(self, api, sidecar, controller):
        self.api, self.sidecar, self.controller = api, sidecar, controller

    def begin_reconcile(self, name, seconds):
        body = secret(name, "shard-a")
        body["metadata"]["annotations"] = {"stuck": f"{seconds}s"}
        self.api.create(SECRETS, body)
        eventually(lambda: f"begin {name}" in self.controller.log(), 10, "the controller reconciles")

    def drain(self, name):
        """Until it is acknowledged; how long that took."""
        began = time.monotonic()
        drain(self.api, name)
        return time.monotonic() - began

    def has_ended(self, name):
        return f"end {name}" in self.controller.log()

    def quiet_by(self):
        text = self.sidecar.http(self.sidecar.status_port, "/metrics")[1]
        return [by for by in ("proof", "window", "deadline")
                if metric(text, f'ringside_sidecar_quiescence_total{{by="{by}"}}') > 0]

    def assert_late_write_is_refused(self, name):
        eventually(lambda: self.has_ended(name), 20, "the reconcile ends")
        assert "being handed over to another shard, or was" in self.controller.log()
        assert self.api.find(f"{CONFIGMAPS}/late-{name}") is None


def listens(port):
    with contextlib.closing(socket.socket()) as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def drain(api, name, seconds=DEADLINE + 5):
    api.patch(f"{SECRETS}/{name}", {"metadata": {"labels": {DRAIN_LABEL: "true"}}})
    eventually(lambda: api.get(f"{SECRETS}/{name}")["metadata"].get("labels", {}) == {SHARD_LABEL: "shard-b"}, seconds,
               "acknowledged")


@pytest.fixture
def scene(tmp_path, cluster, api, token, stuck_controller, request):
    """Parameter: the scheme of the controller's metrics, or None if the sidecar is not told of them."""
    port, scheme = free_port(), request.param
    arguments = ["--leader-election=off", f"--quiet-window={QUIET_WINDOW * 1000:.0f}ms",
                 *([f"--metrics={scheme}://127.0.0.1:{port}/metrics"] if scheme else [])]
    with Sidecar(tmp_path, cluster, "shard-a", token, arguments) as sidecar:
        sidecar.wait_for_ring()
        flags = [f"--kubeconfig={sidecar.controller_kubeconfig()}", f"--metrics-bind-address=127.0.0.1:{port}",
                 *(["--metrics-secure"] if scheme == "https" else [])]
        with Program(stuck_controller, flags, tmp_path / "controller.log") as controller:
            eventually(sidecar.ready, 15, "the shard Lease is held")
            eventually(lambda: listens(port), 15, "the controller serves metrics")
            yield Scene(api, sidecar, controller)


@pytest.mark.parametrize("scene", [None], indirect=True)
def test_by_the_window_an_object_moves_before_a_late_write(scene):
    scene.begin_reconcile("x", 3)
    took = scene.drain("x")
    print(f"\nmeasured: handover by the quiet window: {took:.2f} s")
    assert took >= QUIET_WINDOW and not scene.has_ended("x")
    assert scene.quiet_by() == ["window"]
    scene.assert_late_write_is_refused("x")


@pytest.mark.parametrize("scene", ["http", "https"], indirect=True)
def test_by_proof_the_move_waits_for_the_end_of_the_reconcile(scene):
    scene.begin_reconcile("x", 3)
    took = scene.drain("x")
    print(f"\nmeasured: handover by proof of an object whose reconcile ends after 3 s: {took:.2f} s")
    assert scene.has_ended("x") and took > 2
    assert took < 5, "soon after the reconcile has ended"
    assert scene.quiet_by() == ["proof"], scene.sidecar.log()[-2000:]
    scene.assert_late_write_is_refused("x")


@pytest.mark.parametrize("scene", ["http"], indirect=True)
def test_the_deadline_ends_the_wait_for_a_proof(scene):
    scene.begin_reconcile("x", 14)
    took = scene.drain("x")
    print(f"\nmeasured: handover of an object whose reconcile does not end: {took:.2f} s")
    assert DEADLINE <= took < DEADLINE + 3 and not scene.has_ended("x")
    assert scene.quiet_by() == ["deadline"]
    scene.assert_late_write_is_refused("x")


class BusyMetrics(http.server.BaseHTTPRequestHandler):
    """Of a controller with a reconcile that does not end."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):  # pylint: disable=invalid-name
        body = b'controller_runtime_active_workers{controller="secret"} 1\n'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):  # pylint: disable=arguments-differ
        pass


@contextlib.contextmanager
def serving(handler):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_port
        finally:
            server.shutdown()


def test_a_process_that_hangs_has_proved_nothing(tmp_path, cluster, api, token):
    """Its connections are closed as those of a dead one are; but what it was reconciling goes on when it wakes."""
    with serving(BusyMetrics) as port:
        arguments = ["--leader-election=off", f"--metrics=http://127.0.0.1:{port}/metrics", "--grace-period=20s"]
        with Sidecar(tmp_path, cluster, "shard-a", token, arguments) as sidecar:
            sidecar.wait_for_ring()
            with Controller(tmp_path, sidecar.controller_kubeconfig(), leader_elect=False) as controller:
                eventually(sidecar.ready, 15, "the shard Lease is held")
                api.create(SECRETS, secret("x", "shard-a"))
                controller.signal("STOP")
                try:
                    # Its connections are closed 10 s after the stop, which is then in the middle of the wait. Time for which
                    # the machine stands still adds to those 10 s, and not to the deadline.
                    time.sleep(5)
                    drain(api, "x")
                finally:
                    controller.signal("CONT")
                assert "does not answer a PING" in sidecar.log()
                assert Scene(api, sidecar, controller).quiet_by() == ["deadline"]


@pytest.mark.parametrize("scene", ["http"], indirect=True)
def test_a_proof_needs_no_window(scene, api):
    """What nobody works on moves in less than the quiet window."""
    for name in ("first", "second"):
        api.create(SECRETS, secret(name, "shard-a"))
    scene.drain("first")  # with all that is done once: discovery of the kinds, the index of children
    took = scene.drain("second")
    print(f"\nmeasured: handover by proof of an object that nobody works on: {took:.2f} s")
    assert took < QUIET_WINDOW
    assert scene.quiet_by() == ["proof"]


@pytest.mark.parametrize("served", [True, False])
def test_an_unmodified_controllers_metrics_are_used_if_they_are_there(tmp_path, cluster, api, token, served):
    port = free_port()
    with Sidecar(tmp_path, cluster, "shard-a", token, [f"--metrics=http://127.0.0.1:{port}/metrics"]) as sidecar:
        sidecar.wait_for_ring()
        metrics = f"127.0.0.1:{port}" if served else "0"
        with Controller(tmp_path, sidecar.controller_kubeconfig(), metrics=metrics) as controller:
            eventually(sidecar.ready, 15, "the shard Lease is held")
            eventually(lambda: listens(port) == served, 15, "the controller serves metrics")
            for number in range(10):
                api.create(SECRETS, secret(f"s{number}", "shard-a"))
            for number in range(10):
                drain(api, f"s{number}")
            quiet_by = Scene(api, sidecar, controller).quiet_by()
            assert quiet_by == ["proof" if served else "window"], sidecar.log()[-2000:]
            assert sidecar.log().count("metrics cannot be read") == (0 if served else 1)
