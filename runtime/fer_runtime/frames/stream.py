"""A network camera: HTTP, RTSP and whatever else FFmpeg opens by URL."""

from __future__ import annotations

import errno
import socket
import time
from typing import Final
from urllib.parse import urlsplit

import cv2

from ..errors import CameraError
from ..settings.frames import SourceSettings
from ..urls import public_url
from .video import Video

_PORTS: Final = {"http": 80, "https": 443, "rtmp": 1935, "rtsp": 554, "rtsps": 322}
"""Of the schemes that go over TCP, from IANA's register."""
_TRIAL_S: Final = 2.0


class StreamSource(Video):
    """A stream by URL, which may hold a user and a password."""

    def __init__(self, settings: SourceSettings, url: str) -> None:
        super().__init__(settings, public_url(url))
        self._url = url
        self._took_s = 0.0
        """How long the newest attempt to open it took."""

    def _connect(self, capture: cv2.VideoCapture) -> bool:
        # Without these a stalled server holds a read for 30 s.
        options = [
            cv2.CAP_PROP_OPEN_TIMEOUT_MSEC,
            int(self.settings.open_timeout_s * 1000),
            cv2.CAP_PROP_READ_TIMEOUT_MSEC,
            int(self.settings.read_timeout_s * 1000),
        ]
        began = time.monotonic()
        try:
            return bool(capture.open(self._url, cv2.CAP_FFMPEG, options))
        finally:
            self._took_s = time.monotonic() - began

    def _why_not(self) -> CameraError:
        try:
            socket.socket().close()
        except OSError as error:
            if error.errno == errno.EAFNOSUPPORT:
                return CameraError(
                    f"source {self.name}: the service has no network",
                    "sudo fer-runtime setup --network",
                )
        remedy = "check address, user and password, and that the camera is on"
        # What failed slowly, as where no name server answers, is not tried once more: twice as long
        # would look like a read that is blocked.
        quick = self._took_s < self.settings.open_timeout_s / 2
        if quick and (reason := self._unreachable()):
            return CameraError(f"source {self.name}: {reason}", remedy)
        return CameraError(
            f"source {self.name}: no stream within {self.settings.open_timeout_s:g} s", remedy
        )

    def _unreachable(self) -> str:
        """Say why its host takes no connection, as FFmpeg does not; empty where it takes one."""
        # What may be shown has all that is needed: where its host cannot be told, it has none.
        address = urlsplit(self.name)
        port = address.port or _PORTS.get(address.scheme)
        if not port or not address.hostname:
            return ""
        try:
            socket.create_connection((address.hostname, port), _TRIAL_S).close()
        except TimeoutError:
            return f"no answer from port {port} of its host"
        except OSError as error:
            return f"port {port} of its host cannot be reached: {error.strerror}"
        except UnicodeError:
            return ""  # no name of a host, as the dots of a hidden one
        return ""
