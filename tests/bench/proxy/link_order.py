#!/usr/bin/python3
"""Writes cmake/link-order.txt: which parts of the libraries a sidecar runs, so that the linker puts them side by side.

    tests/bench/proxy/link_order.py      two minutes; after a library has changed much

The kernel maps a program's code in pieces of 64 KiB around each function that is called. Of OpenSSL a small part is called,
all over it, so that all of it came to be resident. Valgrind tells which functions a sidecar calls between its start, a shard
Lease, reads and writes through it, and its end; the linker's map tells which section each of them is in. The project's own
functions are not listed: most of them run, and the list would be stale with every commit. Needs root, valgrind and `make build`.
"""

import dataclasses
import pathlib
import re
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parents[1] / "integration")]

import loads  # noqa: E402  (found through the line above)
import own_network  # noqa: E402
import proxy_cost  # noqa: E402
import real_api  # noqa: E402
from peers import PEERS, ROOT, Place, Proxy, sidecar  # noqa: E402
from support import eventually, free_port  # noqa: E402

BUILD = ROOT / "build/release"
ORDER = ROOT / "cmake/link-order.txt"
HEADER = """\
# One function of each section of the libraries that a sidecar runs. The linker puts these sections side by side, and what
# is not called stays out of memory. Written by tests/bench/proxy/link_order.py; names that a library no longer has do no harm.
"""
RENEWAL = 12  # seconds: the shard's Lease is renewed, connections are looked after


def sections_of_libraries():
    """-> [[symbol, ...], ...] of each section with code, as linked"""
    link = subprocess.run(["ninja", "-C", str(BUILD), "-t", "commands", "ringside-sidecar"], capture_output=True, text=True,
                          check=True).stdout.splitlines()[-1]
    with tempfile.TemporaryDirectory() as folder:
        link = link.replace("-o bin/ringside-sidecar", f"-o {folder}/linked -Wl,--no-demangle -Wl,-Map={folder}/map")
        subprocess.run(link, shell=True, cwd=BUILD, check=True)
        lines = pathlib.Path(folder, "map").read_text().splitlines()
    sections, current = [], None
    for line in lines:
        # Address, load address, size, alignment; then an output section, an input section or a symbol, each indented more.
        found = re.match(r"(?:\s*[0-9a-f]+){3}\s+\d+ (\s*)(.*)", line)
        if not found:
            continue
        indent, name = len(found[1]), found[2]
        if indent == 8:
            current = [] if ":(.text" in name and "libringside" not in name and ".dir/" not in name else None
            if current is not None:
                sections.append(current)
        elif indent == 16 and current is not None:
            current.append(name)
    return sections


def work(proxy, folder, token):
    """What a controller does."""
    bearer = ["-H", f"authorization: Bearer {token}"]
    with real_api.shard_at_work(proxy.port, token):
        eventually(lambda: proxy_cost.is_ready(proxy.status_port), 60, "the shard Lease is held")
        for path in (loads.OBJECT, loads.MANY):
            row = loads.Row("read", "", 0, 0, ["-n", "50", "-c", "5", "-m", "2", *bearer], path)
            loads.run(row, proxy.port, proxy_cost.LOAD_CORE)
        write = dataclasses.replace(loads.PATCH, arguments=["-n", "50", "-m", "16", *loads.patch_arguments(folder, token)])
        loads.run(write, proxy.port, proxy_cost.LOAD_CORE)
        time.sleep(RENEWAL)


def functions_that_run(folder):
    PEERS["profiled"] = lambda place: ["valgrind", "--tool=callgrind", "--demangle=no",
                                       f"--callgrind-out-file={folder}/calls", *sidecar(place)]
    certificate, key = proxy_cost.make_certificate(folder)
    place_folder = folder / "profiled"
    place_folder.mkdir()
    with real_api.running() as (server_port, ca, token):
        place = Place(place_folder, certificate, key, server_port, free_port(), free_port(), ca, token)
        proxy = Proxy("profiled", place, proxy_cost.PROXY_CORE)
        try:
            work(proxy, folder, token)
        finally:
            proxy.process.terminate()
            proxy.process.wait(60)  # valgrind writes its file
    return set(re.findall(r"^c?fn=\(\d+\) ([^\s']+)", (folder / "calls").read_text(), re.MULTILINE))


def main():
    own_network.enter()
    sections = sections_of_libraries()
    with tempfile.TemporaryDirectory() as folder:
        called = functions_that_run(pathlib.Path(folder))
    order = [next(symbol for symbol in section if symbol in called) for section in sections if not called.isdisjoint(section)]
    ORDER.write_text(HEADER + "".join(f"{symbol}\n" for symbol in order))
    print(f"written: {ORDER.relative_to(ROOT)}, {len(order)} of {len(sections)} sections")


if __name__ == "__main__":
    main()
