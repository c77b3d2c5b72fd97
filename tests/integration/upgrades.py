"""A connection that asks to be upgraded, and what a WebSocket client needs to read a watch (RFC 6455)."""

import base64
import json
import os
import socket
import ssl


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

    def at_end(self):
        """Whether the server has closed the connection in order, with nothing more to read."""
        return self._file.read(1) == b""
