"""Central's clock, set to another time while it runs: an image of central in which a library shifts the wall clock.

    clock = ShiftedClock(world)
    clock.install()                   # central is rolled to that image
    clock.set("sharder-74d-9gj", 60)

Nothing of this is in central: the library (shifted_clock.c) is loaded into the same binary by LD_PRELOAD, and the offset is a
file in the container's file system, which the node may write. What was changed can be seen in the log: central's lines have
its own time.
"""

import subprocess

from ringside_cluster import ClusterError
from world import ROOT

SYSTEM = "sharding-system"
_BUILD = ROOT / "build/chaos"
_IMAGE = "ringside.local/central-shifted-clock:latest"


class ShiftedClock:
    def __init__(self, world):
        self._world = world

    def install(self):
        _BUILD.mkdir(parents=True, exist_ok=True)
        library, offset, archive = _BUILD / "shifted_clock.so", _BUILD / "offset", _BUILD / "central-shifted-clock.tar"
        source = ROOT / "tests/chaos/shifted_clock.c"
        subprocess.run(["gcc", "-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o", library, source, "-ldl"], check=True)
        offset.write_text("0\n")
        binary = ROOT / "build/images/ringside-central"
        files = (f"{binary}=/ringside-central", f"{library}=/clock/shifted_clock.so", f"{offset}=/clock/offset")
        subprocess.run([ROOT / "tests/cluster/mkimage", archive, _IMAGE, "--entrypoint", '["/ringside-central"]',
                        "--closure", binary, *files], check=True)
        self._world.cluster.load(archive)
        container = {"name": "sharder", "image": _IMAGE, "env": [{"name": "LD_PRELOAD", "value": "/clock/shifted_clock.so"}]}
        self._world.api.request("PATCH", f"/apis/apps/v1/namespaces/{SYSTEM}/deployments/sharder",
                                {"spec": {"template": {"spec": {"containers": [container]}}}},
                                "application/strategic-merge-patch+json")
        self._world.kubectl(f"-n {SYSTEM} rollout status deployment sharder --timeout=120s")

    def set(self, pod, seconds):
        """False if the pod is gone."""
        try:
            path = self._world.cluster.container_rootfs(SYSTEM, pod, "sharder") / "clock/offset"
        except ClusterError:
            return False
        return self._world.cluster.exec("sh", "-c", f"echo {seconds} > {path}", check=False).returncode == 0
