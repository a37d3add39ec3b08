"""A web sink on loopback, fed by hand, and its client."""

from __future__ import annotations

import http.client
import json
import socket
from typing import Any

from ports import free_port
from readings import NOON

from fer_runtime.out.web.sink import WebSink
from fer_runtime.reading import FaceInView, Moment, Shares
from fer_runtime.settings.out import WebSettings


def moment(*emotions: str, state: str = "running", frame: int = 1, x: float = 0.1) -> Moment:
    """A moment with a face for each of `emotions`, all of them happy underneath."""
    names = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")
    shares = {name: 0.7 if name == "happy" else 0.05 for name in names}
    faces = tuple(
        FaceInView(i, emotion, 0.7, shares, 0.5, Shares(x, 0.2, 0.2, 0.3), 1.0)
        for i, emotion in enumerate(emotions, 1)
    )
    return Moment(
        "hall", "0123456789ab", NOON, frame / 10, frame, state,
        "happy" if faces else None, 0.5 if faces else None, faces,
    )  # fmt: skip


class Web:
    """The sink, its port, and requests to it."""

    def __init__(self, **settings: Any) -> None:
        self.port = free_port()
        self.now = 100.0
        self.sink = WebSink(
            WebSettings(**{"listen": f"127.0.0.1:{self.port}", **settings}),
            "hall", "0123456789ab", clock=lambda: self.now, wall_clock=lambda: NOON,
        )  # fmt: skip
        self.sink.open()

    def get(
        self, path: str, method: str = "GET", **headers: str
    ) -> tuple[int, http.client.HTTPMessage, str]:
        """Return status, headers and body; ``_`` in names of headers is ``-``."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, headers=named)
            reply = connection.getresponse()
            return reply.status, reply.headers, reply.read().decode()
        finally:
            connection.close()

    def json(self, path: str) -> Any:
        """Return the JSON at `path`."""
        return json.loads(self.get(path)[2])

    def listen(self, *, room: int | None = None, **headers: str) -> Stream:
        """Open ``/events``, with so many bytes of room in the client's system."""
        return Stream(self.port, headers, room)


class Stream:
    """A client of ``/events``, which reads on demand."""

    def __init__(self, port: int, headers: dict[str, str], room: int | None = None) -> None:
        self.socket = socket.socket()
        if room is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
        self.socket.settimeout(20)
        self.socket.connect(("127.0.0.1", port))
        lines = "".join(f"{k.replace('_', '-')}: {v}\r\n" for k, v in headers.items())
        request = f"GET /events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{lines}\r\n"
        self.socket.sendall(request.encode())
        self._file = self.socket.makefile("rb")
        self.status = int(self._file.readline().split()[1])
        self.headers = http.client.parse_headers(self._file)
        self._text = ""

    def block(self) -> dict[str, str]:
        """Return the fields of the next block; a comment's under ``""``."""
        while "\n\n" not in self._text:
            size = int(self._file.readline(), 16)
            if size == 0:
                raise EOFError
            self._text += self._file.read(size).decode()
            self._file.readline()
        text, _, self._text = self._text.partition("\n\n")
        pairs = (line.partition(":") for line in text.split("\n"))
        return {name: value.strip() for name, _, value in pairs}

    def event(self, kind: str = "") -> tuple[int, str, dict[str, Any]]:
        """Return id, kind and record of the next event, or of the next one of `kind`."""
        while True:
            block = self.block()
            if "event" in block and kind in ("", block["event"]):
                return int(block["id"]), block["event"], json.loads(block["data"])

    def close(self) -> None:
        self._file.close()
        self.socket.close()
