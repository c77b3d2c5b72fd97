"""`ringside-sidecar redirect` in a network namespace of its own: who is redirected, and who is not. Needs root."""

import json
import os
import pathlib
import socket
import subprocess
import sys
import threading

import pytest
from support import program

UID = 16443  # the sidecar's
SERVICES = {"IPv4": ("10.96.0.1", "127.0.0.1"), "IPv6": ("fd00::1", "::1")}


def serve(address, port, answer):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.create_server((address, port), family=family)

    def run():
        while True:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(answer)

    threading.Thread(target=run, daemon=True).start()


def who_answers(address, port, uid):
    """A client as that user."""
    code = f"import socket; print(socket.create_connection(({address!r}, {port}), timeout=5).recv(9).decode())"
    return subprocess.run([sys.executable, "-c", code], user=uid, check=True, capture_output=True, text=True).stdout.strip()


def inside(binary, service, loopback):
    """In the namespace, where the Service's address is one of this machine's, so that there is something behind it."""
    subprocess.run("ip link set lo up", shell=True, check=True)
    subprocess.run(["ip", "address", "add", service, "dev", "lo"] + ["nodad"] * (":" in service), check=True)
    serve(service, 443, b"apiserver")
    serve(service, 80, b"other")
    serve(loopback, 16443, b"sidecar")
    environment = {**os.environ, "KUBERNETES_SERVICE_HOST": service, "KUBERNETES_SERVICE_PORT": "443"}
    before = who_answers(service, 443, 0)
    for _ in range(2):  # a second run replaces the first
        subprocess.run([binary, "redirect"], env=environment, check=True)
    rules = subprocess.run(["nft", "list", "ruleset"], check=True, capture_output=True, text=True).stdout
    return {"before": before, "root": who_answers(service, 443, 0), "app": who_answers(service, 443, 65532),
            "sidecar": who_answers(service, 443, UID), "another port": who_answers(service, 80, 65532),
            "rules": rules.count("redirect to")}


@pytest.mark.skipif(os.geteuid() != 0, reason="namespaces need root")
@pytest.mark.parametrize("family", list(SERVICES))
def test_all_but_the_sidecar_are_redirected(family):
    result = subprocess.run(["unshare", "--net", sys.executable, __file__, program("ringside-sidecar"), *SERVICES[family]],
                            check=True, capture_output=True, text=True, timeout=60,
                            env={**os.environ, "PYTHONPATH": str(pathlib.Path(__file__).parent)})
    assert json.loads(result.stdout.splitlines()[-1]) == {
        "before": "apiserver", "root": "sidecar", "app": "sidecar", "sidecar": "apiserver", "another port": "other", "rules": 1}


def test_it_says_what_is_missing():
    port = {"KUBERNETES_SERVICE_PORT": "443"}
    for environment, reason in (({}, "KUBERNETES_SERVICE_PORT is no port"), (port, "address '' is no IP address"),
                                ({**port, "KUBERNETES_SERVICE_HOST": "kubernetes"}, "address 'kubernetes' is no IP address")):
        result = subprocess.run([program("ringside-sidecar"), "redirect"], env=environment, check=False, capture_output=True,
                                text=True)
        assert result.returncode == 1 and reason in result.stderr


if __name__ == "__main__":
    print(json.dumps(inside(*sys.argv[1:])))
