"""A network camera: HTTP, RTSP and whatever else FFmpeg opens by URL."""

from __future__ import annotations

import errno
import socket

import cv2

from ..errors import CameraError
from ..settings.frames import SourceSettings
from ..urls import public_url
from .video import Video


class StreamSource(Video):
    """A stream by URL, which may hold a user and a password."""

    def __init__(self, settings: SourceSettings, url: str) -> None:
        super().__init__(settings, public_url(url))
        self._url = url

    def _connect(self, capture: cv2.VideoCapture) -> bool:
        # Without these a stalled server holds a read for 30 s.
        options = [
            cv2.CAP_PROP_OPEN_TIMEOUT_MSEC,
            int(self.settings.open_timeout_s * 1000),
            cv2.CAP_PROP_READ_TIMEOUT_MSEC,
            int(self.settings.read_timeout_s * 1000),
        ]
        return bool(capture.open(self._url, cv2.CAP_FFMPEG, options))

    def _why_not(self) -> CameraError:
        try:
            socket.socket().close()
        except OSError as error:
            if error.errno == errno.EAFNOSUPPORT:
                return CameraError(
                    f"source {self.name}: the service has no network",
                    "sudo fer-runtime setup --network",
                )
        return CameraError(
            f"source {self.name}: no stream within {self.settings.open_timeout_s:g} s",
            "check address, user and password, and that the camera is on",
        )
