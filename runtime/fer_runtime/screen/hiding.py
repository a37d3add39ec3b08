"""Hides faces in the window: coarse squares over them, also while the detector misses one."""

from __future__ import annotations

from collections.abc import Sequence

import cv2

from ..arrays import Image
from ..reading import FaceReading
from .layout import Rectangle

HOLD_S = 1.0
"""A face that is no longer found stays hidden where it was for so long, in seconds."""

_BLOCKS = 7  # along each side
_MARGIN = 0.2
# While a face is not found it may move: so much more is hidden, in box sizes.
_HELD_MARGIN = 0.5


class FaceHider:
    """Remembers where faces were, so that a missed detection does not show one for a moment.

    A face that has never been found cannot be hidden.
    """

    def __init__(self) -> None:
        self._seen: dict[int, tuple[Rectangle, float]] = {}

    def areas(self, readings: Sequence[FaceReading], time_s: float) -> list[Rectangle]:
        """Return what to hide in the frame at `time_s` seconds, in pixels of the frame."""
        now = {r.face_id for r in readings}
        self._seen = {
            face_id: (box, seen_s)
            for face_id, (box, seen_s) in self._seen.items()
            # A clip that begins again steps back in time.
            if face_id not in now and 0.0 <= time_s - seen_s <= HOLD_S
        }
        held = [_grown(box, _HELD_MARGIN) for box, _ in self._seen.values()]
        for reading in readings:
            self._seen[reading.face_id] = (reading.box, time_s)
        return [_grown(r.box, _MARGIN) for r in readings] + held


def pixelate(image: Image, area: Rectangle) -> None:
    """Replace an area of (H, W, 3) `image` by a few large squares of colour, in place."""
    x, y, w, h = area
    part = image[max(0, y) : max(0, y + h), max(0, x) : max(0, x + w)]
    if part.size == 0:
        return
    small = cv2.resize(part, (_BLOCKS, _BLOCKS), interpolation=cv2.INTER_AREA)
    back = (part.shape[1], part.shape[0])
    part[:] = cv2.resize(small, back, interpolation=cv2.INTER_NEAREST)


def _grown(box: Rectangle, margin: float) -> Rectangle:
    """Return a box with `margin` of its size added on every side."""
    x, y, w, h = box
    mx, my = round(w * margin), round(h * margin)
    return (x - mx, y - my, w + 2 * mx, h + 2 * my)
