"""An HTTP/2 client that does what it is told, valid or not, over one connection and in one thread.

    with Connection(port, context) as connection:
        stream = connection.start("GET", "/version")
        answer = connection.finish(stream)
"""

import contextlib
import dataclasses
import socket
import ssl
import time

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings

TIMEOUT = 20


@dataclasses.dataclass
class Answer:
    """What has come of an answer so far. Names of header fields are in lower case, fields keep their order."""

    status: int = 0
    headers: list = dataclasses.field(default_factory=list)
    body: bytearray = dataclasses.field(default_factory=bytearray)
    trailers: list = dataclasses.field(default_factory=list)
    ended: bool = False
    reset: int | None = None  # an error code of HTTP/2; -1 if the connection was lost

    def get(self, name, default=None):
        return next((value for key, value in self.headers if key == name), default)


class Connection:
    """`reads_body` False: what comes is kept and never credited, as by a client that has stopped reading."""

    def __init__(self, port, context, reads_body=True, window=None):
        self.reads_body = reads_body
        self.goaway = None  # the last stream that the peer takes, once it has said so
        self.lost = False
        self.answers = {}
        self._input = bytearray()
        raw = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT)
        self.socket = context.wrap_socket(raw, server_hostname="127.0.0.1")
        assert self.socket.selected_alpn_protocol() == "h2"
        # What is sent is the test's affair.
        config = h2.config.H2Configuration(header_encoding="utf-8", validate_outbound_headers=False,
                                           normalize_outbound_headers=False, validate_inbound_headers=False)
        self.h2 = h2.connection.H2Connection(config)
        if window is not None:
            self.h2.local_settings = h2.settings.Settings(initial_values={
                h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: window,
                h2.settings.SettingCodes.ENABLE_PUSH: 0})
        self.h2.initiate_connection()
        if window is None:
            self.h2.increment_flow_control_window(16 << 20)
        self.flush()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.close()

    def over(self):
        """Whether nothing new may be asked; looks for what has come meanwhile."""
        while self.pump(0):
            pass
        return self.goaway is not None or self.lost

    def flush(self):
        data = self.h2.data_to_send()
        if data:
            self.socket.sendall(data)

    def start(self, method, path, headers=(), body=None, end=True, authority="kubernetes.default.svc"):
        """A request with its whole body (None: without); `end` False leaves it open. Returns the stream's number."""
        stream = self.h2.get_next_available_stream_id()
        self.answers[stream] = Answer()
        fields = [(":method", method), (":scheme", "https"), (":authority", authority), (":path", path)]
        self.h2.send_headers(stream, fields + list(headers), end_stream=body is None and end)
        self.flush()
        if body is not None:
            self.send(stream, body, end)
        return stream

    def send(self, stream, body, end=False):
        """As flow control allows; gives up when the stream is over."""
        view = memoryview(body)
        deadline = time.monotonic() + TIMEOUT
        while len(view) > 0:
            answer = self.answers[stream]
            if answer.reset is not None or answer.ended:
                return
            room = min(self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size, len(view))
            if room <= 0:
                assert time.monotonic() < deadline, "no room to send"
                self.pump(1)
                continue
            self.h2.send_data(stream, bytes(view[:room]))
            self.flush()
            view = view[room:]
        if end:
            self.h2.end_stream(stream)
            self.flush()

    def trailers(self, stream, fields):
        self.h2.send_headers(stream, fields, end_stream=True)
        self.flush()

    def cancel(self, stream, code=h2.errors.ErrorCodes.CANCEL):
        self.h2.reset_stream(stream, code)
        self.flush()

    def pump(self, timeout):
        """Reads once. False if nothing came in time or the connection is over."""
        self.socket.settimeout(timeout)
        try:
            data = self.socket.recv(256 << 10)
        except (TimeoutError, ssl.SSLWantReadError):
            return False
        except OSError:
            data = b""
        if not data:
            self.lost = True
            for answer in self.answers.values():
                if not answer.ended and answer.reset is None:
                    answer.reset = -1
            return False
        self._input += data
        # Frame by frame: the library takes a GOAWAY for the end, though streams go on after it.
        while len(self._input) >= 9:
            size = 9 + int.from_bytes(self._input[:3], "big")
            if len(self._input) < size:
                break
            for event in self.h2.receive_data(bytes(self._input[:size])):
                self._on_event(event)
            del self._input[:size]
            if self.goaway is not None:
                self.h2.state_machine.state = h2.connection.ConnectionState.CLIENT_OPEN
        with contextlib.suppress(OSError):
            self.flush()
        return True

    def wait(self, condition, seconds=TIMEOUT):
        deadline = time.monotonic() + seconds
        while not condition():
            left = deadline - time.monotonic()
            assert left > 0, f"not within {seconds} s"
            if not self.pump(left) and not condition():
                assert time.monotonic() >= deadline, "the connection is over"

    def finish(self, stream, seconds=TIMEOUT):
        answer = self.answers[stream]
        self.wait(lambda: answer.ended or answer.reset is not None, seconds)
        return answer

    def request(self, method, path, headers=(), body=None):
        return self.finish(self.start(method, path, headers, body))

    def _on_event(self, event):
        answer = self.answers.get(getattr(event, "stream_id", None))
        if isinstance(event, h2.events.ConnectionTerminated):
            self.goaway = event.last_stream_id
        if answer is None:
            return
        if isinstance(event, h2.events.ResponseReceived):
            fields = dict(event.headers)
            answer.status = int(fields[":status"])
            answer.headers = [(name, value) for name, value in event.headers if not name.startswith(":")]
        elif isinstance(event, h2.events.DataReceived):
            answer.body += event.data
            if self.reads_body and event.flow_controlled_length:
                with contextlib.suppress(h2.exceptions.ProtocolError):
                    self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.TrailersReceived):
            answer.trailers = list(event.headers)
        elif isinstance(event, h2.events.StreamEnded):
            answer.ended = True
        elif isinstance(event, h2.events.StreamReset):
            answer.reset = int(event.error_code)
