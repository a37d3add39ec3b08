"""An MJPEG camera on loopback that can fail in every way that real ones do."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy as np

MODES = ("ok", "drop", "refuse", "stall", "freeze", "slow", "garbage", "black")
_BOUNDARY = b"frame"


class FaultyCamera:
    """Serves frames as MJPEG; ``mode`` may be changed at any time.

    ``ok`` plays; ``drop`` ends every connection; ``refuse`` closes the port; ``stall`` keeps
    connections open without data; ``freeze`` repeats one frame; ``slow`` sends a frame every two
    seconds; ``garbage`` sends damaged JPEGs; ``black`` is a closed shutter.
    """

    def __init__(
        self, frames: Callable[[int], np.ndarray], fps: float = 30.0, period: int = 0
    ) -> None:
        self._frames, self._fps = frames, fps
        # With a period the same JPEGs come round again, encoded once.
        self._period = period
        self._cache: dict[int, bytes] = {}
        self._mode = "ok"
        self.sent = 0
        self.connections = 0
        self._server: ThreadingHTTPServer | None = None
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._listen()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/video"

    @property
    def clients(self) -> int:
        """Connections that are open."""
        with self._lock:
            return len(self._open)

    @property
    def mode(self) -> str:
        return self._mode

    @mode.setter
    def mode(self, mode: str) -> None:
        assert mode in MODES
        old, self._mode = self._mode, mode
        if mode == "refuse":
            self._stop_listening()
        elif old == "refuse":
            self._listen()
        if mode in ("drop", "refuse"):
            self._hang_up()

    def close(self) -> None:
        self._mode = "drop"
        self._stop_listening()
        self._hang_up()

    def __enter__(self) -> FaultyCamera:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _listen(self) -> None:
        camera = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                camera._serve(self)

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True

            def handle_error(self, *_: object) -> None:
                pass  # a client that goes away in the middle is what this is for

        self._server = Server(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def _stop_listening(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def _hang_up(self) -> None:
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        if self._mode in ("drop", "refuse"):
            return
        with self._lock:
            self._open.add(handler.connection)
            self.connections += 1
        try:
            handler.send_response(200)
            kind = f"multipart/x-mixed-replace; boundary={_BOUNDARY.decode()}"
            handler.send_header("Content-Type", kind)
            handler.end_headers()
            last = b""
            due = time.monotonic()
            while self._mode not in ("drop", "refuse"):
                if self._mode == "stall":
                    time.sleep(0.02)
                    continue
                blob = last if self._mode == "freeze" and last else self._jpeg(self.sent)
                last = blob
                head = b"--%s\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n"
                handler.wfile.write(head % (_BOUNDARY, len(blob)) + blob + b"\r\n")
                handler.wfile.flush()
                self.sent += 1
                due += 2.0 if self._mode == "slow" else 1.0 / self._fps
                time.sleep(max(0.0, due - time.monotonic()))
                due = max(due, time.monotonic() - 0.1)
        except OSError:
            pass
        finally:
            with self._lock:
                self._open.discard(handler.connection)

    def _jpeg(self, index: int) -> bytes:
        if self._period and self._mode == "ok":
            index %= self._period
            if index not in self._cache:
                self._cache[index] = cv2.imencode(".jpg", self._frames(index))[1].tobytes()
            return self._cache[index]
        frame = self._frames(index)
        if self._mode == "black":
            frame = np.zeros_like(frame)
        blob = bytearray(cv2.imencode(".jpg", frame)[1].tobytes())
        if self._mode == "garbage":
            middle = len(blob) // 2
            blob[middle : middle + 400] = bytes(range(200)) * 2
        return bytes(blob)
