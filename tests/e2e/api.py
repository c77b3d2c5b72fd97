"""A client for the cluster's API server, through a `kubectl proxy` that runs inside and listens on a Unix socket outside.

    with proxy(cluster) as api:
        api.create(SECRETS, {...})    # the object that was created; ApiError for a refusal

A connection per thread; `Api` may be used from several.
"""

import concurrent.futures
import contextlib
import http.client
import json
import pathlib
import socket
import threading
import time

SECRETS = "/api/v1/namespaces/default/secrets"
CONFIGMAPS = "/api/v1/namespaces/default/configmaps"
PODS = "/api/v1/namespaces/default/pods"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/default/leases"
RINGS = "/apis/sharding.timebertt.dev/v1alpha1/controllerrings"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
WEBHOOKS = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
POLICY_BINDINGS = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings"


def in_namespace(path, namespace):
    """One of the paths above in another namespace than "default"."""
    return path.replace("/namespaces/default/", f"/namespaces/{namespace}/")


class ApiError(Exception):
    def __init__(self, code, body):
        super().__init__(f"{code}: {body[:500]}")
        self.code = code


class _Connection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=60)
        self._path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Api:
    def __init__(self, path):
        self.path = path
        self._local = threading.local()

    def request(self, method, path, body=None, content_type="application/json", accept="application/json"):
        for attempt in (1, 2):
            if getattr(self._local, "connection", None) is None:
                self._local.connection = _Connection(self.path)
            try:
                data = None if body is None else json.dumps(body)
                self._local.connection.request(method, path, data, {"Content-Type": content_type, "Accept": accept})
                response = self._local.connection.getresponse()
                text = response.read().decode()
                break
            except (http.client.HTTPException, OSError):
                self._local.connection.close()
                self._local.connection = None
                if attempt == 2 or method != "GET":
                    raise
        if response.status >= 400:
            raise ApiError(response.status, text)
        return json.loads(text)

    def get(self, path):
        return self.request("GET", path)

    def find(self, path):
        """The object, or None if it is not there."""
        try:
            return self.get(path)
        except ApiError as error:
            if error.code != 404:
                raise
            return None

    def items(self, path):
        return self.get(path)["items"]

    def metadata(self, path):
        """Items with nothing but their metadata, from the API server's watch cache: cheap enough to ask often."""
        accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
        items = self.request("GET", f"{path}?resourceVersion=0", accept=accept)["items"] or []
        return [{"metadata": item["metadata"]} for item in items]

    def create(self, path, body):
        return self.request("POST", path, body)

    def patch(self, path, body):
        return self.request("PATCH", path, body, "application/merge-patch+json")

    def delete(self, path, **options):
        return self.request("DELETE", path, options or None)

    def create_secrets(self, names, threads=8):
        """Creates Secrets at once. -> the objects, in the order of the names."""
        with concurrent.futures.ThreadPoolExecutor(threads) as pool:
            return list(pool.map(self.create_secret, names))

    def create_secret(self, name, namespace="default"):
        return self.create(f"/api/v1/namespaces/{namespace}/secrets",
                           {"metadata": {"name": name}, "stringData": {"key": f"value of {name}"}})


@contextlib.contextmanager
def proxy(cluster):
    """An Api for a cluster that has no door to the outside."""
    path = pathlib.Path(cluster.state_dir) / "e2e-proxy.sock"
    with path.with_suffix(".log").open("wb") as log:  # it complains of every request while the API server is away
        process = cluster.popen("kubectl", "proxy", f"--unix-socket={path}", stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 15
        while not path.exists():
            assert process.poll() is None and time.monotonic() < deadline, "kubectl proxy does not start"
            time.sleep(0.02)
        yield Api(path)
    finally:
        process.kill()
        process.wait()
