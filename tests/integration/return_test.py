"""A shard that is back before central has moved all that it left."""

import time

from rings import Ring
from support import Central, eventually

STATE = "alpha.sharding.timebertt.dev/state"


def test_a_shard_that_comes_back_finds_nothing_half_moved(folder, kubeconfig, api):
    ring = Ring(api, "comes-back")
    for shard in ("shard-0", "shard-1"):
        ring.add_shard(shard)
    with Central(folder, "central", kubeconfig("sharder")) as central:
        ring.wait_until_assigning()
        ring.create_secrets(300, children=True)
        before = ring.shards(ring.secrets)
        left = sorted(name for name, shard in before.items() if shard == "shard-0")
        assert len(left) > 100

        released = time.monotonic()
        ring.release("shard-0")
        eventually(lambda: "shard-0" not in ring.shards(ring.configmaps).values()
                   or [child for child, shard in ring.shards(ring.configmaps).items()
                       if shard == "shard-1" and before[child.replace("child", "object")] == "shard-0"], 10)
        half_moved = [name for name, shard in ring.shards(ring.secrets).items() if shard == "shard-0"]
        ring.renew("shard-0", holderIdentity="shard-0", leaseDurationSeconds=3600)
        assert ring.state("shard-0") == "dead" and half_moved, "nothing was left to move when the shard was back"

        eventually(lambda: ring.state("shard-0") == "ready", 20)
        secrets, children = ring.shards(ring.secrets), ring.shards(ring.configmaps)
        apart = [name for name, shard in secrets.items() if children[name.replace("object", "child")] != shard]
        assert not apart, f"{len(apart)} owners are not with their children"
        assert {secrets[name] for name in left} == {"shard-1"}, "what the shard left was moved to the end"
        print(f"\nmeasured: {len(left)} pairs moved, {len(half_moved)} of them after the shard was back; "
              f"it counts again {time.monotonic() - released:.2f} s after its release")
        # Then it is as a new one.
        eventually(lambda: set(ring.draining()) == set(left), 15, "its objects are to be handed over to it")
        assert central.terminate() == 0
