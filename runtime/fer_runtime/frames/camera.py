"""A camera on this machine."""

from __future__ import annotations

import os
import sys
from dataclasses import replace

import cv2

from ..errors import CameraError
from ..settings.frames import SourceSettings
from . import cameras, device_names
from .video import Video

_JPEG = tuple(cv2.VideoWriter.fourcc(*name) for name in ("MJPG", "JPEG"))


class CameraSource(Video):
    """A camera by index or device path.

    Parameters
    ----------
    target
        Index, or a path such as ``/dev/v4l/by-id/...``.
    """

    def __init__(self, settings: SourceSettings, target: int | str) -> None:
        super().__init__(settings, str(target))
        self._asked, self._names = target, device_names.Names()
        # Where it is asked for by number or node, and already there, its name is kept, so that
        # one that is plugged in elsewhere meanwhile is not taken for another.
        self._target: int | str = target

    def _connect(self, capture: cv2.VideoCapture) -> bool:
        linux = sys.platform.startswith("linux")
        if linux:
            # Anew each time: it may have come, or come back, under another number.
            self._target = device_names.resolve(self._asked, self._names)
        if isinstance(self._target, str):
            if not os.path.exists(self._target):
                return False
            if linux and device_names.is_number(self._asked):
                self._remember(self._target)
        if not capture.open(self._target, cv2.CAP_V4L2 if linux else cv2.CAP_ANY):
            return False
        self._ask(capture)
        return True

    def _remember(self, path: str) -> None:
        """Keep what the camera is called, now that it is here for certain."""
        names = device_names.names_of(path)
        # Once it has had a twin, its id is not trusted any more.
        self._names = replace(names, twin=names.twin or self._names.twin)

    def _ask(self, capture: cv2.VideoCapture) -> None:
        """Ask the camera for format, size and rate; it gives the nearest that it has."""
        s = self.settings
        if len(s.fourcc) == 4:
            capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*s.fourcc))
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, s.width)
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, s.height)
        capture.set(cv2.CAP_PROP_FPS, s.fps)
        # What the camera gives as JPEG is decoded only where a frame is looked at. OpenCV's V4L2
        # reader then returns the bytes as (1, N) uint8; of other formats it would return them raw.
        # Older drivers say JPEG for the same.
        v4l2 = sys.platform.startswith("linux")
        jpeg = v4l2 and int(capture.get(cv2.CAP_PROP_FOURCC)) in _JPEG
        self._undecoded = jpeg and bool(capture.set(cv2.CAP_PROP_CONVERT_RGB, 0))

    def _why_not(self) -> CameraError:
        return cameras.why_not(self._target)
