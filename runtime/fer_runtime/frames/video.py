"""What camera, stream and clip share: reading through `cv2.VideoCapture`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import cv2
import numpy as np

from ..arrays import Image, rotate
from ..errors import FerError
from ..settings.frames import SourceSettings
from .jpeg import Jpeg


class Video(ABC):
    """A source behind one `cv2.VideoCapture`; see `source.Source` for what each method does.

    Parameters
    ----------
    settings
        Rotation, and what the kind of source needs.
    name
        As the user wrote it, as far as it may be shown.
    """

    independent = False
    live = True

    def __init__(self, settings: SourceSettings, name: str) -> None:
        self.settings, self.name = settings, name
        self._capture: cv2.VideoCapture | None = None
        self._fps = 0.0
        self._size = (0, 0)
        self._count = 0
        self._undecoded = False

    def open(self) -> None:
        """Open, or open again; CameraError or DataError where that fails."""
        self.close()
        capture = cv2.VideoCapture()
        try:
            opened = self._connect(capture) and capture.isOpened()
        except cv2.error:
            opened = False
        if not opened:
            capture.release()
            raise self._why_not()
        # CAP_PROP_BUFFERSIZE stays as it is. V4L2's four buffers are no queue, as the capture
        # thread reads all the time; with one, which OpenCV gives back only when the next frame
        # is asked for, the driver has none meanwhile and drops what arrives.
        self._capture = capture
        self._fps = capture.get(cv2.CAP_PROP_FPS) or 0.0
        width = int(capture.get(cv2.CAP_PROP_FRAME_WIDTH))
        self._size = (width, int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)))
        self._count = 0

    def read(self) -> Image | Jpeg | None:
        """Return the next frame, (H, W, 3) uint8 BGR; None at the end or when it is lost.

        Where the camera gives JPEG and OpenCV leaves it alone, the frame is undecoded.
        """
        if self._capture is None:
            return None
        frame: Any = None
        try:
            good, frame = self._capture.read()
        except cv2.error:
            good = False
        if not good or frame is None or frame.size == 0:
            return None
        self._count += 1
        if self._undecoded and frame.ndim == 2 and 1 in frame.shape:
            return Jpeg(np.asarray(frame, np.uint8).reshape(-1), self.settings.rotate)
        if frame.ndim == 2:
            frame = cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR)
        self._size = (frame.shape[1], frame.shape[0])
        return rotate(np.asarray(frame, np.uint8), self.settings.rotate)

    def time_s(self) -> float:
        """Return the newest frame's time by the stated rate."""
        return (self._count - 1) * self._frame_s

    @property
    def _frame_s(self) -> float:
        """Seconds a frame by the stated rate; a video without one counts as 25 fps."""
        return 1.0 / (self._fps if 0 < self._fps <= 1000 else 25.0)

    def describe(self) -> str:
        """Return real size and rate, such as ``640x480 at 30 fps``."""
        rate = f"{self._fps:g} fps" if 0 < self._fps <= 1000 else "an unstated rate"
        turned = f", turned by {self.settings.rotate}°" if self.settings.rotate else ""
        return f"{self._size[0]}x{self._size[1]} at {rate}{turned}"

    def close(self) -> None:
        """Release the handle: a camera that is replugged gets its old number only then."""
        if self._capture is not None:
            self._capture.release()
            self._capture = None

    @abstractmethod
    def _connect(self, capture: cv2.VideoCapture) -> bool:
        """Open `capture`; return whether that succeeded."""

    @abstractmethod
    def _why_not(self) -> FerError:
        """Return the error that says why it could not be opened."""
