"""HTTP/1.1 by hand: what is sent is bytes, what comes is read by the rules of RFC 9112 and no others.

    with Connection(port, context) as connection:
        connection.send(b"GET /version HTTP/1.1\\r\\nhost: x\\r\\n\\r\\n")
        answer = connection.answer()
"""

import contextlib
import dataclasses
import socket

TIMEOUT = 20


@dataclasses.dataclass
class Answer:
    status: int
    headers: list
    body: bytes = b""

    def get(self, name, default=None):
        return next((value for key, value in self.headers if key == name), default)


class Connection:
    def __init__(self, port, context, timeout=TIMEOUT):
        raw = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.socket = context.wrap_socket(raw, server_hostname="127.0.0.1")
        self._file = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self._file.close()
            self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def request(self, method, path, headers=(), body=b""):
        self.send(head(method, path, headers, body) + body)
        return self.answer(method)

    def answer(self, method="GET"):
        """The next answer; interim ones (100 Continue) are answers of their own."""
        status, headers = self.head()
        answer = Answer(status, headers)
        if method != "HEAD" and status >= 200 and status not in (204, 304):
            answer.body = self._body(answer)
        return answer

    def head(self):
        line = self._file.readline()
        if not line:
            raise EOFError("the connection was closed")
        headers = []
        while True:
            field = self._file.readline().decode("latin-1")
            assert field.endswith("\r\n"), field
            if field == "\r\n":
                return int(line.split()[1]), headers
            name, _, value = field.partition(":")
            headers.append((name.lower(), value.strip()))

    def chunk(self):
        """One chunk; empty for the last."""
        size = int(self._file.readline().split(b";")[0], 16)
        data = self._file.read(size)
        assert self._file.read(2) == b"\r\n"
        return data

    def closed(self):
        """Whether the peer ends the connection; what it still sends is lost."""
        try:
            return self._file.read(1) == b""
        except ConnectionError:
            return True

    def _body(self, answer):
        if answer.get("transfer-encoding") == "chunked":
            return b"".join(iter(self.chunk, b""))
        if answer.get("content-length") is not None:
            return self._file.read(int(answer.get("content-length")))
        return self._file.read()


def head(method, path, headers=(), body=b""):
    fields = [("host", "kubernetes.default.svc"), *headers]
    if body:
        fields.append(("content-length", str(len(body))))
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields)]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
