"""The benches' network (tests/bench/own_network.py): the loopback of a namespace of its own."""

import os
import pathlib
import socket
import subprocess
import sys

import pytest

BENCH = pathlib.Path(__file__).resolve().parents[1] / "bench"
# What a program that the bench starts finds: a server there is reached, one of before is not.
STARTED = """
import socket, sys
with socket.create_server(("127.0.0.1", 0)) as own:
    socket.create_connection(own.getsockname(), timeout=5).close()
try:
    socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=5)
except ConnectionRefusedError:
    print("alone")
"""
INSIDE = "import own_network, subprocess, sys; own_network.enter(); subprocess.run([sys.executable, '-c', *sys.argv[1:]])"


def run(*arguments, **options):
    return subprocess.run([sys.executable, "-c", INSIDE, *arguments], cwd=BENCH, check=False, capture_output=True, text=True,
                          timeout=60, **options)


@pytest.mark.skipif(os.geteuid() != 0, reason="namespaces need root")
def test_loopback_is_its_own():
    with socket.create_server(("127.0.0.1", 0)) as outside:
        assert run(STARTED, str(outside.getsockname()[1])).stdout == "alone\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="another user's rights are tried")
def test_who_may_not_is_told():
    result = run("", user=65534, group=65534, extra_groups=[])
    assert result.returncode == 1
    assert "a bench needs a network namespace of its own: unshare: Operation not permitted. Run it as root" in result.stderr
