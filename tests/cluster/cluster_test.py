"""Tests of the test cluster itself. They need root and the programs of build-binaries: /usr/bin/python3 -m pytest."""

import concurrent.futures
import json
import os
import pathlib
import signal
import ssl
import subprocess
import sys
import tarfile
import time
import urllib.error
import urllib.request

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from ringside_cluster import Cluster, ClusterError  # noqa: E402  (found through the line above)

# So that two runs of this file do not meet.
SUFFIX = str(os.getpid())

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="namespaces need root")

POD = """
apiVersion: v1
kind: Pod
metadata: {name: hello, labels: {app: hello}}
spec:
  automountServiceAccountToken: false
  securityContext: {runAsNonRoot: true}
  terminationGracePeriodSeconds: 0
  initContainers:
  - name: sidecar
    restartPolicy: Always
    image: ringside.test/hello:1
    imagePullPolicy: Never
    args: [serve, "8081"]
  containers:
  - {name: app, image: "ringside.test/hello:1", imagePullPolicy: Never, args: [serve, "8080"]}
---
apiVersion: v1
kind: Service
metadata: {name: hello}
spec: {selector: {app: hello}, clusterIP: 10.96.0.99, ports: [{port: 80, targetPort: 8080}]}
"""

SERVICE_ACCOUNT_AND_POD = """
apiVersion: v1
kind: ServiceAccount
metadata: {name: operator}
---
apiVersion: v1
kind: Pod
metadata: {name: operator-0}
spec: {serviceAccountName: operator, containers: [{name: app, image: none}]}
"""


def run(program, *args, **kwargs):
    return subprocess.run([HERE / program, *map(str, args)], capture_output=True, text=True, check=False, timeout=60,
                          **kwargs)


def make_hello_image(folder):
    subprocess.run(["gcc", "-static", "-Os", "-o", folder / "hello", HERE / "hello.c"], check=True)
    result = run("mkimage", folder / "hello.tar", "ringside.test/hello:1", "--entrypoint", '["/hello"]',
                 f"{folder / 'hello'}=/hello")
    assert result.returncode == 0, result.stderr
    return folder / "hello.tar"


def wait_until(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.1)
    return bool(condition())


def namespaces_of(pid):
    return {os.readlink(f"/proc/{pid}/ns/{kind}") for kind in ("mnt", "pid", "net")}


def started(pid):
    """When the process started, in seconds since boot."""
    fields = pathlib.Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()
    return int(fields[19]) / os.sysconf("SC_CLK_TCK")


def foreign_namespaces(before):
    """Every namespace that some process on this machine is in that started before then (seconds since boot), but this
    process is not. The kernel gives the number of a namespace that is gone to a new one, of another cluster say."""
    found = set()
    for pid in filter(str.isdecimal, os.listdir("/proc")):
        try:
            if started(pid) <= before:
                found |= namespaces_of(pid)
        except OSError:
            pass  # it ended, or is a kernel thread
    return found - namespaces_of("self")


def leftovers(state_dir, name, namespaces=frozenset(), before=float("inf")):
    """What is left on this machine of a cluster, in words."""
    left = [f"namespace {namespace}" for namespace in namespaces & foreign_namespaces(before)]
    if state_dir.exists():
        left.append(str(state_dir))
    for pid in filter(str.isdecimal, os.listdir("/proc")):
        try:
            command = pathlib.Path("/proc", pid, "cmdline").read_text(errors="replace")
        except OSError:
            continue
        if f"{state_dir}/" in command or command.endswith(f"{state_dir}\0"):
            left.append(f"process {pid}: {command}")
    if str(state_dir) in pathlib.Path("/proc/mounts").read_text():
        left.append("mounts")
    left += map(str, pathlib.Path("/sys/fs/cgroup").glob(f"**/ringside-{name}"))
    return left


# ---- the command's own errors


@pytest.mark.parametrize("arguments, message", [
    (["up", "--name", "Not_A_Name"], "'Not_A_Name' is not a cluster name"),
    (["up", "--host-net"], "--host-net goes with --api-only"),
    (["up", "--kubernetes", "latest"], "'latest' is not a Kubernetes version"),
    (["up", "--kubernetes", "1.2.3"], "KUBERNETES_VERSION=1.2.3"),
    (["up", "--api-only", "--owner-pid", "me"], "'me' is not a process id"),
    (["up", "--api-only", "--owner-pid", "999999999"], "process 999999999, does not exist"),
    (["up", "--api-only", "--apiserver-flag", "no-such-flag=1"], "no-such-flag"),
    (["exec", "true"], "there is no cluster"),
    (["exec"], "exec needs a command"),
    (["status"], "is not running"),
    (["kubeconfig"], "there is no cluster"),
    (["load", "/missing.tar"], "there is no cluster"),
    (["restart", "apiserverx"], "apiserver"),
    (["restart", "apiserver", "--gap", "soon"], "'soon' is not a number of seconds"),
])
@needs_root
def test_bad_input(arguments, message):
    name = [] if "--name" in arguments else ["--name", f"bad-{SUFFIX}"]
    result = run("cluster", arguments[0], *name, *arguments[1:])
    assert result.returncode != 0
    assert message in result.stderr, result.stderr
    assert not pathlib.Path(f"/tmp/ringside-cluster-bad-{SUFFIX}").exists()


@needs_root
def test_down_without_cluster_is_fine():
    assert run("cluster", "down", "--name", f"none-{SUFFIX}").returncode == 0


# ---- API server and etcd alone, reachable from here


@pytest.fixture(scope="module", name="api")
def api_fixture():
    with Cluster(f"api-{SUFFIX}", api_only=True, host_net=True) as cluster:
        yield cluster


@needs_root
def test_api_is_reachable_from_outside(api):
    kubectl = pathlib.Path(json.loads((api.state_dir / "settings.json").read_text())["kubernetes_dir"], "kubectl")
    result = subprocess.run([kubectl, "--kubeconfig", api.kubeconfig, "version", "-o", "json"], check=True,
                            capture_output=True, text=True)
    server = json.loads(result.stdout)["serverVersion"]
    assert f"kubernetes-{server['gitVersion'].removeprefix('v')}" == kubectl.parent.name
    assert f"v{server['major']}.{server['minor']}." in server["gitVersion"]


@needs_root
def test_api_listens_on_loopback_only(api):
    port = api.server.rpartition(":")[2]
    listening = subprocess.run(["ss", "-ltnH", f"sport = :{port}"], check=True, capture_output=True, text=True).stdout
    assert [line.split()[3] for line in listening.splitlines()] == [f"127.0.0.1:{port}"]


@needs_root
def test_second_up_of_the_same_name_is_refused(api):
    with pytest.raises(ClusterError, match="is up already"):
        Cluster(f"api-{SUFFIX}", api_only=True, host_net=True).up()
    assert api.kubectl("get", "--raw", "/readyz").stdout == "ok"


@needs_root
def test_pod_bound_token_shows_in_the_audit_log(api):
    api.kubectl("apply", "-f", "-", input=SERVICE_ACCOUNT_AND_POD)
    token = api.kubectl("create", "token", "operator", "--bound-object-kind=Pod",
                        "--bound-object-name=operator-0").stdout.strip()
    api.kubectl("create", "rolebinding", "operator", "--clusterrole=cluster-admin", "--serviceaccount=default:operator")
    request = urllib.request.Request(
        f"{api.server}/api/v1/namespaces/default/configmaps", data=b'{"metadata":{"name":"x"}}', method="POST",
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"})
    authority = ssl.create_default_context(cafile=api.state_dir / "pki" / "ca.crt")

    def create():
        try:
            return urllib.request.urlopen(request, context=authority, timeout=10).status == 201
        except urllib.error.HTTPError:
            return False  # the API server has not seen the binding yet

    assert wait_until(create, 10)
    event = [event for event in api.audit_events() if event["objectRef"]["resource"] == "configmaps"][-1]
    assert event["user"]["extra"]["authentication.kubernetes.io/pod-name"] == ["operator-0"]
    assert event["level"] == "RequestResponse" and event["requestObject"]["metadata"]["name"] == "x"
    assert not any(event["verb"] in ("get", "list", "watch") for event in api.audit_events())


@needs_root
def test_api_server_restarts_on_its_port(api):
    server = api.server
    began = time.monotonic()
    api.restart("apiserver", gap=1, wait=True)
    assert time.monotonic() - began > 1 and api.server == server
    assert api.kubectl("get", "namespace", "default", "-o", "name").stdout == "namespace/default\n"


@needs_root
def test_pause_and_resume(api):
    api.pause("apiserver")
    assert api.status()["apiserver"][0] == "paused"
    assert api.kubectl("get", "--raw", "/readyz", "--request-timeout=300ms", check=False).returncode != 0
    api.resume("apiserver")
    assert api.kubectl("get", "--raw", "/readyz").stdout == "ok"


@needs_root
def test_crash_is_noticed(api):
    [pid] = api.node_pids("etcd")
    api.signal_pid(pid, "KILL")
    assert wait_until(lambda: api.status()["etcd"] == ("crashed", "signal SIGKILL"), 5)
    result = run("cluster", "status", "--name", f"api-{SUFFIX}")
    assert result.returncode == 3 and "crashed" in result.stdout
    api.start("etcd")
    api.wait_until_ready()
    assert run("cluster", "status", "--name", f"api-{SUFFIX}").returncode == 0


@needs_root
def test_exec_passes_status_input_and_folder(api, tmp_path):
    assert api.exec("sh", "-c", "exit 7", check=False).returncode == 7
    assert api.exec("cat", input="text").stdout == "text"
    result = run("cluster", "exec", "--name", f"api-{SUFFIX}", "pwd", cwd=tmp_path)
    assert result.stdout.strip() == str(tmp_path)


@needs_root
def test_killing_popen_kills_the_command_inside(api):
    process = api.popen("sleep", "4242")
    assert wait_until(lambda: api.exec("pgrep", "-f", "^sleep 4242", check=False).returncode == 0, 5)
    process.kill()
    process.wait()
    assert wait_until(lambda: api.exec("pgrep", "-f", "^sleep 4242", check=False).returncode == 1, 5)


@needs_root
def test_api_only_has_no_kubelet(api, tmp_path):
    with pytest.raises(ClusterError, match="has no kubelet; it has etcd, apiserver"):
        api.restart("kubelet")
    with pytest.raises(ClusterError, match="is API-only"):
        api.load(tmp_path / "x.tar")


# ---- whole clusters


@pytest.fixture(scope="module", name="pair")
def pair_fixture(tmp_path_factory):
    """Two whole clusters at once, each running the same pod."""
    image = make_hello_image(tmp_path_factory.mktemp("image"))
    clusters = [Cluster(f"{which}-{SUFFIX}") for which in ("a", "b")]

    def start(cluster):
        cluster.up()
        assert cluster.load(image) == "ringside.test/hello:1"
        cluster.kubectl("apply", "-f", "-", input=POD)
        cluster.kubectl("wait", "--for=condition=Ready", "pod/hello", "--timeout=60s")

    try:
        with concurrent.futures.ThreadPoolExecutor() as pool:
            list(pool.map(start, clusters))
        yield clusters
    finally:
        for cluster in clusters:
            cluster.down()


@needs_root
def test_pods_run_side_by_side(pair):
    for cluster in pair:
        status = cluster.kubectl_json("get", "pod", "hello")["status"]
        containers = status["containerStatuses"] + status["initContainerStatuses"]
        assert [entry["restartCount"] for entry in containers] == [0, 0]
        assert all(what == "running" for what, _ in cluster.status().values())
        assert len(cluster.node_pids("hello")) == 2


@needs_root
def test_logs_exec_service_and_api_service(pair):
    cluster = pair[0]
    assert cluster.kubectl("logs", "hello", "-c", "app").stdout == "serving\n"
    assert cluster.kubectl("exec", "hello", "-c", "app", "--", "/hello", "say", "hi").stdout == "hi\n"
    # kube-proxy learns of a ready pod a moment after `kubectl wait` does.
    assert wait_until(lambda: cluster.exec("curl", "-sS", "--max-time", "5", "http://10.96.0.99/", check=False).stdout
                      == "hello from hello", 10)
    connected = cluster.kubectl("exec", "hello", "-c", "app", "--", "/hello", "connect", "10.96.0.1", "443")
    assert connected.stdout == "connected\n"


@needs_root
def test_killed_container_is_restarted(pair):
    cluster = pair[1]
    before = cluster.container_pid("default", "hello", "app")
    cluster.kill_container("default", "hello", "app")

    def restarted():
        status = cluster.kubectl_json("get", "pod", "hello")["status"]["containerStatuses"][0]
        return status["restartCount"] == 1 and status["ready"]

    assert wait_until(restarted)
    assert cluster.container_pid("default", "hello", "app") != before
    assert cluster.container_pid("default", "hello", "sidecar") > 0
    with pytest.raises(ClusterError, match="no container nope"):
        cluster.container_pid("default", "hello", "nope")


@needs_root
def test_host_is_not_touched(pair):
    del pair
    assert "cni0" not in os.listdir("/sys/class/net")
    for path in ("/var/lib/cni/results", "/run/containerd/s", "/var/log/pods", "/usr/libexec/kubernetes"):
        assert not os.path.exists(path), path


@needs_root
def test_load_refuses_what_is_no_image(pair, tmp_path):
    (tmp_path / "text.tar").write_text("no tar")
    with pytest.raises(ClusterError, match="is not a tar archive"):
        pair[0].load(tmp_path / "text.tar")
    with pytest.raises(ClusterError, match="cannot read"):
        pair[0].load(tmp_path / "missing.tar")
    with tarfile.open(tmp_path / "empty.tar", "w"):
        pass
    with pytest.raises(ClusterError, match="is not an OCI archive"):
        pair[0].load(tmp_path / "empty.tar")


@needs_root
def test_down_leaves_nothing(pair):
    """The last test of the pair: takes the second one down while the first goes on."""
    cluster, other = pair[1], pair[0]
    name = f"b-{SUFFIX}"
    namespaces = _inner_namespaces(cluster)
    assert len(namespaces) >= 4  # mount, pid and network of the node, and those of a pod
    cluster.down()
    assert leftovers(cluster.state_dir, name, namespaces) == []
    assert other.kubectl("get", "--raw", "/readyz").stdout == "ok"


@needs_root
@pytest.mark.parametrize("victim", ["owner", "keeper"])
def test_nothing_is_left_of_a_killed(victim):
    name = f"{victim}-{SUFFIX}"
    script = f"import sys; sys.path.insert(0, {str(HERE)!r}); from ringside_cluster import Cluster; import time\n" \
             f"Cluster({name!r}, api_only={victim == 'keeper'}).up(); print('up', flush=True); time.sleep(600)"
    cluster = Cluster(name)
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as owner:
        try:
            assert owner.stdout.readline() == "up\n"
            namespaces, before = _inner_namespaces(cluster), time.clock_gettime(time.CLOCK_BOOTTIME)
            if victim == "keeper":
                # Its processes go at once, the folder with the next `down`.
                os.kill(_keeper_pid(name), signal.SIGKILL)
                assert wait_until(lambda: not namespaces & foreign_namespaces(before), 10)
                assert run("cluster", "down", "--name", name).returncode == 0
        finally:
            owner.kill()
    assert wait_until(lambda: not leftovers(cluster.state_dir, name, namespaces, before), 15), \
        leftovers(cluster.state_dir, name, namespaces, before)


def _inner_namespaces(cluster):
    """All namespaces of the cluster's processes, those of its pods included."""
    links = cluster.exec("sh", "-c", "for ns in /proc/[0-9]*/ns/mnt /proc/[0-9]*/ns/pid /proc/[0-9]*/ns/net; "
                         "do readlink $ns; done", check=False).stdout.split()
    return set(links) - namespaces_of("self")


def _keeper_pid(name):
    for pid in filter(str.isdecimal, os.listdir("/proc")):
        try:
            command = pathlib.Path("/proc", pid, "cmdline").read_text(errors="replace").split("\0")
        except OSError:
            continue
        if "_keep" in command and name in command:
            return int(pid)
    raise AssertionError(f"no keeper of {name}")
