"""What a leader finds that comes after one that died."""

import time

from rings import Ring
from support import Central, eventually

ELECTION = {"leaderElection": {"leaseDuration": "4s", "renewDeadline": "3s", "retryPeriod": "500ms"}}


def test_a_new_leader_reports_what_was_created_while_nobody_led(folder, kubeconfig, api):
    ring = Ring(api, "leaderless")
    for shard in ("shard-0", "shard-1"):
        ring.add_shard(shard)
    orphans = f'ringside_central_orphans_total{{controllerring="{ring.name}"}}'
    with Central(folder, "died", kubeconfig("sharder"), ELECTION) as died:
        ring.wait_until_assigning()
        ring.create_secret("before")
        eventually(lambda: ring.condition().get("status") == "True" and ring.status()["availableShards"] == 2, 15)
        died.kill()
    secrets = ring.create_secrets(10, children=True)
    assert not [secret for secret in secrets if ring.shard_of(secret)], "nobody answers the webhook"
    began = time.monotonic()
    with Central(folder, "successor", kubeconfig("sharder"), ELECTION) as successor:
        eventually(lambda: all([*ring.shards(ring.secrets).values(), *ring.shards(ring.configmaps).values()]), 15,
                   "everything has a shard")
        print(f"\nmeasured: everything assigned {time.monotonic() - began:.1f} s after the start of a new leader")
        condition = eventually(lambda: ring.condition()["reason"] == "ObjectsUnassigned" and ring.condition(), 5)
        assert condition["status"] == "False" and "20 objects had no shard" in condition["message"]
        assert successor.metric(orphans) == 20
        eventually(lambda: ring.condition()["status"] == "True", 15, "nothing is missed any more")
        assert successor.terminate() == 0


def test_a_new_leader_does_not_report_what_waited_for_the_first_shard(folder, kubeconfig, api):
    ring = Ring(api, "shardless")
    with Central(folder, "shardless", kubeconfig("sharder"), ELECTION) as died:
        eventually(lambda: ring.condition().get("status") == "True", 15)
        ring.create_secrets(5)
        died.kill()
    ring.add_shard("shard-0")
    with Central(folder, "first-shard", kubeconfig("sharder"), ELECTION) as successor:
        eventually(lambda: all(ring.shards(ring.secrets).values()), 15, "everything has a shard")
        eventually(lambda: ring.status()["availableShards"] == 1, 5)
        assert ring.condition()["status"] == "True"
        assert successor.metric(f'ringside_central_orphans_total{{controllerring="{ring.name}"}}') == 0
        assert successor.terminate() == 0


def test_a_new_leader_brings_children_to_owners_that_wait_for_their_handover(folder, kubeconfig, api):
    """Not where the ring wants them: it may be another by the time their owners leave."""
    ring = Ring(api, "children-waiting")
    ring.add_shard("shard-0")
    with Central(folder, "before", kubeconfig("sharder"), ELECTION) as died:
        ring.wait_until_assigning()
        owners = ring.create_secrets(10)
        died.kill()
    for owner in owners:
        ring.create_child(f"child-{owner['metadata']['name']}", owner)
    assert set(ring.shards(ring.configmaps).values()) == {None}, "nobody answers the webhook"
    ring.add_shard("shard-1")
    ring.add_shard("shard-2")
    with Central(folder, "after", kubeconfig("sharder"), ELECTION) as successor:
        eventually(lambda: all(ring.shards(ring.configmaps).values()), 15, "every child has a shard")
        draining = eventually(ring.draining, 15, "what the new shards are to have waits")
        assert set(ring.shards(ring.secrets).values()) == {"shard-0"}, "there is no sidecar that would hand over"
        assert len(draining) > 2
        assert set(ring.shards(ring.configmaps).values()) == {"shard-0"}
        assert successor.terminate() == 0
