"""The arrays that go through the runtime, by name, and how a picture file becomes one."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from .errors import DataError

Image = NDArray[np.uint8]
"""A picture: (H, W, 3) uint8 BGR, or (H, W) uint8 grey."""

Box = tuple[float, float, float, float]
"""x, y, w, h in pixels of the frame; x and y may lie outside it."""

PICTURE_SUFFIXES: Final = (
    ".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".pgm", ".ppm",
)  # fmt: skip
"""Of the files that count as pictures, in lower case."""

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_ROTATIONS: Final = {
    90: cv2.ROTATE_90_CLOCKWISE,
    180: cv2.ROTATE_180,
    270: cv2.ROTATE_90_COUNTERCLOCKWISE,
}


def read_picture(path: Path) -> Image:
    """Read a picture file as (H, W, 3) uint8 BGR; DataError where it is not one."""
    try:
        blob = np.fromfile(path, np.uint8)  # imread cannot open every name on Windows
    except OSError as error:
        raise DataError(f"picture {path}: cannot be read: {error.strerror}") from None
    picture: Any = None
    if blob.size:
        try:
            picture = cv2.imdecode(without_profile(blob), cv2.IMREAD_COLOR)
        except cv2.error:
            picture = None
    if picture is None:
        what = "an empty file" if not blob.size else "something that does not decode"
        raise DataError(f"picture {path}: expected a picture, received {what}")
    return np.asarray(picture, np.uint8)


def without_profile(blob: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a PNG without its colour profile; anything else, and a damaged PNG, as it is.

    OpenCV does not use the profile, but libpng warns on standard error of those it does not like,
    once for each picture.
    """
    data = blob.tobytes() if blob[: len(_PNG)].tobytes() == _PNG else b""
    at = len(_PNG)
    while at + 12 <= len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        kind = data[at + 4 : at + 8]
        if kind == b"iCCP" and end <= len(data):
            return np.concatenate([blob[:at], blob[end:]])
        if kind == b"IDAT":  # a profile stands before the picture
            break
        at = end
    return blob


def rotate(frame: Image, degrees: int) -> Image:
    """Turn a frame clockwise by 0, 90, 180 or 270 degrees."""
    if not degrees:
        return frame
    return np.asarray(cv2.rotate(frame, _ROTATIONS[degrees]), np.uint8)
