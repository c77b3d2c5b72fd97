"""What kubelets and administrators of a cluster keep up to date, done by hand: mounted files, tokens, authorities."""

import base64
import json
import os
import pathlib
import subprocess
import time

SERVICEACCOUNTS = "/api/v1/namespaces/{}/serviceaccounts/"
ISSUER = "https://kubernetes.default.svc"
LEEWAY = 60  # seconds for which the API server takes a token that has expired
_EXTENSIONS = """\
[req]
distinguished_name = name
[name]
[ca]
basicConstraints = critical,CA:TRUE
subjectKeyIdentifier = hash
[leaf]
basicConstraints = critical,CA:FALSE
extendedKeyUsage = serverAuth,clientAuth
"""


class Mounted:
    """A folder as the kubelet keeps it for a volume: links through `..data`, which is replaced in one step."""

    def __init__(self, path, **files):
        self.path, self._files, self._versions = path, {}, 0
        path.mkdir(parents=True, exist_ok=True)
        self.write(**files)

    def write(self, **files):
        """Names with `_` for the dot: ca_crt, token, namespace. Others stay as they are."""
        self._files.update({name.replace("_", "."): text for name, text in files.items()})
        self._versions += 1
        version = self.path / f"..version-{self._versions}"
        version.mkdir()
        for name, text in self._files.items():
            (version / name).write_text(text)
        self._link(version.name, "..data")
        for name in self._files:
            if not (self.path / name).is_symlink():
                self._link(f"..data/{name}", name)

    def _link(self, target, name):
        """In the place of what is there, if something is."""
        (self.path / "..tmp").symlink_to(target)
        os.rename(self.path / "..tmp", self.path / name)


def short_token(cluster, api, namespace, serviceaccount, seconds):
    """A token that is signed as the API server signs them, and is taken for less than the ten minutes that it would give."""
    uid = api.get(SERVICEACCOUNTS.format(namespace) + serviceaccount)["metadata"]["uid"]
    now = int(time.time())
    claims = {"iss": ISSUER, "aud": [ISSUER], "sub": f"system:serviceaccount:{namespace}:{serviceaccount}", "iat": now,
              "nbf": now, "exp": now + seconds - LEEWAY,
              "kubernetes.io": {"namespace": namespace, "serviceaccount": {"name": serviceaccount, "uid": uid}}}
    text = ".".join(_encode(json.dumps(part).encode()) for part in ({"alg": "ES256", "typ": "JWT"}, claims))
    signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", cluster.state_dir / "pki" / "sa.key"],
                               input=text.encode(), capture_output=True, check=True).stdout
    return text + "." + _encode(_raw_signature(signature))


def _encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _raw_signature(der):
    """r and s of an ECDSA signature with 32 bytes each (RFC 7518, section 3.4), from SEQUENCE { INTEGER, INTEGER }."""
    size = der[3]
    r, s = der[4:4 + size], der[6 + size:]
    return b"".join(part.lstrip(b"\0").rjust(32, b"\0") for part in (r, s))


class Authority:
    """A certificate authority of a cluster. All have the same name, as one cluster's do."""

    def __init__(self, certificate, key):
        self.certificate, self._key = pathlib.Path(certificate), pathlib.Path(key)

    @property
    def pem(self):
        return self.certificate.read_text()

    @classmethod
    def of_cluster(cls, cluster):
        return cls(cluster.state_dir / "pki" / "ca.crt", cluster.state_dir / "pki" / "ca.key")

    @classmethod
    def make(cls, folder):
        folder.mkdir(parents=True, exist_ok=True)
        made = cls(folder / "ca.crt", folder / "ca.key")
        made._openssl("ca", made.certificate, ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                                               "-keyout", made._key, "-subj", "/CN=ringside-test-ca"])
        return made

    def certify(self, key, names, target):
        """A serving certificate for that key, put in its place in one step; names as openssl writes them."""
        new = target.with_suffix(".new")
        self._openssl("leaf", new, ["-key", key, "-CA", self.certificate, "-CAkey", self._key, "-subj", "/CN=kube-apiserver",
                                    "-addext", "subjectAltName=" + ",".join(names)])
        new.rename(target)

    def issue(self, key, common_name, target):
        """A client certificate, and the key of it."""
        self._openssl("leaf", target, ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key,
                                       "-CA", self.certificate, "-CAkey", self._key, "-subj", f"/CN={common_name}"])

    @staticmethod
    def _openssl(extensions, target, arguments):
        config = target.with_suffix(".cnf")
        config.write_text(_EXTENSIONS)
        subprocess.run(["openssl", "req", "-x509", "-config", config, "-days", "3650", "-extensions", extensions,
                        "-out", target, *arguments], check=True, capture_output=True)


def certify_apiserver(cluster, authority, extra_names=()):
    """The API server gets a certificate of that authority. It notices by itself, within a minute."""
    pki = cluster.state_dir / "pki"
    names = ["DNS:kubernetes.default.svc", "DNS:localhost", "IP:127.0.0.1", *extra_names]
    authority.certify(pki / "apiserver.key", names, pki / "apiserver.crt")
