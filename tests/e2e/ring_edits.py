"""What a ring is of changes while its controller runs: resources are taken out of it and come back."""

import collections

from language_ring import CONFIGMAPS, SECRETS
from side_by_side import Story
from world import Moment, eventually

_SECRETS = {"group": "", "resource": SECRETS.plural}
# In place of the Secrets, and of no interest to anybody. The ConfigMaps stay where they are, with their owners' names.
_OTHERS = {"group": "", "resource": "services", "controlledResources": [{"group": "", "resource": CONFIGMAPS.plural}]}
_GONE = 'ringside_sidecar_refused_requests_total{code="410"}'
# Kopf reads no ConfigMaps; everybody watches Secrets.
_WATCH_NO_CONFIGMAPS = ("python-kopf",)


class RingEdits(Story):
    def __init__(self, ring):
        super().__init__(ring)
        self.since = {}  # what the ring is without -> from when on, in this order
        self._gone = collections.Counter()  # pod -> how many watches were told that they cannot be resumed

    def live(self):
        ring, restarts = self.ring, self.ring.restarts()
        self._gone.update({pod: ring.metric(pod, _GONE) for pod in ring.pods()})
        self.since["ConfigMaps"] = Moment()
        whole = ring.set_resources([_SECRETS])
        self._lists_again(CONFIGMAPS, whole=True)
        ring.change_secrets("without ConfigMaps")
        ring.served()
        ring.set_resources(whole)
        self._lists_again(CONFIGMAPS)
        ring.create_secrets("whole-again", 4)
        ring.checked_off(3)

        # Every replica sees every Secret now and would write its ConfigMap; one of them may.
        self._let_central_see_the_others()
        self.since["Secrets"] = Moment()
        ring.set_resources([_OTHERS])
        self._lists_again(SECRETS, whole=True)
        ring.change_secrets("without Secrets")
        ring.create_secrets("for-all", 4)
        ring.served()
        ring.set_resources(whole)
        self._lists_again(SECRETS)
        ring.checked_off(3)

        self.since["nothing"] = Moment()
        ring.change_secrets("as before")
        ring.checked_off(3)
        # Who still had what it saw meanwhile would write old checksums as soon as it gets a ConfigMap from the third shard.
        for shards in (2, 3):
            ring.scale(shards)
            ring.checked_off(shards)
        # An election may be lost on a busy machine; but what ends controllers here would end those of all pods, at each edit.
        ended = {pod: count - restarts.get(pod, 0) for pod, count in ring.restarts().items()}
        assert sum(ended.values()) < len(ended), ended

    def _lists_again(self, resource, whole=False):
        """Until a list shows the whole of it in each pod, or the shard's part, and no watch goes on from what was before."""
        ring = self.ring
        for pod in ring.pods():
            def seen():
                wanted = {item["metadata"]["name"] for item in ring.api.metadata(ring.path(resource))} if whole \
                    else ring.of_shard(pod, resource)
                return ring.listed(pod, resource) == wanted != set()
            eventually(seen, 30, f"{pod} lists its {resource.plural}")
            if resource is SECRETS or ring.name not in _WATCH_NO_CONFIGMAPS:
                eventually(lambda: ring.metric(pod, _GONE) > self._gone[pod], 30, f"{pod} is told that what it knows is gone")
                self._gone[pod] = ring.metric(pod, _GONE)

    def _let_central_see_the_others(self):
        role = f"{self.ring.name}-others"
        self.ring.world.kubectl(f"create clusterrole {role} --verb=get,list,patch --resource=services")
        self.ring.world.kubectl(f"create clusterrolebinding {role} --clusterrole={role} --serviceaccount=sharding-system:sharder")
