"""Two replicas of ringside-central: one certificate, one leader at a time."""

import time

from rings import Ring
from support import Central, eventually

ELECTION = {"leaderElection": {"leaseDuration": "4s", "renewDeadline": "3s", "retryPeriod": "500ms"}}
CERTIFICATE = "/api/v1/namespaces/sharding-system/secrets/sharder-certificate"


def test_replicas_share_a_certificate_and_take_turns(folder, kubeconfig, api):
    def start(name):
        return Central(folder, name, kubeconfig("sharder"), ELECTION)

    if api.find(CERTIFICATE):
        api.delete(CERTIFICATE)
    ring = Ring(api, "replicas")
    ring.add_shard("shard-0")
    with start("first") as first, start("second") as second:
        eventually(lambda: first.ready() and second.ready(), 15)
        made = [process.log().count("made a new one") for process in (first, second)]
        assert sum(made) == 1, "whoever comes first makes the certificate, the other uses it"
        certificate = api.get(CERTIFICATE)["data"]["tls.crt"]
        eventually(lambda: first.leading() or second.leading(), 10)
        leader, standby = (first, second) if first.leading() else (second, first)
        assert not standby.leading()
        ring.wait_until_assigning()

        began = time.monotonic()
        leader.kill()
        eventually(standby.leading, 15)
        print(f"\nmeasured: SIGKILL of the leader to the other one leading {time.monotonic() - began:.1f} s (Lease of 4 s)")
        ring.wait_until_assigning()  # by the webhook of the new leader, whose address it has written

        with start("third") as third:
            eventually(third.ready, 15)
            began = time.monotonic()
            assert standby.terminate() == 0
            ended = time.monotonic() - began
            eventually(third.leading, 10)
            print(f"measured: SIGTERM of the leader: ended after {ended:.1f} s, the other one leading after "
                  f"{time.monotonic() - began:.1f} s")
            assert "gave up leadership" in standby.log()
            assert api.get(CERTIFICATE)["data"]["tls.crt"] == certificate


def test_leader_that_hangs_is_replaced_and_steps_back(folder, kubeconfig):
    with Central(folder, "hanging", kubeconfig("sharder"), ELECTION) as hanging:
        eventually(hanging.leading, 15)
        with Central(folder, "other", kubeconfig("sharder"), ELECTION) as other:
            eventually(other.ready, 15)
            hanging.pause()
            began = time.monotonic()
            eventually(other.leading, 15)
            print(f"\nmeasured: SIGSTOP of the leader to the other one leading {time.monotonic() - began:.1f} s")
            hanging.resume()
            eventually(lambda: not hanging.leading(), 5)
            assert hanging.running() and other.leading()


def test_certificate_that_was_deleted_is_made_again(folder, kubeconfig, api):
    with Central(folder, "alone", kubeconfig("sharder"), ELECTION) as process:
        eventually(process.ready, 15)
        api.delete(CERTIFICATE)
    with Central(folder, "again", kubeconfig("sharder"), ELECTION) as process:
        eventually(process.ready, 15)
        assert api.get(CERTIFICATE)["data"]["tls.crt"]


def test_requests_are_limited_if_asked_for(folder, kubeconfig, api):
    settings = {**ELECTION, "clientConnection": {"qps": 20, "burst": 1}}
    with Central(folder, "limited", kubeconfig("sharder"), settings) as process:
        eventually(process.leading, 20)
        ring = Ring(api, "limited")
        eventually(lambda: ring.condition().get("status") == "True", 20)
        ring.create_secrets(40)
        began = time.monotonic()
        ring.add_shard("shard-0")
        eventually(lambda: set(ring.shards(ring.secrets).values()) == {"shard-0"}, 30)
        assert time.monotonic() - began > 39 / 20
        assert process.leading(), "leader election is not limited"
