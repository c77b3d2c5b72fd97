"""A connection that asks to be upgraded, what a WebSocket client needs to read a watch (RFC 6455), and a kubelet of which
there is nothing but the far end of such connections.
"""

import base64
import contextlib
import json
import os
import select
import socket
import ssl
import subprocess
import threading


class Upgrade:
    """A request over HTTP/1.1 and what comes after its answer. status, headers and body are those of the answer."""

    def __init__(self, port, ca_file, token, path, protocol="websocket", method="GET", headers=None):
        context = ssl.create_default_context(cafile=str(ca_file))
        self._socket = context.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=30),
                                           server_hostname="127.0.0.1")
        fields = {"Host": f"127.0.0.1:{port}", "Connection": "Upgrade", "Upgrade": protocol, "Authorization": f"Bearer {token}",
                  **(headers or {})}
        if protocol == "websocket":
            # For watches, the API server wants an Origin, whatever it is.
            fields |= {"Origin": f"https://127.0.0.1:{port}", "Sec-WebSocket-Version": "13",
                       "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode()}
        head = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        self._socket.sendall(head.encode() + b"\r\n")
        self._file = self._socket.makefile("rb")
        self.status = int(self._file.readline().split()[1])
        self.headers = {}
        while line := self._file.readline().strip().decode():
            name, value = line.split(":", 1)
            self.headers[name.lower()] = value.strip()
        self.body = b""
        if self.status != 101 and "content-length" in self.headers:
            self.body = self._file.read(int(self.headers["content-length"]))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._file.close()
        self._socket.close()

    def read_frame(self):
        """-> the payload of the next data frame, joined if it comes in fragments; None: the server has closed."""
        message = b""
        while True:
            head = self._file.read(2)
            if len(head) < 2 or head[0] & 0x0F == 8:
                return None
            length = head[1] & 0x7F
            if length > 125:
                length = int.from_bytes(self._file.read(2 if length == 126 else 8), "big")
            payload = self._file.read(length)
            if head[0] & 0x08:
                continue  # ping or pong
            message += payload
            if head[0] & 0x80:
                return message

    def read_event(self):
        """-> (type, name) of the next event of a watch, None at its end."""
        frame = self.read_frame()
        if frame is None:
            return None
        event = json.loads(frame)
        return event["type"], event["object"]["metadata"].get("name")

    def settimeout(self, seconds):
        self._socket.settimeout(seconds)

    def send(self, data):
        self._socket.sendall(data)

    def read(self, size):
        """Less than that only at the end."""
        return self._file.read(size)

    def exchange(self, data, size):
        """Sends `data` and meanwhile reads `size` bytes, less only at the end. In one thread: two must not use one TLS connection."""
        self._socket.setblocking(False)
        unsent, received = memoryview(data), bytearray()
        while len(received) < size:
            select.select([self._socket], [self._socket] if unsent else [], [], 30 if not self._socket.pending() else 0)
            with contextlib.suppress(ssl.SSLWantReadError, ssl.SSLWantWriteError):
                unsent = unsent[self._socket.send(unsent[:65536]):]
            with contextlib.suppress(ssl.SSLWantReadError, ssl.SSLWantWriteError):
                piece = self._socket.recv(65536)
                if not piece:
                    break
                received += piece
        self._socket.settimeout(30)
        return bytes(received)

    def at_end(self):
        """Whether the server has closed the connection in order, with nothing more to read."""
        return self._file.read(1) == b""


class EchoKubelet:
    """Takes every upgrade and sends back what it gets. The API server asks it when a pod runs on the Node that it makes.
    With another `answer`: says that instead of taking it."""

    NODE = {"metadata": {"name": "echo"}, "spec": {}}
    TAKES_IT = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n"

    def __init__(self, folder, api, answer=TAKES_IT, address="127.0.0.1"):
        self._answer = answer
        certificate, key = folder / "kubelet.crt", folder / "kubelet.key"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                        "-subj", "/CN=echo", "-keyout", key, "-out", certificate], check=True, capture_output=True)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate, key)
        self._listener = socket.create_server((address, 0))
        self.closed = threading.Semaphore(0)  # released for each connection that has ended
        threading.Thread(target=self._accept, daemon=True).start()
        status = {"addresses": [{"type": "InternalIP", "address": address}],
                  "daemonEndpoints": {"kubeletEndpoint": {"Port": self._listener.getsockname()[1]}}}
        api.create("/api/v1/nodes", self.NODE)
        api.request("PATCH", "/api/v1/nodes/echo/status", {"status": status}, "application/merge-patch+json")

    def close(self):
        self._listener.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with contextlib.suppress(OSError), self._context.wrap_socket(connection, server_side=True) as stream:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += stream.recv(1)
            stream.sendall(self._answer)
            while data := stream.recv(65536):
                stream.sendall(data)
        self.closed.release()
