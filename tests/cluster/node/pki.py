"""Keys and certificates of one cluster, made with openssl. All are EC P-256, as RSA keys take seconds to make."""

import subprocess

from .layout import API_SERVICE_IP, NODE_IP, NODE_NAME, ClusterError

# File name -> (subject, subject alternative names).
_CERTIFICATES = {
    "apiserver": ("/CN=kube-apiserver",
                  "DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,"
                  "DNS:kubernetes.default.svc.cluster.local,DNS:localhost,"
                  f"IP:127.0.0.1,IP:{API_SERVICE_IP},IP:{NODE_IP}"),
    "admin": ("/O=system:masters/CN=admin", "DNS:admin"),
    "controller-manager": ("/CN=system:kube-controller-manager", "DNS:controller-manager"),
    "scheduler": ("/CN=system:kube-scheduler", "DNS:scheduler"),
    "kube-proxy": ("/CN=system:kube-proxy", "DNS:kube-proxy"),
    "kubelet": (f"/O=system:nodes/CN=system:node:{NODE_NAME}", f"DNS:{NODE_NAME},IP:127.0.0.1,IP:{NODE_IP}"),
}

# A file of our own, because the distribution's default turns every self-made certificate into a CA.
_OPENSSL_CONFIG = """\
[req]
distinguished_name = name
[name]
[ca]
basicConstraints = critical,CA:TRUE
keyUsage = critical,digitalSignature,keyCertSign
subjectKeyIdentifier = hash
[leaf]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth,clientAuth
"""


def create(directory):
    """Fills the folder: ca, apiserver, admin ... as .crt and .key; sa.key and sa.pub for ServiceAccount tokens."""
    directory.mkdir(mode=0o700, exist_ok=True)
    config = directory / "openssl.cnf"
    config.write_text(_OPENSSL_CONFIG)
    request = ["openssl", "req", "-x509", "-config", config, "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
               "-nodes", "-days", "3650"]
    _run([[*request, "-keyout", directory / "ca.key", "-out", directory / "ca.crt",
           "-subj", "/CN=ringside-test-ca", "-extensions", "ca"],
          ["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256",
           "-out", directory / "sa.key"]])
    leaves = [[*request, "-CA", directory / "ca.crt", "-CAkey", directory / "ca.key", "-extensions", "leaf",
               "-keyout", directory / f"{name}.key", "-out", directory / f"{name}.crt",
               "-subj", subject, "-addext", f"subjectAltName={alternatives}"]
              for name, (subject, alternatives) in _CERTIFICATES.items()]
    _run([*leaves, ["openssl", "pkey", "-in", directory / "sa.key", "-pubout", "-out", directory / "sa.pub"]])


def _run(commands):
    """Runs independent commands side by side."""
    running = [subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                text=True) for command in commands]
    for process in running:
        output, _ = process.communicate()
        if process.returncode != 0:
            raise ClusterError(f"openssl failed: {output.strip()}")
