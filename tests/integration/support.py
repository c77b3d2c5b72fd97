"""What the integration tests share: an API client, the programs as processes, and waiting with a deadline.

    api = Api.of_cluster(cluster)                 # as cluster-admin
    api.create("/api/v1/namespaces/default/secrets", {...})
    central = Central(cluster, folder, kubeconfig)  # starts ringside-central; a context manager
    eventually(lambda: central.ready(), seconds=10)

The programs come from $RINGSIDE_BIN, else from the first of build/{asan,debug,release}/bin that has them.
"""

import base64
import contextlib
import datetime
import http.client
import json
import os
import pathlib
import random
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import urllib.parse

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
LEASES = "/apis/coordination.k8s.io/v1/namespaces/{}/leases"
RINGS = "/apis/sharding.timebertt.dev/v1alpha1/controllerrings"
WEBHOOKS = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"


def program(name):
    folders = [ROOT / "build" / preset / "bin" for preset in ("asan", "debug", "release")]
    if "RINGSIDE_BIN" in os.environ:
        folders = [pathlib.Path(os.environ["RINGSIDE_BIN"])]
    for folder in folders:
        if (folder / name).exists():
            return str(folder / name)
    raise FileNotFoundError(f"{name} is not built; looked in {', '.join(map(str, folders))}. "
                            "Run make build, or set RINGSIDE_BIN")


def eventually(condition, seconds=10, what=None):
    """The first true value of condition(), asked every 20 ms. What it raises counts as false until the deadline."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            value = condition()
            problem = f"is {value!r}"
        except Exception as error:  # pylint: disable=broad-except
            value, problem = None, f"raises {error!r}"
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what or 'the condition'} {problem}")
        time.sleep(0.02)


class Repeated(threading.Thread):
    """Calls `step` again and again until it is left."""

    def __init__(self, step, pause=0.05):
        super().__init__(daemon=True)
        self._step, self._pause, self._stop_asked = step, pause, threading.Event()
        self.count, self.failures = 0, []

    def run(self):
        while not self._stop_asked.wait(self._pause):
            self.count += 1
            try:
                self._step()
            except Exception as error:  # pylint: disable=broad-except
                self.failures.append(f"{time.strftime('%X')} {error!r}")

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self._stop_asked.set()
        self.join()


def free_port():
    """Below those that the kernel gives to connections, one of which might take it before its program listens."""
    for _ in range(100):
        port = random.SystemRandom().randrange(20_000, 30_000)
        with contextlib.closing(socket.socket()) as listener, contextlib.suppress(OSError):
            listener.bind(("127.0.0.1", port))
            return port
    raise RuntimeError("no port between 20000 and 30000 is free")


def micro_time(seconds_from_now=0):
    now = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds_from_now)
    return now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class ApiError(Exception):
    def __init__(self, code, body):
        super().__init__(f"{code}: {body}")
        self.code = code
        self.message = json.loads(body).get("message", body) if body.startswith("{") else body


class Api:
    """A small API client with a connection per thread."""

    def __init__(self, server, context, headers=None):
        self._address = urllib.parse.urlsplit(server)
        self._context = context
        self._headers = headers or {}
        self._local = threading.local()
        self.warnings = []  # of the latest answer

    def trust(self, authorities):
        """For connections to come: these beside the others."""
        self._context.load_verify_locations(cadata=authorities)

    def as_user(self, user, **extra):
        """The same as another user; as_user("system:serviceaccount:ns:name", **{"authentication.kubernetes.io/pod-name": pod})"""
        extras = {f"Impersonate-Extra-{urllib.parse.quote(key, safe='')}": value for key, value in extra.items()}
        headers = {"Impersonate-User": user, "Impersonate-Group": "system:masters", **extras}
        return Api(self._address.geturl(), self._context, headers)

    @classmethod
    def of_cluster(cls, cluster):
        config = yaml.safe_load(pathlib.Path(cluster.kubeconfig).read_text())
        user = config["users"][0]["user"]
        context = ssl.create_default_context(cadata=cluster_ca(cluster))
        with tempfile.NamedTemporaryFile("w") as file:
            for kind in ("client-certificate", "client-key"):
                data = user.get(kind + "-data")
                file.write(base64.b64decode(data).decode() if data else pathlib.Path(user[kind]).read_text())
            file.flush()
            context.load_cert_chain(file.name)
        return cls(cluster.server, context)

    def request(self, method, path, body=None, content_type="application/json", headers=None):
        for attempt in (1, 2):
            connection = getattr(self._local, "connection", None)
            if connection is None:
                connection = http.client.HTTPSConnection(self._address.hostname, self._address.port,
                                                         context=self._context, timeout=30)
                self._local.connection = connection
            try:
                text = None if body is None else json.dumps(body)
                fields = {"Content-Type": content_type, **self._headers, **(headers or {})}
                connection.request(method, path, text, fields)
                response = connection.getresponse()
                self.warnings = response.headers.get_all("Warning") or []
                text = response.read().decode()
                break
            except (http.client.HTTPException, OSError):
                connection.close()
                self._local.connection = None
                if attempt == 2:
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

    def items(self, path, selector=""):
        query = "?labelSelector=" + urllib.parse.quote(selector) if selector else ""
        return self.get(path + query)["items"]

    def watch(self, path, headers=None):
        """The events of a watch as they come, until the API server ends it; `path` has a query already."""
        connection = http.client.HTTPSConnection(self._address.hostname, self._address.port, context=self._context)
        with contextlib.closing(connection):
            connection.request("GET", path + "&watch=true", headers={**self._headers, **(headers or {})})
            response = connection.getresponse()
            if response.status >= 400:
                raise ApiError(response.status, response.read().decode())
            for line in response:
                yield json.loads(line)

    def text(self, path):
        """The body of an answer that is no JSON."""
        connection = http.client.HTTPSConnection(self._address.hostname, self._address.port, context=self._context,
                                                 timeout=30)
        with contextlib.closing(connection):
            connection.request("GET", path, headers=self._headers)
            return connection.getresponse().read().decode()

    def create(self, path, body):
        return self.request("POST", path, body)

    def patch(self, path, body):
        return self.request("PATCH", path, body, "application/merge-patch+json")

    def delete(self, path):
        return self.request("DELETE", path)

    @staticmethod
    def as_pod(pod):
        """Headers that make a request look as if it were made with that pod's token (and every permission)."""
        return {"Impersonate-User": "system:serviceaccount:default:a-shard", "Impersonate-Group": "system:masters",
                "Impersonate-Extra-authentication.kubernetes.io%2Fpod-name": pod}

    def token(self, namespace, serviceaccount):
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{serviceaccount}/token"
        return self.create(path, {"spec": {"expirationSeconds": 3600}})["status"]["token"]


def cluster_ca(cluster):
    entry = yaml.safe_load(pathlib.Path(cluster.kubeconfig).read_text())["clusters"][0]["cluster"]
    if "certificate-authority-data" in entry:
        return base64.b64decode(entry["certificate-authority-data"]).decode()
    return pathlib.Path(entry["certificate-authority"]).read_text()


def write_kubeconfig(path, cluster, token):
    ca = base64.b64encode(cluster_ca(cluster).encode()).decode()
    config = {"apiVersion": "v1", "kind": "Config", "current-context": "test",
              "clusters": [{"name": "test", "cluster": {"server": cluster.server, "certificate-authority-data": ca}}],
              "users": [{"name": "test", "user": {"token": token}}],
              "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}]}
    path.write_text(yaml.safe_dump(config))
    return path


class InPod:
    """What makes a program believe that it runs in a pod: the ServiceAccount directory, mounted for it alone, and the
    environment. Further mounts as {target: source}. Needs root."""

    ACCOUNT = "/run/secrets/kubernetes.io/serviceaccount"

    def __init__(self, account, host, port, mounts=None):
        self._account, self._mounts = account, mounts or {}
        self.environment = {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": str(port)}

    def command(self, command):
        steps = [f"mount -t tmpfs none /run && mkdir -p {self.ACCOUNT}", f"mount --bind {self._account} {self.ACCOUNT}",
                 *(f"mount --bind {source} {target}" for target, source in self._mounts.items()), 'exec "$@"']
        return ["unshare", "--mount", "sh", "-c", " && ".join(steps), "sh", *command]


class Process:
    """One of our programs, with its log in a file that is shown when the test ends badly."""

    def __init__(self, name, arguments, log, pod=None):
        self.log_path = log
        command = [program(name), *arguments]
        with open(log, "wb") as file:
            self._process = subprocess.Popen(pod.command(command) if pod else command, stderr=file, stdin=subprocess.DEVNULL,
                                             env={**os.environ, **(pod.environment if pod else {})})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()

    def kill(self):
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()

    def terminate(self, seconds=20):
        """SIGTERM; returns the exit code."""
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(seconds)

    def pause(self):
        self._process.send_signal(signal.SIGSTOP)

    def resume(self):
        self._process.send_signal(signal.SIGCONT)

    def running(self):
        return self._process.poll() is None

    def log(self):
        return self.log_path.read_text(errors="replace")

    def http(self, port, path):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        with contextlib.closing(connection):
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()

    def proc(self):
        return pathlib.Path(f"/proc/{self._process.pid}")

    def memory_kib(self):
        status = (self.proc() / "status").read_text()
        return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")))


    def cpu_seconds(self):
        """User and system time so far."""
        fields = pathlib.Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def merged(base, settings):
    """A copy of nested settings with others laid over it."""
    result = dict(base)
    for key, value in settings.items():
        result[key] = merged(base[key], value) if isinstance(base.get(key), dict) and isinstance(value, dict) else value
    return result


class Central(Process):
    def __init__(self, folder, name, kubeconfig, settings=None, log_level="debug", pod=None):
        self.webhook_port, self.health_port, self.metrics_port = free_port(), free_port(), free_port()
        config = merged({"apiVersion": "config.sharding.timebertt.dev/v1alpha1", "kind": "SharderConfig",
                  "health": {"bindAddress": f"127.0.0.1:{self.health_port}"},
                  "metrics": {"bindAddress": f"127.0.0.1:{self.metrics_port}"},
                  "webhook": {"server": {"bindAddress": f"127.0.0.1:{self.webhook_port}"},
                              "config": {"clientConfig": {"url": f"https://127.0.0.1:{self.webhook_port}"}}}},
                        settings or {})
        path = folder / f"{name}.yaml"
        path.write_text(yaml.safe_dump(config))
        access = [] if pod else ["--kubeconfig", str(kubeconfig)]
        super().__init__("ringside-central", ["--config", str(path), *access, "--log-level", log_level],
                         folder / f"{name}.log", pod)

    def ready(self):
        return self.http(self.health_port, "/readyz")[0] == 200

    def metric(self, text):
        """The value of a series, given as in the text format: name{label="value"}."""
        for line in self.http(self.metrics_port, "/metrics")[1].splitlines():
            if line.startswith(text + " "):
                return float(line.rsplit(" ", 1)[1])
        return 0.0

    def leading(self):
        return self.metric("controller_sharding_leader") == 1


class Injector(Process):
    def __init__(self, folder, kubeconfig, arguments=(), pod=None, name="injector"):
        self.webhook_port, self.health_port, self.metrics_port = free_port(), free_port(), free_port()
        super().__init__("ringside-injector",
                         ["--sidecar-image", "ringside.local/sidecar:test",
                          *([] if pod else ["--kubeconfig", str(kubeconfig)]),
                          "--namespace", "sharding-system", "--certificate-name", "127.0.0.1",
                          "--webhook-address", f"127.0.0.1:{self.webhook_port}",
                          "--health", f"127.0.0.1:{self.health_port}", "--metrics", f"127.0.0.1:{self.metrics_port}",
                          *arguments],
                         folder / f"{name}.log", pod)

    def ready(self):
        return self.http(self.health_port, "/readyz")[0] == 200
