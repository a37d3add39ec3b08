"""A stream whose first picture takes two seconds, as where a key frame is waited for."""

from __future__ import annotations

import errno
import os
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy as np
import pytest
from ports import free_port

from fer_runtime.errors import CameraError
from fer_runtime.frames.stream import StreamSource
from fer_runtime.frames.video import Video
from fer_runtime.settings.frames import SourceSettings

WAIT_S = 2.0


@pytest.fixture
def url() -> Iterator[str]:
    picture = cv2.imencode(".jpg", np.full((48, 64, 3), 90, np.uint8))[1].tobytes()
    head = b"--f\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(picture)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=f")
            self.end_headers()
            time.sleep(WAIT_S)
            try:
                for _ in range(200):
                    self.wfile.write(head + picture + b"\r\n")
                    time.sleep(0.04)
            except OSError:
                pass

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/video"
    server.shutdown()
    server.server_close()


def test_it_opens_within_the_default_time(url: str) -> None:
    source = StreamSource(SourceSettings(), url)
    source.open()
    assert source.read() is not None
    source.close()


def test_with_less_time_it_says_so(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(*_: object) -> None:
        raise AssertionError("what took so long is tried once more")

    monkeypatch.setattr(socket, "create_connection", connect)
    source = StreamSource(SourceSettings(open_timeout_s=1.0), url)
    with pytest.raises(CameraError, match="no stream within 1 s; check address, user and password"):
        source.open()


def test_a_host_that_takes_no_connection_is_told_from_one_that_sends_nothing() -> None:
    port = free_port()
    settings = SourceSettings(open_timeout_s=1.0)
    source = StreamSource(settings, f"rtsp://me:secret@127.0.0.1:{port}/live")
    with pytest.raises(CameraError, match=f"port {port} of its host .*: Connection refused; ") as e:
        source.open()
    assert "secret" not in str(e.value)
    source = StreamSource(settings, "rtsp://no-such-camera.invalid/live")
    with pytest.raises(CameraError, match=r"port 554 of its host cannot be reached: .*[Nn]ame"):
        source.open()
    # A password that hides where the host begins is not taken for one.
    source = StreamSource(settings, "rtsp://me:a/b@127.0.0.1/live")
    with pytest.raises(CameraError, match="no stream within 1 s"):
        source.open()


def test_the_drivers_buffers_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    class Capture:
        def isOpened(self) -> bool:
            return True

        def set(self, key: int, value: float) -> bool:
            asked.append(key)
            return True

        def get(self, key: int) -> float:
            return 0.0

        def release(self) -> None:
            pass

    class Camera(Video):
        def _connect(self, capture: cv2.VideoCapture) -> bool:
            return True

        def _why_not(self) -> CameraError:
            return CameraError("none")

    monkeypatch.setattr(cv2, "VideoCapture", Capture)
    Camera(SourceSettings(), "camera").open()
    assert cv2.CAP_PROP_BUFFERSIZE not in asked


def test_a_service_without_a_network_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EAFNOSUPPORT, os.strerror(errno.EAFNOSUPPORT))

    monkeypatch.setattr(socket, "socket", refuse)
    source = StreamSource(SourceSettings(), "rtsp://user:secret@127.0.0.1:9/live")
    why = str(source._why_not())
    assert why == (
        "source rtsp://127.0.0.1:9/live: the service has no network; "
        "sudo fer-runtime setup --network"
    )
