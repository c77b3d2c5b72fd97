"""Controllers over HTTP/1.1 whose process is stopped: nothing can be asked there, but the kernel tells what they read."""

import os
import time

import pytest
import yaml
from ringside_cluster import Cluster
from sidecars import APP_AS_ADMIN, RING_OF_SECRETS, SECRETS, Sidecar, lease_holder
from support import RINGS, ROOT, Api, eventually, free_port
from watcher import NOT_READ, Watcher

LEASE_SECONDS = 15


@pytest.fixture(scope="module")
def cluster():
    with Cluster(f"hang-{os.getpid()}", api_only=True, host_net=True) as running:
        running.kubectl("apply", "-f", str(ROOT / "deploy" / "crd" / "controllerrings.yaml"))
        running.kubectl("apply", "-f", "-", input=yaml.safe_dump_all(APP_AS_ADMIN))
        eventually(lambda: Api.of_cluster(running).create(RINGS, RING_OF_SECRETS), 20, "the ring is there")
        yield running


@pytest.fixture(scope="module")
def api(cluster):
    return Api.of_cluster(cluster)


@pytest.fixture(scope="module")
def token(api):
    return api.token("default", "app")


@pytest.fixture
def sidecar(tmp_path, cluster, token):
    port = free_port()
    arguments = ["--leader-election=off", f"--also-listen=[::1]:{port}"]
    with Sidecar(tmp_path, cluster, "shard-a", token, arguments, port=port) as process:
        process.wait_for_ring()
        yield process


def controller(sidecar, token, host, websocket=False):
    """It has an idle connection as well, to the sidecar's other address."""
    idle = "127.0.0.1" if host == "::1" else "::1"
    return Watcher(host, sidecar.port, (sidecar.app / "ca.crt").read_text(), token, SECRETS, websocket, idle=idle)


@pytest.mark.parametrize("host, websocket", [("127.0.0.1", False), ("::1", False), ("127.0.0.1", True)],
                         ids=["ipv4", "ipv6", "websocket"])
def test_a_stopped_process_loses_its_shard_within_one_lease_duration(sidecar, api, token, host, websocket):
    with controller(sidecar, token, host, websocket) as watcher:
        assert ("101" if websocket else "200") in watcher.status
        eventually(sidecar.ready, 15, "the shard Lease is held")
        time.sleep(6)  # idle, as is usual
        watcher.signal("STOP")
        began = time.monotonic()
        eventually(lambda: lease_holder(api, "shard-a") == "", LEASE_SECONDS, "the Lease is released within one duration")
        print(f"\nmeasured: SIGSTOP to the release of the Lease: {time.monotonic() - began:.2f} s")
        assert NOT_READ in sidecar.log()
        watcher.signal("CONT")
        eventually(lambda: not watcher.running(), 5, "it finds its watch ended when it goes on")
    with controller(sidecar, token, host, websocket):
        eventually(sidecar.ready, 20, "it has its shard back")


def test_a_quiet_process_keeps_its_shard(sidecar, token):
    """Asked every few seconds, of which its program hears nothing."""
    with controller(sidecar, token, "127.0.0.1") as watcher:
        eventually(sidecar.ready, 15, "the shard Lease is held")
        time.sleep(30)
        assert watcher.running() and sidecar.ready() and NOT_READ not in sidecar.log()


def test_a_process_that_reads_nothing_and_works_keeps_its_shard(sidecar, token):
    """One loop of watch, work, watch, as scripts have it."""
    with controller(sidecar, token, "127.0.0.1") as watcher:
        eventually(sidecar.ready, 15, "the shard Lease is held")
        watcher.signal("STOP")  # the watch is not read, while others of its connections are
        for _ in range(8):
            time.sleep(3)
            assert sidecar.get("/version", token=token)[0] == 200
        assert sidecar.ready() and NOT_READ not in sidecar.log()
