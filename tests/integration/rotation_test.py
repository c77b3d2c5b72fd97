"""What is replaced under running programs: the ServiceAccount's token, and the cluster's certificate authority."""

import contextlib
import http.client
import itertools
import json
import os
import ssl
import threading

import pytest
import yaml
from credentials import Authority, Mounted, certify_apiserver, short_token
from rings import Ring
from ringside_cluster import Cluster
from sidecars import APP_AS_ADMIN, CONFIGMAPS, DRAIN_LABEL, RING_OF_SECRETS, SECRETS, SHARD_LABEL, Sidecar, secret
from support import LEASES, RINGS, ROOT, WEBHOOKS, Api, ApiError, Central, Injector, InPod, Repeated, cluster_ca, eventually

SHARD = "shard-a"


@pytest.fixture(scope="module")
def cluster():
    """Of this module alone, since its authority changes."""
    with Cluster(f"rotation-{os.getpid()}", api_only=True, host_net=True) as running:
        for manifest in ("crd/controllerrings.yaml", "central/namespace.yaml"):
            running.kubectl("apply", "--server-side", "-f", str(ROOT / "deploy" / manifest))
        for component in ("central", "injector"):
            running.kubectl("apply", "--namespace", "sharding-system", "-f", str(ROOT / "deploy" / component / "rbac.yaml"))
        running.kubectl("apply", "-f", "-", input=yaml.safe_dump_all(APP_AS_ADMIN))
        api = Api.of_cluster(running)
        eventually(lambda: api.create(RINGS, RING_OF_SECRETS), 20, "the ring is there")
        yield running
    Ring.made.clear()  # they are gone with it


@pytest.fixture(scope="module")
def api(cluster):
    return Api.of_cluster(cluster)


class App:
    """A controller with one watch, and connections that stay; as client-go, it reads its token from the file."""

    def __init__(self, sidecar):
        self._sidecar, self._local = sidecar, threading.local()
        self.events = []
        threading.Thread(target=self._watch, daemon=True).start()

    def _connect(self):
        context = ssl.create_default_context(cafile=str(self._sidecar.app / "ca.crt"))
        return http.client.HTTPSConnection("127.0.0.1", self._sidecar.port, context=context, timeout=120)

    def _headers(self):
        return {"Authorization": "Bearer " + (self._sidecar.app / "token").read_text(), "Content-Type": "application/json"}

    def _watch(self):
        connection = self._connect()
        connection.request("GET", f"{SECRETS}?watch=true&timeoutSeconds=600", headers=self._headers())
        for line in connection.getresponse():
            event = json.loads(line)
            self.events.append((event["type"], event["object"]["metadata"]["name"]))
        self.events.append(("END", ""))

    def saw(self, name):
        return ("ADDED", name) in self.events

    def ask(self, method, path, body=None, content_type=None):
        """The answer; anything but success is an error."""
        if getattr(self._local, "connection", None) is None:
            self._local.connection = self._connect()
        headers = {**self._headers(), **({"Content-Type": content_type} if content_type else {})}
        self._local.connection.request(method, path, json.dumps(body) if body else None, headers)
        response = self._local.connection.getresponse()
        text = response.read()
        assert response.status < 300, f"{method} {path}: {response.status} {text[:300]}"
        return json.loads(text)


    def upgrade(self, path):
        """What is answered to a WebSocket that is refused."""
        connection = self._connect()
        with contextlib.closing(connection):
            connection.request("GET", path, headers={**self._headers(), "Connection": "Upgrade", "Upgrade": "websocket",
                                                     "Sec-WebSocket-Version": "13",
                                                     "Sec-WebSocket-Key": "c2l4dGVlbiBieXRlcyE9IQ=="})
            response = connection.getresponse()
            return response.status, response.read()


@contextlib.contextmanager
def working_app(folder, cluster, api, token):
    with Sidecar(folder, cluster, SHARD, token, ["--leader-election=off"]) as sidecar:
        sidecar.wait_for_ring()
        mounted = Mounted(sidecar.source, ca_crt=cluster_ca(cluster), token=token, namespace="default")
        app = App(sidecar)
        eventually(sidecar.ready, 30, "the shard Lease is held, since the app watches")
        yield sidecar, mounted, app
        assert sidecar.running(), sidecar.log()[-3000:]
    api.delete(LEASES.format("default") + "/" + SHARD)
    api.delete(SECRETS)


def lease_is_renewed(api, name=f"{LEASES.format('default')}/{SHARD}", times=2, seconds=60):
    def renewed():
        return api.get(name)["spec"]["renewTime"]
    for _ in range(times):
        before = renewed()
        eventually(lambda before=before: renewed() != before, seconds, f"{name} is renewed")


@pytest.mark.long
def test_tokens_are_replaced_under_load(folder, cluster, api):
    """They last 20 s and are replaced every 5 s, as the kubelet replaces those that last an hour after 48 minutes."""
    def fresh():
        return short_token(cluster, api, "default", "app", 20)

    first, numbers = fresh(), itertools.count()
    with working_app(folder / "tokens", cluster, api, first) as (sidecar, mounted, app):
        def write():
            name = f"load-{next(numbers)}"
            app.ask("POST", SECRETS, secret(name, SHARD))
            app.ask("PATCH", f"{SECRETS}/{name}", {"metadata": {"annotations": {"a": "b"}}}, "application/merge-patch+json")
            eventually(lambda: app.saw(name), 60, "the watch tells of it")

        def refused():
            direct = Api(cluster.server, ssl.create_default_context(cadata=cluster_ca(cluster)),
                         {"Authorization": f"Bearer {first}"})
            try:
                return direct.get(SECRETS) is None
            except ApiError as error:
                return error.code == 401

        api.create(SECRETS, secret("drained", SHARD))
        with Repeated(lambda: mounted.write(token=fresh()), 5) as renewals, Repeated(write) as writes, \
                Repeated(lambda: app.ask("GET", SECRETS)) as lists, Repeated(lambda: app.ask("GET", CONFIGMAPS)) as others:
            eventually(refused, 120, "the first token is refused")
            lease_is_renewed(api)
            api.patch(f"{SECRETS}/drained", {"metadata": {"labels": {DRAIN_LABEL: "true"}}})
            eventually(lambda: SHARD_LABEL not in api.get(f"{SECRETS}/drained")["metadata"].get("labels", {}), 60,
                       "the drain is acknowledged")
        for load in (renewals, writes, lists, others):
            assert load.count and not load.failures, load.failures[:5]
        last = (sidecar.source / "token").read_text()
        eventually(lambda: (sidecar.app / "token").read_text() == last, 30, "the app has the latest token")
        assert ("END", "") not in app.events
        print(f"\nmeasured: {renewals.count} tokens, {writes.count} x 2 writes, {lists.count + others.count} lists: no failure")


def served_by(cluster, authority):
    """Whether new connections meet a certificate of that authority."""
    Api(cluster.server, ssl.create_default_context(cadata=authority.pem)).request("GET", "/version")
    return True


def authorities(cluster, api, folder):
    """The cluster's and a new one."""
    old, new = Authority.of_cluster(cluster), Authority.make(folder / "new-authority")
    saved = old.pem
    old = Authority(folder / "new-authority" / "old.crt", cluster.state_dir / "pki" / "ca.key")
    old.certificate.write_text(saved)
    api.trust(new.pem)
    # For the API server, which knows its administrator by the old one, and for those who wait for the API server.
    (cluster.state_dir / "pki" / "ca.crt").write_text(old.pem + new.pem)
    return old, new


def test_the_clusters_authority_is_replaced(folder, cluster, api):
    """As Kubernetes documents it: both are trusted, then the new one signs, then it alone is trusted."""
    token = api.token("default", "app")
    accounts = {name: Mounted(folder / name, ca_crt=cluster_ca(cluster), token=api.token("sharding-system", name),
                              namespace="sharding-system") for name in ("sharder", "injector")}
    host, port = cluster.server.removeprefix("https://").split(":")
    pods = {name: InPod(mounted.path, host, port) for name, mounted in accounts.items()}
    ring, injected = Ring(api, "rotation"), f"{WEBHOOKS}/ringside-injector"
    api.create(WEBHOOKS, yaml.safe_load((ROOT / "deploy/injector/webhook.yaml").read_text()))
    old, new = authorities(cluster, api, folder)
    with Central(folder, "central", None, pod=pods["sharder"]) as central, \
            Injector(folder, None, pod=pods["injector"]) as injector, \
            working_app(folder / "authority", cluster, api, token) as (sidecar, mounted, app):

        def trust(pem):
            for each in (mounted, *accounts.values()):
                each.write(ca_crt=pem)
            eventually(lambda: (sidecar.app / "ca.crt").read_text() == sidecar.ca_file.read_text() + pem, 60,
                       "the app trusts the sidecar and those")

        def restarted(number):
            """Everybody has to connect anew, and works on."""
            cluster.restart("apiserver", wait=True)
            eventually(lambda: app.ask("GET", CONFIGMAPS), 60, "the app's requests pass")
            ring.add_shard(f"shard-{number}")
            api.request("PATCH", injected, [{"op": "remove", "path": "/webhooks/0/clientConfig/caBundle"}],
                        "application/json-patch+json")
            lease_is_renewed(api)
            eventually(lambda: api.get(f"{RINGS}/{ring.name}")["status"]["availableShards"] == number, 60, "central works")
            eventually(lambda: api.get(injected)["webhooks"][0]["clientConfig"].get("caBundle"), 60, "the injector works")

        eventually(lambda: central.leading() and injector.ready(), 60, "all are ready")
        trust(old.pem + new.pem)
        certify_apiserver(cluster, new)
        eventually(lambda: served_by(cluster, new), 120, "the API server has its new certificate")
        app.ask("POST", SECRETS, secret("meanwhile", SHARD))
        eventually(lambda: app.saw("meanwhile"), 60, "a watch goes on")
        assert ("END", "") not in app.events
        restarted(1)
        trust(new.pem)
        restarted(2)
        # What is not trusted any more is refused: nobody has fallen back on anything. Upgrades have new connections.
        certify_apiserver(cluster, old)
        eventually(lambda: served_by(cluster, old), 120, "the API server has its old certificate")
        status, body = app.upgrade(f"{SECRETS}?watch=true")
        assert status == 503 and b"not trusted" in body, (status, body)
