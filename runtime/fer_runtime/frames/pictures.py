"""One picture or a folder of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ..arrays import Image
from ..errors import CameraError, DataError
from ..settings.frames import SourceSettings

PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".pgm", ".ppm")
_ROTATIONS = {
    90: cv2.ROTATE_90_CLOCKWISE,
    180: cv2.ROTATE_180,
    270: cv2.ROTATE_90_COUNTERCLOCKWISE,
}


class PictureSource:
    """One picture or a folder of them, each on its own, in order of name."""

    live = False
    independent = True

    def __init__(self, settings: SourceSettings, path: Path) -> None:
        self.settings, self.path, self.name = settings, path, str(path)
        self.single = not path.is_dir()
        self.current = ""
        self._files: list[Path] = []
        self._next = 0
        self._size = (0, 0)

    def open(self) -> None:
        """List the pictures; see `Source.open`."""
        try:
            if self.single:
                self._files = [self.path]
            else:
                names = (p for p in self.path.iterdir() if p.suffix.lower() in PICTURES)
                self._files = sorted(names)
        except OSError as error:
            raise CameraError(f"source {self.path}: cannot be opened: {error.strerror}") from None
        if not self._files:
            raise DataError(
                f"folder {self.path}: expected pictures ({', '.join(PICTURES)}), received none"
            )
        self._next = 0

    def read(self) -> Image | None:
        """Read the next picture; DataError where it is not one."""
        if self._next >= len(self._files):
            return None
        path = self._files[self._next]
        self._next += 1
        self.current = path.name
        picture = rotate(read_picture(path), self.settings.rotate)
        self._size = (picture.shape[1], picture.shape[0])
        return picture

    def time_s(self) -> float:
        """Pictures have no time; one second each keeps every one of them in the CSV."""
        return float(self._next - 1)

    def describe(self) -> str:
        """Describe; see `Source.describe`."""
        return "one picture" if self.single else f"{len(self._files)} pictures"

    def close(self) -> None:
        """Nothing is held open."""


def read_picture(path: Path) -> Image:
    """Read a picture file as (H, W, 3) uint8 BGR; DataError where it is not one."""
    try:
        blob = np.fromfile(path, np.uint8)  # imread cannot open every name on Windows
    except OSError as error:
        raise DataError(f"picture {path}: cannot be read: {error.strerror}") from None
    picture: Any = None
    if blob.size:
        try:
            picture = cv2.imdecode(blob, cv2.IMREAD_COLOR)
        except cv2.error:
            picture = None
    if picture is None:
        what = "an empty file" if not blob.size else "something that does not decode"
        raise DataError(f"picture {path}: expected a picture, received {what}")
    return np.asarray(picture, np.uint8)


def rotate(frame: Image, degrees: int) -> Image:
    """Turn a frame clockwise by 0, 90, 180 or 270 degrees."""
    if not degrees:
        return frame
    return np.asarray(cv2.rotate(frame, _ROTATIONS[degrees]), np.uint8)
