"""The certificates of the webhooks: renewed in time while calls come in, or mounted as files."""

import base64
import collections
import contextlib
import hashlib
import itertools
import socket
import ssl
import subprocess
import threading
import time

import pytest
import yaml

from credentials import Mounted
from rings import Ring
from support import RINGS, ROOT, WEBHOOKS, Central, Injector, Repeated, eventually

SECRETS = "/api/v1/namespaces/sharding-system/secrets"
# The shortest that there are: a new certificate every 20 s, a new authority every 40 s, and 5 s to learn of it.
LIFETIMES = {"certificateLifetime": "30s", "certificateAuthorityLifetime": "60s"}
ELECTION = {"leaseDuration": "4s", "renewDeadline": "3s", "retryPeriod": "500ms"}


@pytest.fixture(autouse=True)
def no_certificates(api):
    """Before and after: those of the other tests last longer."""
    def remove():
        for name in ("sharder-certificate", "injector-certificate"):
            if api.find(f"{SECRETS}/{name}"):
                api.delete(f"{SECRETS}/{name}")
    remove()
    yield
    remove()


class Trust:
    """A webhook configuration's caBundle, against which the certificates are checked that its servers offer. API servers
    may be seconds behind, so what is served has to be good against the bundle of a while ago, too."""

    BEHIND = 2

    def __init__(self, read, *ports):
        self._read, self._ports = read, ports
        self._bundles = []  # (since, text), the newest first
        self.certificates = collections.defaultdict(list)  # port -> in the order of their appearance

    @property
    def bundles(self):
        return [text for _, text in self._bundles]

    def check(self):
        bundle, now = self._read(), time.monotonic()
        if bundle not in self.bundles[:1]:
            self._bundles.insert(0, (now, bundle))
        believed = [bundle] + [text for (since, _), (_, text) in zip(self._bundles, self._bundles[1:])
                               if now - since < self.BEHIND]
        for port in self._ports:
            for text in believed:
                served = offered(port, text)
                if served not in self.certificates[port]:
                    self.certificates[port].append(served)


def offered(port, trusted):
    """A digest of the certificate that is offered there; SSLError if it is not to be trusted."""
    context = ssl.create_default_context(cadata=trusted)
    with socket.create_connection(("127.0.0.1", port), 5) as raw, \
            context.wrap_socket(raw, server_hostname="127.0.0.1") as connection:
        return hashlib.sha256(connection.getpeercert(binary_form=True)).hexdigest()


def bundle_of(configuration):
    return base64.b64decode(configuration["webhooks"][0]["clientConfig"]["caBundle"]).decode()


def assigned(ring):
    """Raises if the webhook is not reached: its failurePolicy is Ignore."""
    secret = ring.api.create(ring.secrets + "?dryRun=All", {"metadata": {"generateName": "call-"}})
    assert ring.shard_of(secret), "the object has no shard"


def test_renewed_without_a_failed_call_of_central(folder, kubeconfig, api):
    settings = {"webhook": {"server": LIFETIMES}, "leaderElection": ELECTION}
    ring = Ring(api, "certificates")
    ring.add_shard("shard-0")
    with Central(folder, "rotating-0", kubeconfig("sharder"), settings) as first, \
            Central(folder, "rotating-1", kubeconfig("sharder"), settings) as second:
        eventually(lambda: first.ready() and second.ready(), 15)
        ring.wait_until_assigning()
        trust = Trust(lambda: bundle_of(ring.webhook()), first.webhook_port, second.webhook_port)
        with Repeated(trust.check) as handshakes, Repeated(lambda: assigned(ring)) as calls:
            eventually(lambda: rotated(trust, 4, 3), 150, "three renewals and two new authorities")
        assert not handshakes.failures and not calls.failures, (handshakes.failures[:5], calls.failures[:5])
        print(f"\nmeasured: {calls.count} calls and {handshakes.count} x 2 handshakes without a failure, "
              f"{len(trust.certificates[first.webhook_port]) - 1} renewals, {len(trust.bundles) - 1} new authorities")
        made = [process.log().count("made a new one") for process in (first, second)]
        assert sum(made) >= 5
        assert [process.terminate() for process in (first, second)] == [0, 0]  # who comes next need not wait for a Lease


@pytest.mark.long
def test_renewed_without_a_failed_call_of_the_injector(folder, kubeconfig, api):
    """Here a failed call refuses a pod: the failurePolicy is Fail."""
    ring = Ring(api, "certificates-injector")
    api.create(f"/api/v1/namespaces/{ring.name}/serviceaccounts", {"metadata": {"name": "default"}})
    arguments = ["--certificate-lifetime", "30s", "--certificate-authority-lifetime", "60s"]
    pod = {"metadata": {"generateName": "pod-",
                        "annotations": {"sidecar.alpha.sharding.timebertt.dev/controllerring": ring.name}},
           "spec": {"containers": [{"name": "app", "image": "example.test/app:1"}]}}
    path = f"{WEBHOOKS}/ringside-injector"

    def injected():
        created = api.create(f"/api/v1/namespaces/{ring.name}/pods?dryRun=All", pod)
        assert created["spec"].get("initContainers"), "the pod has no sidecar"

    with Injector(folder, kubeconfig("injector"), arguments) as first, \
            Injector(folder, kubeconfig("injector"), arguments, name="injector-1") as second, \
            Service(first.webhook_port, second.webhook_port) as service, contextlib.ExitStack() as cleanup:
        configuration = yaml.safe_load((ROOT / "deploy/injector/webhook.yaml").read_text())
        for webhook in configuration["webhooks"]:
            webhook["clientConfig"] = {"url": f"https://127.0.0.1:{service.port}/webhooks/injector/pod"}
        api.create(WEBHOOKS, configuration)
        cleanup.callback(api.delete, path)
        eventually(lambda: first.ready() and second.ready(), 15)
        eventually(lambda: injected() is None, 15, "the webhook is in force")
        trust = Trust(lambda: bundle_of(api.get(path)), first.webhook_port, second.webhook_port)
        numbers = itertools.count(1)

        def injected_by_either():
            injected()
            if next(numbers) % 5 == 0:
                service.hang_up()  # while nothing is under way: the next call goes to the other replica

        with Repeated(trust.check) as handshakes, Repeated(injected_by_either) as calls:
            eventually(lambda: rotated(trust, 4, 2), 150, "three renewals and a new authority")
        assert not handshakes.failures and not calls.failures, (handshakes.failures[:5], calls.failures[:5])
        assert min(service.counts) > 10, f"both replicas are asked: {service.counts}"
        print(f"\nmeasured: {calls.count} calls and {handshakes.count} x 2 handshakes without a failure, connections "
              f"{service.counts}")


class Service:
    """An address for several ports, each connection going to the next of them."""

    def __init__(self, *ports):
        self._ports, self._pairs = ports, set()
        self.counts = [0] * len(ports)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._listener.close()
        self.hang_up()

    def hang_up(self):
        for pair in list(self._pairs):
            pair.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            for number in itertools.count():
                client, _ = self._listener.accept()
                replica = number % len(self._ports)
                self.counts[replica] += 1
                try:
                    server = socket.create_connection(("127.0.0.1", self._ports[replica]))
                except OSError:
                    client.close()
                    continue
                self._pairs.add(Pair(client, server, self._pairs.discard))


class Pair:
    """Two sockets: what one says is said to the other."""

    def __init__(self, client, server, on_end):
        self._sockets, self._on_end = (client, server), on_end
        for source, target in ((client, server), (server, client)):
            threading.Thread(target=self._copy, args=(source, target), daemon=True).start()

    def close(self):
        for each in self._sockets:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        self._on_end(self)

    def _copy(self, source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        self.close()


def rotated(trust, certificates, bundles):
    return len(trust.bundles) >= bundles and trust.certificates and \
        all(len(each) >= certificates for each in trust.certificates.values()) and \
        all(len(text.split("BEGIN CERTIFICATE")) == 3 for text in trust.bundles[:-1])


def self_signed(folder, name):
    """-> certificate, key"""
    certificate, key = folder / f"{name}.crt", folder / f"{name}.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-days", "1", "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1",
                    "-keyout", key, "-out", certificate], check=True, capture_output=True)
    return certificate.read_text(), key.read_text()


def tls(certificate, key):
    """The files of a Secret of type kubernetes.io/tls, as cert-manager writes them."""
    return {"tls_crt": certificate, "tls_key": key, "ca_crt": certificate}


def test_mounted_files_are_used_and_read_again(folder, kubeconfig, api):
    pairs = [self_signed(folder, f"mounted-{i}") for i in range(2)]
    mounted = Mounted(folder / "mounted", **tls(*pairs[0]))
    settings = {"webhook": {"server": {**LIFETIMES, "certDir": str(mounted.path)}}, "leaderElection": ELECTION}
    ring = Ring(api, "certificates-mounted")
    ring.add_shard("shard-0")
    with Central(folder, "mounted-central", kubeconfig("sharder"), settings) as central:
        eventually(central.ready, 15)
        ring.wait_until_assigning()
        assert bundle_of(ring.webhook()) == pairs[0][0], "ca.crt of the folder becomes the caBundle"

        mounted.write(**tls(pairs[1][0], pairs[0][1]))
        eventually(lambda: "the present one stays" in central.log(), 10, "a key of another certificate is noticed")
        assert offered(central.webhook_port, pairs[0][0])
        assigned(ring)

        mounted.write(**tls(*pairs[1]))
        eventually(lambda: offered(central.webhook_port, pairs[1][0]), 10, "the new certificate is served")
        eventually(lambda: bundle_of(ring.webhook()) == pairs[1][0], 10, "the caBundle follows")
        eventually(lambda: assigned(ring) is None, 5, "calls come in")
        assert api.find(f"{SECRETS}/sharder-certificate") is None, "no Secret is written"
        assert central.terminate() == 0


def test_ca_bundle_is_left_to_cert_manager(folder, kubeconfig, api):
    pairs = [self_signed(folder, f"injected-{i}") for i in range(2)]
    mounted = Mounted(folder / "injected", **tls(*pairs[0]))
    annotation = {"cert-manager.io/inject-ca-from": "sharding-system/sharder"}
    settings = {"webhook": {"server": {**LIFETIMES, "certDir": str(mounted.path)},
                            "config": {"annotations": annotation}}, "leaderElection": ELECTION}
    ring = Ring(api, "certificates-injected")
    ring.add_shard("shard-0")

    def inject(bundle):
        body = [{"op": "add", "path": "/webhooks/0/clientConfig/caBundle",
                 "value": base64.b64encode(bundle.encode()).decode()}]
        api.request("PATCH", f"{WEBHOOKS}/controllerring-{ring.name}?fieldManager=cainjector", body,
                    "application/json-patch+json")

    with Central(folder, "injected-central", kubeconfig("sharder"), settings) as central:
        eventually(central.ready, 15)
        configuration = eventually(ring.webhook, 20)
        assert configuration["metadata"]["annotations"] == annotation
        assert "caBundle" not in configuration["webhooks"][0]["clientConfig"]
        inject(pairs[0][0])
        ring.wait_until_assigning()

        # As cert-manager does before a new certificate is used.
        both = pairs[0][0] + pairs[1][0]
        inject(both)
        mounted.write(**tls(*pairs[1]))
        eventually(lambda: offered(central.webhook_port, pairs[1][0]), 10, "the new certificate is served")
        api.patch(f"{RINGS}/{ring.name}", {"spec": {"resources": [{"group": "", "resource": "secrets"}]}})
        eventually(lambda: len(ring.webhook()["webhooks"][0]["rules"]) == 1, 10, "central has written the configuration again")
        assert bundle_of(ring.webhook()) == both
        eventually(lambda: assigned(ring) is None, 5, "calls come in")
        assert api.find(f"{SECRETS}/sharder-certificate") is None, "no Secret is written"
        assert central.terminate() == 0
