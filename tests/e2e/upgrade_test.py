"""kubectl through a sidecar, both ways that it knows: exec, cp, attach, port-forward and logs, over WebSocket and SPDY."""

import hashlib
import os
import signal
import subprocess
import time

import pytest
import yaml
from world import CONTROLLER, ROOT, eventually

TESTS = ROOT / "tests"
WAYS = {"websocket": "true", "spdy": "false"}
# Meets the restricted standard; everything that is written goes to a volume in memory.
SECURITY = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "runAsNonRoot": True, "runAsUser": 65532,
            "seccompProfile": {"type": "RuntimeDefault"}}
CONTAINER = {"image": "ringside.test/toolbox:1", "imagePullPolicy": "Never", "securityContext": SECURITY,
             "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}]}
POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "toolbox", "namespace": "default"},
       "spec": {"volumes": [{"name": "tmp", "emptyDir": {"medium": "Memory"}}], "terminationGracePeriodSeconds": 0,
                "containers": [{"name": "echo", "command": ["/bin/cat"], "stdin": True, **CONTAINER},
                               {"name": "serve", "command": ["/hello", "serve", "8080"], **CONTAINER}]}}


@pytest.fixture(scope="module")
def toolbox(world, tmp_path_factory):
    """A pod with a shell, beside the ring's."""
    folder = tmp_path_factory.mktemp("toolbox")
    subprocess.run(["gcc", "-static", "-Os", "-o", folder / "hello", TESTS / "cluster" / "hello.c"], check=True)
    programs = ["/bin/dash", "/bin/cat", "/bin/tar", "/bin/sleep", "/usr/bin/sha256sum", "/usr/bin/head"]
    subprocess.run([TESTS / "cluster" / "mkimage", folder / "toolbox.tar", "ringside.test/toolbox:1",
                    "--entrypoint", '["/bin/sh"]', *(argument for program in programs for argument in ("--closure", program)),
                    *(f"{program}={program.replace('dash', 'sh')}" for program in programs), f"{folder / 'hello'}=/hello"],
                   check=True, capture_output=True)
    world.cluster.load(folder / "toolbox.tar")
    world.cluster.kubectl("apply", "-f", "-", input=yaml.safe_dump(POD))
    world.kubectl("wait --for=condition=Ready pod/toolbox --timeout=60s")
    world.kubectl("create clusterrolebinding e2e-enters --clusterrole=cluster-admin --serviceaccount=default:default")
    yield folder
    world.kubectl("delete clusterrolebinding e2e-enters")
    world.kubectl("delete pod toolbox")


class Kubectl:
    """In the network of a pod of the ring, against its sidecar."""

    def __init__(self, world, folder, way):
        self.world = world
        self.pod = sorted(world.pods())[0]
        self.pid = str(world.cluster.container_pid("default", self.pod, CONTROLLER))
        self._switches = [f"KUBECTL_{what}_WEBSOCKETS={WAYS[way]}" for what in ("REMOTE_COMMAND", "PORT_FORWARD")]
        files = f"/proc/{self.pid}/root"
        account = f"{files}/var/run/secrets/kubernetes.io/serviceaccount"
        self._config = folder / f"{way}.kubeconfig"
        self._config.write_text(yaml.safe_dump({
            "apiVersion": "v1", "kind": "Config", "current-context": "sidecar",
            "clusters": [{"name": "sidecar", "cluster": {"server": "https://127.0.0.1:16443",
                                                         "certificate-authority": f"{account}/ca.crt"}}],
            "users": [{"name": "user", "user": {"token": world.kubectl("create token default --duration=1h").strip()}}],
            "contexts": [{"name": "sidecar", "context": {"cluster": "sidecar", "user": "user"}}]}))

    def start(self, *arguments, **options):
        return self.world.cluster.popen("nsenter", "--target", self.pid, "--net", "env", *self._switches, "kubectl",
                                        f"--kubeconfig={self._config}", *arguments, **options)

    def __call__(self, *arguments, data=b"", status=0):
        process = self.start(*arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        out, errors = process.communicate(data, timeout=120)
        assert process.returncode == status, errors.decode()
        return out

    def open_upgrades(self):
        metrics = self.world.in_pod_network(self.pod, "curl", "-s", "http://127.0.0.1:16480/metrics")
        return next(float(line.split()[1]) for line in metrics.splitlines()
                    if line.startswith("ringside_sidecar_upgraded_connections "))


@pytest.fixture(params=list(WAYS))
def kubectl(request, world, toolbox):
    world.steady()
    kubectl = Kubectl(world, toolbox, request.param)
    yield kubectl
    eventually(lambda: kubectl.open_upgrades() == 0, 10, "nothing is left of its connections")


def test_exec_passes_output_input_and_the_exit_code(kubectl):
    assert kubectl("exec", "toolbox", "-c", "echo", "--", "/bin/sh", "-c", "echo hello") == b"hello\n"
    assert kubectl("exec", "-i", "toolbox", "-c", "echo", "--", "/bin/cat", data=b"there and back") == b"there and back"
    kubectl("exec", "toolbox", "-c", "echo", "--", "/bin/sh", "-c", "exit 7", status=7)


def test_it_is_asked_in_the_way_that_is_meant(kubectl, request):
    process = kubectl.start("-v=8", "exec", "toolbox", "-c", "echo", "--", "/bin/sh", "-c", ":", stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True)
    _, log = process.communicate(timeout=60)
    method = {"websocket": "GET", "spdy": "POST"}[request.node.callspec.id]
    assert process.returncode == 0
    assert [line for line in log.splitlines() if method in line and "/pods/toolbox/exec?" in line], log


def test_20_mb_go_in_and_come_back(kubectl, measurements, request):
    data = os.urandom(20_000_000)
    digest = hashlib.sha256(data).hexdigest()
    began = time.monotonic()
    assert hashlib.sha256(kubectl("exec", "-i", "toolbox", "-c", "echo", "--", "/bin/cat", data=data)).hexdigest() == digest
    measurements.record(f"20 MB through exec and back, {request.node.callspec.id}", time.monotonic() - began, "s")
    summed = kubectl("exec", "-i", "toolbox", "-c", "echo", "--", "/usr/bin/sha256sum", data=data)
    assert summed.split()[0].decode() == digest


def test_cp_both_ways(kubectl, tmp_path):
    data = os.urandom(2_000_000)
    (tmp_path / "in").write_bytes(data)
    kubectl("cp", "-c", "echo", str(tmp_path / "in"), "toolbox:/tmp/file")
    kubectl("cp", "-c", "echo", "toolbox:/tmp/file", str(tmp_path / "out"))
    assert (tmp_path / "out").read_bytes() == data


def test_attach_and_logs(kubectl):
    logs = kubectl.start("logs", "-f", "toolbox", "-c", "echo", "--since=1s", stdout=subprocess.PIPE)
    attached = kubectl.start("attach", "-i", "toolbox", "-c", "echo", stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL)
    try:
        attached.stdin.write(b"to whom it may concern\n")
        attached.stdin.flush()
        assert attached.stdout.readline() == b"to whom it may concern\n"
        assert logs.stdout.readline() == b"to whom it may concern\n"
        assert kubectl.open_upgrades() == 1, "logs are no upgrade"
    finally:
        for process in (attached, logs):
            process.send_signal(signal.SIGKILL)
            process.wait()


def test_port_forward_serves_one_connection_after_another(kubectl):
    forward = kubectl.start("port-forward", "toolbox", "18080:8080", stdout=subprocess.PIPE)
    try:
        assert b"Forwarding from 127.0.0.1" in forward.stdout.readline()
        for _ in range(5):
            answer = kubectl.world.in_pod_network(kubectl.pod, "curl", "-s", "--max-time", "10", "http://127.0.0.1:18080/")
            assert answer == "hello from toolbox"
    finally:
        forward.send_signal(signal.SIGKILL)
        forward.wait()


def test_what_the_api_server_refuses_is_told_as_it_says(kubectl, toolbox):
    process = kubectl.start("exec", "nobody", "--", "/bin/true", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1 and b'pods "nobody" not found' in errors
