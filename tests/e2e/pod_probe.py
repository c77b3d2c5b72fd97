"""Runs in a pod's network namespace with the pod's credentials, and asks the API server directly and through the sidecar.

    pod_probe.py ROOT list PATH             {"direct": [names], "sidecar": [names]}
    pod_probe.py ROOT get PATH              {"direct": HTTP status, "sidecar": HTTP status}
    pod_probe.py ROOT latency PATH COUNT    {"direct": [milliseconds], "sidecar": [milliseconds]}, interleaved
    pod_probe.py ROOT write PATH            {"direct": [HTTP status, what the API server says]}, past the sidecar: a merge patch

ROOT is the controller's root directory, as /proc/PID/root. The answer is printed as JSON.
"""

import http.client
import json
import pathlib
import ssl
import sys
import time

WAYS = {"direct": ("10.96.0.1", 443), "sidecar": ("127.0.0.1", 16443)}


class Way:
    def __init__(self, address, folder):
        # ca.crt has the sidecar's CA and the cluster's.
        context = ssl.create_default_context(cafile=folder / "ca.crt")
        self._connection = http.client.HTTPSConnection(*address, context=context, timeout=30)
        self._headers = {"Authorization": "Bearer " + (folder / "token").read_text()}

    def get(self, path):
        self._connection.request("GET", path, headers=self._headers)
        response = self._connection.getresponse()
        return response.status, response.read()

    def write(self, path):
        """Changes an annotation."""
        body = json.dumps({"metadata": {"annotations": {"probe": str(time.time())}}})
        headers = {**self._headers, "Content-Type": "application/merge-patch+json"}
        self._connection.request("PATCH", path, body, headers)
        response = self._connection.getresponse()
        return response.status, json.loads(response.read()).get("message", "")

    def list(self, path):
        status, body = self.get(path)
        assert status == 200, body
        return [item["metadata"]["name"] for item in json.loads(body)["items"]]


def latency(ways, path, count):
    taken = {name: [] for name in ways}
    for turn in range(count + 20):
        for name, way in ways.items():
            began = time.perf_counter()
            status, body = way.get(path)
            if turn >= 20:  # the first ones open connections and warm caches
                taken[name].append((time.perf_counter() - began) * 1000)
            assert status == 200, body
    return taken


def main(root, what, path, count="0"):
    folder = pathlib.Path(root) / "var/run/secrets/kubernetes.io/serviceaccount"
    ways = {name: Way(address, folder) for name, address in WAYS.items()}
    if what == "latency":
        return latency(ways, path, int(count))
    if what == "write":
        return {"direct": ways["direct"].write(path)}
    if what == "list":
        return {name: way.list(path) for name, way in ways.items()}
    return {name: way.get(path)[0] for name, way in ways.items()}


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
