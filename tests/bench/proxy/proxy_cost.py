#!/usr/bin/python3
"""What the sidecar costs as a proxy, beside haproxy, nghttpx, Envoy and Go's ReverseProxy: CPU time of the process for each
operation, memory, and the time to the first answer.

    tests/bench/proxy/proxy_cost.py [--peers sidecar,haproxy] [--rounds 3] [--rows watch]      about three minutes

Behind the proxy is tests/support/bench-server, before it h2load. The proxy has one core to itself as far as the machine allows,
reader and server share the other. TLS 1.3 with AES-128-GCM and an ECDSA P-256 key on both sides. Peers take turns, and the
lowest of the rounds counts, so that what else the machine does meets all alike. All of it is in a network namespace of its
own. Needs root and `make build`.
"""

import argparse
import contextlib
import dataclasses
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parents[1] / "integration")]

import loads  # noqa: E402  (found through the line above)
import own_network  # noqa: E402
import real_api  # noqa: E402
import report  # noqa: E402
from peers import PEERS, ROOT, Place, Proxy, available, install_envoy  # noqa: E402
from support import eventually, free_port  # noqa: E402

LOAD_CORE, PROXY_CORE = 0, 1
SERVER = ROOT / "tests/support/bench-server/bin/bench-server"
EVENTUALLY = 0.3  # seconds until what a proxy does at its start is over


def build_go():
    for name in ("bench-server", "go-proxy"):
        folder = ROOT / "tests/support" / name
        subprocess.run(["go", "build", "-o", "bin/", "."], cwd=folder, check=True)


def make_certificate(folder):
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=bench", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key),
                    "-out", str(certificate)], check=True, capture_output=True)
    return certificate, key


@contextlib.contextmanager
def serving(certificate, key):
    port = free_port()
    command = ["taskset", "-c", str(LOAD_CORE), str(SERVER), f"-listen=127.0.0.1:{port}", f"-certificate={certificate}",
               f"-key={key}"]
    with subprocess.Popen(command, env={**os.environ, "GOMAXPROCS": "1"}) as server:
        try:
            yield port
        finally:
            server.kill()


def measure(proxies, rows, rounds):
    """-> {(row, peer): lowest cost}"""
    lowest = {}
    for number in range(rounds):
        for row in rows:
            for proxy in proxies:
                value = loads.cost(row, proxy, LOAD_CORE)
                lowest[row.name, proxy.name] = min(value, lowest.get((row.name, proxy.name), value))
        print(f"round {number + 1} of {rounds}", flush=True)
    return lowest


@contextlib.contextmanager
def proxying(folder, names, **where):
    """The proxies, each in a folder of its own."""
    with contextlib.ExitStack() as stack:
        proxies = []
        for name in names:
            (folder / name).mkdir(parents=True)
            proxies.append(Proxy(name, Place(folder / name, port=free_port(), status_port=free_port(), **where), PROXY_CORE))
            stack.callback(proxies[-1].stop)
        time.sleep(EVENTUALLY)
        yield proxies


def is_ready(port):
    with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
        return answer.status == 200
    return False


def measure_writes(folder, names, certificate, key, rounds):
    """-> {(row, peer): lowest cost}"""
    with contextlib.ExitStack() as stack:
        server_port, ca, token = stack.enter_context(real_api.running())
        row = dataclasses.replace(loads.PATCH, arguments=loads.PATCH.arguments + loads.patch_arguments(folder, token))
        proxies = stack.enter_context(proxying(folder / "real", names, certificate=certificate, key=key, server_port=server_port,
                                               ca=ca, token=token))
        for proxy in proxies:
            if proxy.name == "sidecar":
                stack.enter_context(real_api.shard_at_work(proxy.port, token))
                eventually(lambda port=proxy.status_port: is_ready(port), 20, "the shard Lease is held")
        return measure(proxies, [row], rounds)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", default=",".join(PEERS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", default="", help="only rows whose name has this in it")
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "build/bench-proxy")
    options = parser.parse_args()
    names = [name for name in options.peers.split(",") if available(name)]
    rows = [row for row in loads.ROWS if options.rows in row.name]
    build_go()
    if "envoy" in names:
        install_envoy()
    own_network.enter()
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        certificate, key = make_certificate(folder)
        lowest = {}
        if options.rows in loads.PATCH.name:
            lowest = measure_writes(folder, names, certificate, key, options.rounds)
        server_port = stack.enter_context(serving(certificate, key))
        proxies = stack.enter_context(proxying(folder, names, certificate=certificate, key=key, server_port=server_port,
                                               ca=certificate.read_text()))
        idle = {proxy.name: proxy.memory_mb() for proxy in proxies}
        private = {proxy.name: proxy.memory_mb("RssAnon") for proxy in proxies}
        watching = {proxy.name: loads.memory_of_watches(proxy, LOAD_CORE) for proxy in proxies}
        lowest |= measure(proxies, rows, options.rounds)
        rows += [loads.PATCH] if (loads.PATCH.name, names[0]) in lowest else []
        table = [(row.name, row.unit, row.budget, {name: lowest[row.name, name] for name in names}) for row in rows]
        table += [("resident memory, idle", "MB", 7, idle),
                  ("of which no file's (not shared), idle", "MB", 7, private),
                  ("resident memory, 200 idle watches", "MB", 9, watching),
                  ("resident memory, peak of all", "MB", 14, {proxy.name: proxy.memory_mb("VmHWM") for proxy in proxies}),
                  ("start to the first answer", "ms", 20, {proxy.name: proxy.first_byte_ms for proxy in proxies})]
    report.show(table, names)
    options.output.mkdir(parents=True, exist_ok=True)
    report.write_csv(options.output / "proxy.csv", table, names)
    report.write_svg(options.output / "proxy.svg", table, names)
    print(f"\nwritten: {options.output}/proxy.csv and proxy.svg")


if __name__ == "__main__":
    main()
