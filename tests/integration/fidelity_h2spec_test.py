"""h2spec, the conformance suite of HTTP/2, against everything of ours that speaks it: all its cases, the strict ones too."""

import re
import subprocess

import pytest
from node.layout import HERE
from support import Injector, eventually

CASES = 146
# The case is of an open stream, and one that is answered at once may be closed by then; once more.
TOO_LATE = "a flow control window increment of 0 on a stream"


@pytest.fixture(scope="module")
def h2spec():
    command = [HERE / "build-binaries", "--print-paths"]
    folders = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    path = f"{folders[-1]}/h2spec"

    def run(port, target):
        arguments = ["--tls", "--insecure", "--strict", "--host=127.0.0.1", f"--port={port}", f"--path={target}", "--timeout=5"]
        for _ in range(5):
            result = subprocess.run([path, *arguments], capture_output=True, text=True, timeout=120, check=False)
            summary = re.search(r"(\d+) tests, (\d+) passed, (\d+) skipped, (\d+) failed", result.stdout)
            assert summary, result.stdout[-2000:] + result.stderr
            failures = result.stdout.partition("Failures:")[2]
            if not (summary[4] == "1" and TOO_LATE in failures):
                break
        assert summary.groups() == (str(CASES), str(CASES), "0", "0"), failures

    return run


def test_sidecar(h2spec, world):
    h2spec(world.sidecar_port, "/version")


def test_central(h2spec, central):
    h2spec(central.webhook_port, "/")


def test_injector(h2spec, folder, kubeconfig):
    with Injector(folder, kubeconfig("injector")) as injector:
        eventually(injector.ready, 15, "the injector is ready")
        h2spec(injector.webhook_port, "/")
