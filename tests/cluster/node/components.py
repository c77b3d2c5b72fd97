"""The components and their command lines."""

from .layout import NODE_IP, NODE_NAME, POD_CIDR, SERVICE_CIDR

API_ONLY = ("etcd", "apiserver")
ALL = ("etcd", "apiserver", "controller-manager", "scheduler", "containerd", "kubelet", "kube-proxy")


def names(settings):
    return API_ONLY if settings.api_only else ALL


def command(name, state, settings):
    """The command line of one component."""
    return {
        "etcd": _etcd,
        "apiserver": _apiserver,
        "controller-manager": _controller_manager,
        "scheduler": _scheduler,
        "containerd": _containerd,
        "kubelet": _kubelet,
        "kube-proxy": _kube_proxy,
    }[name](state, settings)


def _etcd(state, settings):
    # Unix sockets: nothing to allot, and out of reach for whoever else uses the network namespace.
    clients, peers = f"unix://{state.etcd_socket}", f"unix://{state.path('etcd-peer.sock')}"
    return [f"{settings.etcd_dir}/etcd", "--name=etcd", f"--data-dir={state.path('etcd')}",
            f"--listen-client-urls={clients}", f"--advertise-client-urls={clients}",
            f"--listen-peer-urls={peers}", f"--initial-advertise-peer-urls={peers}", f"--initial-cluster=etcd={peers}",
            "--unsafe-no-fsync", "--log-level=warn"]


def _apiserver(state, settings):
    pki = state.path("pki")
    flags = [
        f"--etcd-servers=unix://{state.etcd_socket}",
        f"--secure-port={settings.api_port}",
        f"--service-cluster-ip-range={SERVICE_CIDR}",
        f"--tls-cert-file={pki}/apiserver.crt", f"--tls-private-key-file={pki}/apiserver.key",
        f"--client-ca-file={pki}/ca.crt",
        "--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction", "--allow-privileged=true",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={pki}/sa.pub", f"--service-account-signing-key-file={pki}/sa.key",
        f"--audit-policy-file={state.path('audit-policy.json')}", f"--audit-log-path={state.audit_log}",
        # In MB, and 0 would mean 100: a test that reads the log must never lose its beginning to a rotation.
        "--audit-log-maxsize=1000000",
    ]
    if settings.host_net:
        # The supervisor holds the port (see Supervisor.reserve_port), so that nobody takes it during a restart.
        flags += ["--bind-address=127.0.0.1", "--permit-port-sharing"]
    if settings.api_only:
        flags += ["--advertise-address=127.0.0.1", "--endpoint-reconciler-type=none"]
    else:
        flags += [f"--advertise-address={NODE_IP}",
                  # For `kubectl logs` and `kubectl exec`: the node's name resolves nowhere.
                  "--kubelet-preferred-address-types=InternalIP", f"--kubelet-certificate-authority={pki}/ca.crt",
                  f"--kubelet-client-certificate={pki}/admin.crt", f"--kubelet-client-key={pki}/admin.key"]
    return [f"{settings.kubernetes_dir}/kube-apiserver", *flags, *settings.apiserver_flags]


def _controller_manager(state, settings):
    pki, kubeconfig = state.path("pki"), state.path("controller-manager.kubeconfig")
    return [f"{settings.kubernetes_dir}/kube-controller-manager", f"--kubeconfig={kubeconfig}",
            f"--authentication-kubeconfig={kubeconfig}", f"--authorization-kubeconfig={kubeconfig}",
            "--leader-elect=false", "--use-service-account-credentials",
            f"--service-account-private-key-file={pki}/sa.key", f"--root-ca-file={pki}/ca.crt",
            # The default of 20 requests a second would make its start, and with it every `up`, seconds longer.
            "--kube-api-qps=1000", "--kube-api-burst=2000",
            # It would make its default folder on the host.
            f"--flex-volume-plugin-dir={state.path('kubelet-plugins')}",
            f"--cluster-signing-cert-file={pki}/ca.crt", f"--cluster-signing-key-file={pki}/ca.key",
            *settings.controller_manager_flags]


def _scheduler(state, settings):
    kubeconfig = state.path("scheduler.kubeconfig")
    return [f"{settings.kubernetes_dir}/kube-scheduler", f"--kubeconfig={kubeconfig}",
            f"--authentication-kubeconfig={kubeconfig}", f"--authorization-kubeconfig={kubeconfig}",
            "--leader-elect=false"]


def _containerd(state, settings):
    return [f"{settings.containerd_dir}/containerd", "--config", str(state.path("containerd.toml"))]


def _kubelet(state, settings):
    return [f"{settings.kubernetes_dir}/kubelet", f"--config={state.path('kubelet.json')}",
            f"--kubeconfig={state.path('kubelet.kubeconfig')}", f"--hostname-override={NODE_NAME}",
            f"--node-ip={NODE_IP}", f"--root-dir={state.path('kubelet')}"]


def _kube_proxy(state, settings):
    # conntrack-max-per-core=0 leaves the kernel's table alone: its size is the host's, not the namespace's.
    return [f"{settings.kubernetes_dir}/kube-proxy", f"--kubeconfig={state.path('kube-proxy.kubeconfig')}",
            "--proxy-mode=iptables", f"--cluster-cidr={POD_CIDR}", f"--hostname-override={NODE_NAME}",
            "--conntrack-max-per-core=0", "--conntrack-min=0"]
