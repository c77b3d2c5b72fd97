"""The steps of docs/getting-started.md, in its order. The guide and this file say the same; change both."""

import dataclasses
import json
import time
import typing

from . import changes
from .ring import RING, RING_LABEL, SHARD_LABEL, STATE_LABEL, name_on

SHARDED = "examples/checksum-controller/manifests/sharded"
UNSHARDED = "examples/checksum-controller/manifests/unsharded"
SYSTEM = "deploy/default"
FENCE_ANNOTATION = "alpha.sharding.timebertt.dev/fence-in-force"


def start(guide):
    guide.cluster.bring_up(guide)
    if guide.cluster.own:
        guide.meaning("A real Kubernetes node, in namespaces of its own; every kubectl below runs inside "
                      f"(tests/cluster/cluster exec --name {guide.cluster.name} kubectl ...).")


def install(guide):
    guide.apply(SYSTEM)
    guide.run("kubectl -n sharding-system wait --for=condition=Available deployment --all --timeout=120s")
    guide.meaning("The sharder decides which replica gets which object. The injector puts a sidecar into annotated pods.")
    guide.apply(SHARDED)
    guide.run(f"kubectl rollout status deployment {RING} --timeout=120s")
    guide.meaning("An ordinary controller, three replicas, as its author ships it; all that is new in its Deployment is the "
                  f"annotation sidecar.alpha.sharding.timebertt.dev/controllerring: {RING}.")


def pods(guide):
    guide.run("kubectl -n sharding-system get pod")
    guide.run("kubectl get pod")
    sidecars = guide.cluster.shell(f"kubectl get pod -l app.kubernetes.io/component={RING} -o "
                                   "jsonpath={.items[*].spec.initContainers[*].name}")
    guide.expect(sidecars.split() == ["ringside-sidecar"] * 3, "three pods, each with the sidecar", sidecars)
    guide.meaning("READY 2/2: the controller and its sidecar.")


def look_at_the_ring(guide):
    def probe():
        status = json.loads(guide.cluster.shell(f"kubectl get controllerring {RING} -o json")).get("status", {})
        ready = {c["type"]: c["status"] for c in status.get("conditions", [])}.get("Ready")
        seen = (ready, status.get("availableShards"), status.get("shards"))
        return seen == ("True", 3, 3), seen
    guide.until("until the ring is ready", 30, "READY True, AVAILABLE 3, SHARDS 3", probe)
    guide.run(f"kubectl get controllerring {RING}")
    guide.meaning("All three replicas work at the same time, each for a share of the objects.")

    def fenced():
        binding = guide.cluster.shell(f"kubectl get validatingadmissionpolicybinding controllerring-{RING} -o json "
                                      "--ignore-not-found") or "{}"
        in_force = json.loads(binding).get("metadata", {}).get("annotations", {}).get(FENCE_ANNOTATION)
        return bool(in_force), in_force
    guide.until("until the API server keeps each replica to its own objects", 15, "the fence in force", fenced)


def look_at_the_leases(guide):
    guide.settle(3, seconds=30)
    guide.run(f"kubectl get lease -L {RING_LABEL},{STATE_LABEL}")
    guide.meaning("Every shard is a Lease with the name of its pod, kept by the sidecar for as long as its controller lives; the "
                  "sharder writes what it thinks of it into the state label.")
    holder = guide.cluster.shell(f"kubectl get lease {RING} -o jsonpath={{.spec.holderIdentity}}")
    guide.expect(holder == f"controllerring/{RING}", f"the election Lease held by controllerring/{RING}", holder)
    guide.meaning(f"The Lease {RING} is the controller's own leader election. The sidecars hold it together, so that no "
                  "unsharded replica takes the lead beside them.")


def look_at_the_webhook(guide):
    guide.run(f"kubectl get mutatingwebhookconfiguration -l {RING_LABEL}={RING}")
    name = f"controllerring-{RING}"
    webhook = json.loads(guide.cluster.shell(f"kubectl get mutatingwebhookconfiguration {name} -o json"))["webhooks"][0]
    fields = ".clientConfig.service.path", ".namespaceSelector", ".objectSelector", ".rules"
    template = '{"\\n"}'.join(f"{{.webhooks[0]{field}}}" for field in fields)
    guide.run(f"kubectl get mutatingwebhookconfiguration {name} -o jsonpath='{template}'")
    guide.expect(webhook["clientConfig"]["service"]["path"] == f"/webhooks/sharder/controllerring/{RING}",
                 "a path of the ring's own", webhook["clientConfig"])
    resources = [rule["resources"] for rule in webhook["rules"]]
    guide.expect(resources == [["secrets"], ["configmaps"]], "rules for Secrets and ConfigMaps", resources)
    guide.meaning("The API server asks the sharder about Secrets and ConfigMaps that are created or updated and have no shard "
                  "yet (the label does not exist). Objects with a shard cost nothing.")


def create_objects(guide):
    guide.run("kubectl create secret generic foo --from-literal foo=bar -oyaml")
    guide.meaning("The label shard.alpha... is in the answer to the create: a Secret is never without an owner, not even "
                  "for a moment.")

    def has_configmap():
        now = guide.snapshot()
        return "ConfigMap/checksums-foo" in now.objects, "no ConfigMap checksums-foo"
    guide.until("for the ConfigMap", 15, "a ConfigMap checksums-foo", has_configmap)
    guide.run("kubectl get configmap checksums-foo -oyaml")
    now = guide.snapshot()
    guide.expect(now.shard("Secret/foo") == now.shard("ConfigMap/checksums-foo") != "", "both on one shard", now.shards())
    guide.meaning("Written by the replica that owns the Secret. It goes to the same shard, because the sharder hashes the "
                  "Secret that controls it (ownerReference with controller: true).")


def create_more(guide):
    for i in range(1, 10):
        guide.run(f"kubectl create secret generic foo{i}")
    guide.settle(3, moment="3 replicas", seconds=20)
    guide.run(f"kubectl get secret,configmap -L {SHARD_LABEL}")
    guide.meaning("Every object is where the hash ring puts it (computed again here, in Python), each ConfigMap beside its "
                  "Secret.")


def scale_down(guide):
    before = guide.snapshot()
    with changes.observed(guide, before) as change:
        guide.run(f"kubectl scale deployment {RING} --replicas 2")
        after = guide.settle(2)
        released = sorted(set(before.available) - set(after.available))
        guide.expect(len(released) == 1 and after.leases[released[0]] == ("dead", ""),
                     "one Lease without holder, in state dead", after.leases)
        guide.released_lease = released[0], time.monotonic()
        change.show_secrets()
        guide.run(f"kubectl get lease -L {STATE_LABEL}")
    guide.columns["2 replicas"] = after.count_by_shard()
    moved = change.moves()
    guide.expect({move.source for move in moved} <= set(released), f"only objects of {released} moved", moved)
    seconds = moved[-1].at - change.began if moved else 0
    guide.changes.append(changes.Row("scale down, 3 to 2", len(moved), seconds, "from the command to the last object"))
    guide.meaning(f"The shard gave its Lease back when its controller had ended (no HOLDER), and is dead. Its objects, {len(moved)} "
                  f"of {len(before.objects)}, moved at once: {seconds:.1f} s after the command they were all elsewhere. There is "
                  "nobody to agree with. The Lease itself goes a minute after it has expired; we come back to it.")


def scale_up(guide):
    before = guide.snapshot()
    with changes.observed(guide, before) as change:
        guide.run(f"kubectl scale deployment {RING} --replicas 4")
        guide.settle(4, moment="4 replicas")
        change.show_secrets()
        guide.run(f"kubectl get lease -L {STATE_LABEL}")
    moved, first = change.moves(), change.first_drain()
    secrets = [move for move in moved if move.target.startswith("Secret/")]
    guide.expect(all(move.drained for move in secrets), "every Secret that moved was drained before", secrets)
    seconds = moved[-1].at - first if moved and first else 0
    guide.changes.append(changes.Row("scale up, 2 to 4", len(moved), seconds, "from the first drain to the last object"))
    guide.meaning("These objects have a living owner, so it is asked: the sharder adds the drain label; the owner's sidecar holds "
                  "back the controller's writes, lets those end that are under way, moves the ConfigMap, and takes both labels "
                  f"off the Secret; the webhook gives it to the new shard in the same request. {len(moved)} objects in "
                  f"{seconds:.1f} s.")


def kill_process(guide):
    if not guide.cluster.own:
        guide.meaning("Left out: killing a process inside a container from outside takes access to the node, and the image has "
                      "no shell to do it from inside. On the demo's own cluster it is shown.")
        return
    before = guide.snapshot()
    shards = before.available
    pod = max(shards, key=lambda shard: before.count_by_shard()[shard])
    with changes.observed(guide, before) as change:
        guide.own_command("exec", "kill", "-KILL", guide.cluster.controller_pid(pod))
        guide.killed = pod
        name = name_on(pod, shards, "after-kill-")
        guide.run(f"kubectl create secret generic {name}")

        def served():
            now = guide.snapshot()
            return f"ConfigMap/checksums-{name}" in now.objects, f"no ConfigMap checksums-{name}"
        guide.until("until the shard works again", 30, f"a ConfigMap for {name}, a new Secret of that shard", served)
        seconds = time.monotonic() - change.began
        guide.settle(4, moment="process killed")
    guide.meaning(f"That was the controller's process in {pod}.")
    guide.run(f"kubectl get pod {pod}")
    guide.expect(not change.moves(), "no object moved", change.moves())
    guide.changes.append(changes.Row("controller killed (SIGKILL)", 0, seconds, "until a new object of its shard was served"))
    guide.meaning(f"RESTARTS 1, {seconds:.1f} s from the kill until a new Secret of this shard had its ConfigMap, and nothing has "
                  "moved: the sidecar waits 3 s for its controller to come back before it gives up the shard.")


def delete_pod(guide):
    before = guide.snapshot()
    others = [shard for shard in before.available if shard != guide.killed]
    pod = max(others, key=lambda shard: before.count_by_shard()[shard])
    owned = {target for target, shard in before.shards().items() if shard == pod}
    with changes.observed(guide, before) as change:
        guide.run(f"kubectl delete pod {pod} --force --grace-period=0")
        guide.settle(4, moment="pod deleted", but=pod)
        change.show_secrets()
    leaving = [move for move in change.moves() if move.source == pod]
    guide.expect({move.target for move in leaving} == owned, f"all {len(owned)} objects of {pod} moved", leaving)
    seconds = leaving[-1].at - change.began
    guide.run("kubectl get pod")
    guide.changes.append(changes.Row("pod deleted by force", len(leaving), seconds, "from the command to its last object"))
    guide.meaning(f"Its {len(leaving)} objects had another owner after {seconds:.1f} s. The Deployment's new pod is a new shard, so "
                  "some then moved on to it, with a drain.")
    if seconds > 10:
        guide.meaning("It took that long because a pod that is deleted by force is gone from the API before its processes end: this "
                      "time the API server refused its token before the sidecar could give the Lease back, which had to expire.")


def orphaned_lease(guide):
    name, released = guide.released_lease

    def gone():
        found = guide.cluster.shell(f"kubectl get lease {name} --ignore-not-found -L {STATE_LABEL}")
        return not found, found.strip().splitlines()[-1:]
    guide.meaning(f"{name} is the shard that was scaled away; its Lease is still there, dead.")
    guide.until(f"for its deletion; it was given back {time.monotonic() - released:.0f} s before this step", 120,
                "the orphaned Lease deleted about a minute after it expired", gone)
    seconds = time.monotonic() - released
    guide.run(f"kubectl get lease -L {STATE_LABEL}")
    guide.meaning(f"A dead shard's Lease is orphaned when it has been expired for a minute, and is deleted then: it was gone "
                  f"{seconds:.0f} s after it was given back.")


def remove_annotation(guide):
    guide.apply(UNSHARDED)
    guide.run(f"kubectl rollout status deployment {RING} --timeout=120s")

    def leads():
        holder = guide.cluster.shell(f"kubectl get lease {RING} -o jsonpath={{.spec.holderIdentity}}")
        return holder.startswith(f"{RING}-"), holder
    holder = guide.until("until one of the replicas leads (the sidecars' hold on the election Lease has to expire, 15 s)", 60,
                         f"the Lease {RING} held by one pod", leads)
    guide.run(f"kubectl get lease {RING}")
    guide.run(f"kubectl get controllerring {RING}")
    guide.run("kubectl create secret generic unsharded --from-literal a=b -oyaml")

    def served():
        now = guide.snapshot()
        return "ConfigMap/checksums-unsharded" in now.objects, "no ConfigMap checksums-unsharded"
    guide.until("for the ConfigMap", 30, "the leader makes checksums-unsharded", served)
    now = guide.snapshot()
    guide.expect(now.available == [] and now.shard("Secret/unsharded") == "", "no shards, and no label on a new Secret",
                 (now.available, now.shard("Secret/unsharded")))
    guide.meaning(f"Back to what it was: three replicas, of which one works ({holder.partition('_')[0]}). The ring has no shard, so "
                  "new objects get no label; old ones keep theirs, which nobody reads.")


def delete_ring(guide):
    guide.run(f"kubectl delete controllerring {RING}")

    def gone():
        found = guide.cluster.shell(f"kubectl get mutatingwebhookconfiguration -l {RING_LABEL}={RING} -o name")
        return not found, found
    guide.until("until the webhook configuration is gone", 30, "no webhook configuration of the ring", gone)
    guide.run(f"kubectl get mutatingwebhookconfiguration -l {RING_LABEL}={RING}")
    guide.run(f"kubectl label secret,configmap --all {SHARD_LABEL}-", show=False)
    guide.run(f"kubectl get secret -L {SHARD_LABEL}")
    guide.meaning("The ring's webhook configuration went with it. The labels that were left are plain labels by now; removing "
                  "them is a matter of tidiness.")


def leave(guide):
    """The end, after the summary."""
    guide.terminal.heading("Clean up" if not guide.cluster.keeps else "The controller is sharded again")
    if guide.cluster.keeps:
        guide.apply(SHARDED)
        guide.run(f"kubectl rollout status deployment {RING} --timeout=120s")
        guide.settle(3)
        guide.run(f"kubectl get controllerring {RING}")
        return
    if guide.cluster.own:
        guide.own_command("down")
    # On a cluster of the user's, close() does it, also after a failure.


@dataclasses.dataclass
class Step:
    title: str
    run: typing.Callable


STEPS = [
    Step("A cluster", start),
    Step("Install", install),
    Step("The pods", pods),
    Step("The ring", look_at_the_ring),
    Step("The shards' Leases", look_at_the_leases),
    Step("The webhook", look_at_the_webhook),
    Step("A Secret, and its ConfigMap", create_objects),
    Step("Nine more", create_more),
    Step("Scale down to two replicas", scale_down),
    Step("Scale up to four replicas", scale_up),
    Step("Kill a controller's process", kill_process),
    Step("Delete a pod by force", delete_pod),
    Step("The orphaned Lease", orphaned_lease),
    Step("Remove the annotation", remove_annotation),
    Step("Remove the ring", delete_ring),
]
