"""A camera on this machine."""

from __future__ import annotations

import os
import sys

import cv2

from ..errors import CameraError
from ..settings.frames import SourceSettings
from . import cameras
from .video import Video


class CameraSource(Video):
    """A camera by index or device path.

    Parameters
    ----------
    target
        Index, or a path such as ``/dev/v4l/by-id/...``.
    """

    def __init__(self, settings: SourceSettings, target: int | str) -> None:
        super().__init__(settings, str(target))
        self._target = cameras.stable_path(target)

    def _connect(self, capture: cv2.VideoCapture) -> bool:
        if isinstance(self._target, str) and not os.path.exists(self._target):
            return False
        backend = cv2.CAP_V4L2 if sys.platform.startswith("linux") else cv2.CAP_ANY
        if not capture.open(self._target, backend):
            return False
        self._ask(capture)
        return True

    def _ask(self, capture: cv2.VideoCapture) -> None:
        """Ask the camera for format, size and rate; it gives the nearest that it has."""
        s = self.settings
        if len(s.fourcc) == 4:
            capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*s.fourcc))
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, s.width)
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, s.height)
        capture.set(cv2.CAP_PROP_FPS, s.fps)

    def _why_not(self) -> CameraError:
        return cameras.why_not(self._target)
