"""What goes through the proxies, and what it may cost. h2load is the reader: written in C, it leaves most of its core to the
server."""

import dataclasses
import re
import signal
import subprocess
import time

OBJECT = "/api/v1/namespaces/default/configmaps/object"  # passed as it is
MANY = "/api/v1/namespaces/default/configmaps"  # filtered by the ring
# As client-go: large windows, so that the reader's do not bound the flow.
WINDOWS = ["-w", "22", "-W", "30"]


@dataclasses.dataclass
class Row:
    name: str
    unit: str
    budget: float  # of the sidecar
    operations: int
    arguments: list[str]
    path: str
    scale: float = 1  # from microseconds to the unit


EVENTS = 60_000
BYTES = 300_000_000

ROWS = [
    Row("small GET, 8 connections of 32 streams", "us", 20, 20_000, ["-n", "20000", "-c", "8", "-m", "32"], OBJECT),
    Row("small GET, one at a time", "us", 75, 2_000, ["-n", "2000"], OBJECT),
    Row("watch event of 1 KB, one stream", "us", 5, EVENTS, ["-n", "1"], f"{MANY}?watch=true&events={EVENTS}"),
    Row("watch event of 1 KB, ten streams", "us", 4, EVENTS, ["-n", "10", "-m", "10"],
        f"{MANY}?watch=true&events={EVENTS // 10}"),
    Row("list body", "s/GB", 1.3, BYTES, ["-n", "1"], f"{MANY}?bytes={BYTES}", scale=1e9 / 1e6),
    Row("new TLS connection with one GET", "ms", 0.5, 300, ["-n", "300", "-c", "300"], OBJECT, scale=1e-3),
]

PATCH = Row("PATCH on the real API server, 16 at a time", "us", 85, 2_000, ["-n", "2000", "-m", "16"], OBJECT)
# Changes nothing, so that the API server writes nothing, and no two are in conflict.
PATCH_BODY = '{"metadata":{"annotations":{"a":"b"}}}'


def patch_arguments(folder, token):
    body = folder / "patch.json"
    body.write_text(PATCH_BODY)
    return ["-H", ":method: PATCH", "-H", "content-type: application/merge-patch+json", "-H", f"authorization: Bearer {token}",
            "-d", str(body)]


def run(row, port, core, seconds=90):
    """Sends the load; RuntimeError where not all of it was answered."""
    command = ["taskset", "-c", str(core), "h2load", *WINDOWS, *row.arguments, f"https://127.0.0.1:{port}{row.path}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    count = int(row.arguments[1])
    found = re.search(r"(\d+) succeeded.*\n.*status codes: (\d+) 2xx", done.stdout)
    if not found or int(found[1]) != count or int(found[2]) != count:
        raise RuntimeError(f"{row.name}: {done.stdout[-800:]}{done.stderr[-400:]}")
    if "AES_128_GCM" not in done.stdout:
        raise RuntimeError("another cipher than AES-128-GCM")


def cost(row, proxy, core):
    """In the row's unit, of one operation."""
    before = proxy.cpu_us()
    run(row, proxy.port, core)
    return (proxy.cpu_us() - before) / row.operations * row.scale


def memory_of_watches(proxy, core, watches=200):
    """Resident megabytes while so many watches are open without an event."""
    command = ["taskset", "-c", str(core), "h2load", *WINDOWS, "-n", str(watches), "-c", "4", "-m", str(watches // 4),
               f"https://127.0.0.1:{proxy.port}{MANY}?watch=true"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as reader:
        time.sleep(1.5)
        memory = proxy.memory_mb()
        reader.send_signal(signal.SIGKILL)
    return memory
