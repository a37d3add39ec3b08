"""Which part of the frame is searched for newcomers next, so that no frame costs much."""

from __future__ import annotations

import math
from dataclasses import dataclass

# YuNet finds a face surely from this height in its input on: the fine search is scaled to it.
FACE_PX = 24
# Inputs, in pixels, of one part by the frame's width: the network pads to multiples of 32, and
# costs as much as it has pixels (256×192: 2.1 ms, 320×256: 3.5 ms). Larger frames get larger parts,
# or there would be too many of them. The coarse search takes the whole frame in one part's width.
_NARROW, _NARROW_PART, _WIDE_PART = 800, (256, 192), (320, 256)
# How far parts overlap: a face that lies across their border and is higher than this is one for
# the coarse search.
OVERLAP = 32
# The coarse search has at least one turn in so many.
_COARSE_EVERY = 3


@dataclass(frozen=True)
class Part:
    """A rectangle of the frame and the scale at which it is searched."""

    x: int
    """Left edge in pixels of the frame."""
    y: int
    """Top edge in pixels."""
    w: int
    """Width in pixels."""
    h: int
    """Height in pixels."""
    scale: float
    """Pixels of the network's input per pixel of the frame, 0–1."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the network's input in pixels."""
        return (max(1, round(self.w * self.scale)), max(1, round(self.h * self.scale)))


def parts(width: int, height: int, smallest_face: int) -> list[Part]:
    """Divide a frame of `width` × `height` pixels.

    Parameters
    ----------
    width, height
        The frame in pixels.
    smallest_face
        Height in pixels of the smallest face that matters.

    Returns
    -------
    The coarse part, the whole frame, first; the fine ones after it, none where the coarse search
    is fine enough.
    """
    most = part_size(width)
    coarse = Part(0, 0, width, height, min(1.0, most[0] / width))
    scale = min(1.0, FACE_PX / smallest_face)
    if scale <= coarse.scale:
        return [coarse]
    columns = _cut(width, most[0] / scale, OVERLAP / scale)
    rows = _cut(height, most[1] / scale, OVERLAP / scale)
    return [coarse, *(Part(x, y, w, h, scale) for y, h in rows for x, w in columns)]


def part_size(width: int) -> tuple[int, int]:
    """Return the largest input of one part, width and height, for frames of `width` pixels."""
    return _NARROW_PART if width <= _NARROW else _WIDE_PART


def whole(width: int, height: int, smallest_face: int) -> Part:
    """Return the whole frame at the scale of the fine search."""
    scale = max(min(1.0, FACE_PX / smallest_face), min(1.0, part_size(width)[0] / width))
    return Part(0, 0, width, height, scale)


def _cut(length: int, most: float, overlap: float) -> list[tuple[int, int]]:
    """Cut a length into as few equal pieces of `most` that overlap: (begin, length)."""
    if length <= most:
        return [(0, length)]
    count = math.ceil((length - overlap) / (most - overlap))
    piece = math.floor(most)
    step = (length - piece) / (count - 1)
    return [(round(i * step), piece) for i in range(count)]


class Scan:
    """Takes the parts of the frame in turn: the coarse one every third time."""

    def __init__(self) -> None:
        self._turn = self._fine = 0
        self._last_s = -math.inf

    def reset(self) -> None:
        """Begin again with the coarse search, at once."""
        self._turn, self._last_s = 0, -math.inf

    def due(self, now: float, per_s: float, patience_s: float = 0.0) -> bool:
        """Tell whether a part is to be searched at `now`, at `per_s` parts a second.

        With `patience_s` one is due only so many seconds later.
        """
        # Half a frame early rather than a frame late.
        return now - self._last_s >= 1.0 / per_s - 0.005 + patience_s

    def next(self, count: int, now: float, per_s: float = math.inf) -> int:
        """Return the number of the part to search at `now`.

        Parameters
        ----------
        count
            Number of parts, the coarse one among them.
        now
            Seconds.
        per_s
            The rate, which is held on average: a turn that came late makes the next one earlier.
        """
        self._last_s = max(self._last_s + 1.0 / per_s, now - 1.0 / per_s)
        self._turn += 1
        if count == 1 or (self._turn - 1) % _COARSE_EVERY == 0:
            return 0
        self._fine = self._fine % (count - 1) + 1
        return self._fine
