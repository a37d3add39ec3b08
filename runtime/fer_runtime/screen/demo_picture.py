"""One annotated frame of the demo scene as a PNG: the only picture this program ever writes."""

from __future__ import annotations

from pathlib import Path

import cv2

from ..arrays import Image
from ..errors import OutputError
from ..reading import FaceReading
from ..settings.schema import Settings
from .overlay import Overlay, ViewInfo


class DemoPicture:
    """Keeps the frame with most faces, the newest of those, and draws it at the end.

    Parameters
    ----------
    path
        Where the PNG goes.
    settings
        Look of the overlay, and the scene's rate.
    """

    def __init__(self, path: str, settings: Settings) -> None:
        self._path, self._settings = Path(path), settings
        self._image: Image | None = None
        self._readings: tuple[FaceReading, ...] = ()
        self._processing_ms = 0.0

    def offer(self, image: Image, readings: tuple[FaceReading, ...], processing_ms: float) -> None:
        """Take (H, W, 3) uint8 BGR with its readings, where it shows at least as many faces."""
        if len(readings) >= len(self._readings):
            self._image, self._readings, self._processing_ms = image, readings, processing_ms

    def save(self) -> None:
        """Draw and write it; OutputError where that fails, nothing where there was no frame."""
        if self._image is None:
            return
        overlay = Overlay(self._settings.window, self._settings.privacy)
        info = ViewInfo(fps=self._settings.source.fps, processing_ms=self._processing_ms)
        picture = overlay.draw(self._image, self._readings, info)
        blob = cv2.imencode(".png", picture)[1].tobytes()
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.write_bytes(blob)
        except OSError as error:
            raise OutputError(f"{self._path}: cannot be written: {error.strerror}") from None
