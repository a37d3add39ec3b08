"""A camera's picture as it came over the cable: a JPEG that nobody has decoded yet."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ..arrays import Image, rotate
from ..errors import FerError

# ITU-T T.81, B.1.1.3: a JPEG begins with SOI and ends with EOI; cameras fill up with zeros.
_SOI, _EOI = b"\xff\xd8", b"\xff\xd9"
_TAIL = 4096


class BrokenPicture(FerError):
    """A camera's picture that cannot be decoded."""


class Jpeg:
    """One undecoded picture.

    Parameters
    ----------
    data
        (N,) uint8.
    degrees
        Clockwise rotation once decoded: 0, 90, 180 or 270.
    """

    def __init__(self, data: NDArray[np.uint8], degrees: int = 0) -> None:
        self.data, self._degrees = data, degrees

    @property
    def whole(self) -> bool:
        """Whether it has its beginning and its end, for libjpeg paints what is missing grey."""
        if self.data[:2].tobytes() != _SOI:
            return False
        tail = self.data[-_TAIL:].tobytes()
        return _EOI in tail or _EOI in self.data.tobytes()

    def same(self, other: Jpeg) -> bool:
        """Tell whether two pictures are identical, byte for byte."""
        return np.array_equal(self.data, other.data)

    def decode(self) -> Image:
        """Return (H, W, 3) uint8 BGR; BrokenPicture where it is none."""
        return rotate(self._decode(cv2.IMREAD_COLOR), self._degrees)

    def thumbnail(self) -> Image:
        """Return it at an eighth of its size, which costs a tenth; BrokenPicture as above."""
        return self._decode(cv2.IMREAD_REDUCED_COLOR_8)

    def _decode(self, how: int) -> Image:
        picture: object = None
        if self.whole:
            try:
                picture = cv2.imdecode(self.data, how)
            except cv2.error:
                picture = None
        if picture is None:
            raise BrokenPicture(
                f"camera picture: expected a JPEG, received {len(self.data)} bytes that are none"
            )
        return np.asarray(picture, np.uint8)
