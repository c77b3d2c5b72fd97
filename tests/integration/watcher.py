"""An app's process that watches over HTTP/1.1, for the tests that stop it.

    with Watcher("127.0.0.1", sidecar.port, authorities, token, SECRETS) as watcher:
        watcher.signal("STOP")
"""

import json
import signal
import subprocess
import sys

# What a sidecar says of one that hangs.
NOT_READ = "closing a connection: its client does not read its response"
# Reads what comes, as every library does while it waits for events, and says when it was the end.
PROGRAM = """
import http.client, json, socket, ssl, sys
given = json.loads(sys.stdin.readline())
context = ssl.create_default_context(cadata=given["ca"])
upgrade = ("Origin: https://api\\r\\nConnection: Upgrade\\r\\nUpgrade: websocket\\r\\nSec-WebSocket-Version: 13\\r\\n"
           "Sec-WebSocket-Key: c2l4dGVlbiBieXRlcyE9IQ==\\r\\n") if given["websocket"] else ""
if given["idle"]:  # as in a pool
    idle = http.client.HTTPSConnection(given["idle"], given["port"], context=context)
    idle.request("GET", "/version")
    idle.getresponse().read()
with socket.create_connection((given["host"], given["port"])) as plain:
    with context.wrap_socket(plain, server_hostname=given["host"]) as tls:
        tls.sendall((f"GET {given['path']}?watch=true HTTP/1.1\\r\\nHost: api\\r\\n"
                     f"Authorization: Bearer {given['token']}\\r\\n{upgrade}\\r\\n").encode())
        while received := tls.recv(65536):
            print(received.split(b"\\r\\n")[0].decode(errors="replace"), flush=True)
"""


class Watcher:
    def __init__(self, host, port, authorities, token, path, websocket=False, user=None, idle=None):
        self._process = subprocess.Popen([sys.executable, "-c", PROGRAM], user=user, text=True, stdin=subprocess.PIPE,
                                         stdout=subprocess.PIPE)
        given = {"host": host, "port": port, "ca": authorities, "token": token, "path": path, "websocket": websocket,
                 "idle": idle}
        self._process.stdin.write(json.dumps(given) + "\n")
        self._process.stdin.flush()
        self.status = self._process.stdout.readline()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()

    def signal(self, name):
        self._process.send_signal(signal.Signals[f"SIG{name}"])

    def running(self):
        return self._process.poll() is None
