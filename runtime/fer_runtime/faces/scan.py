"""Which part of the frame is searched for newcomers next, so that no frame costs much."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..arrays import Box

# YuNet finds a face surely from this height in its input on: the finest search is scaled to it.
FACE_PX = 24
# Inputs, in pixels, of one part by the frame's width: the network pads to multiples of 32, and
# costs as much as it has pixels (288×224: a third more than 256×192). Larger frames get larger
# parts, or there would be too many of them. The coarse search takes the whole frame in one part's
# size.
_NARROW, _NARROW_PART, _WIDE_PART = 800, (288, 224), (320, 256)
# Between the coarse and the finest search others lie at scales at most so far apart. Parts overlap
# by the face that the next coarser search finds, or one across their border would be seen by none;
# most are found from this share of the sure height on, and less overlap is fewer parts.
_FINER, _FOUND_SHARE = 3.0, 2 / 3
# A part about a known face is so many faces wide and high at least.
_AROUND_FACES = 1.6
# The coarse search has this share of the turns, each finer scale this share of what is left, the
# finest the rest. A part that changed comes as if it had waited so much longer, of the time between
# its turns. With more than two scales there are many parts, of which none may wait for too long.
_COARSE_SHARE, _CHANGED_WAIT = 0.45, 1.5
_COARSE_SHARE_OF_MANY, _CHANGED_WAIT_OF_MANY = 1 / 3, 0.75
# But not for so many turns after its own, or what moves all the time has most of them: the coarse
# search, which finds whoever is near, for fewer.
_SPENT_TURNS, _SPENT_TURNS_COARSE = 2, 1


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
    The coarse part, the whole frame, first; finer ones after it, none where the coarse search is
    fine enough.
    """
    most = part_size(width)
    coarse = min(1.0, most[0] / width, most[1] / height)
    finest = min(1.0, FACE_PX / smallest_face)
    out = [Part(0, 0, width, height, coarse)]
    # A little less than a whole step finer is none more.
    steps = math.ceil(math.log(finest / coarse, _FINER) - 1e-6) if finest > coarse else 0
    for step in range(1, steps + 1):
        scale = coarse * (finest / coarse) ** (step / steps)
        overlap = _FOUND_SHARE * FACE_PX * (finest / coarse) ** (1 / steps) / scale
        columns = _cut(width, most[0] / scale, overlap)
        rows = _cut(height, most[1] / scale, overlap)
        out += [Part(x, y, w, h, scale) for y, h in rows for x, w in columns]
    return out


def frequencies(parts: list[Part]) -> list[float]:
    """Return how often each part has its turn, as shares of all turns: they add up to 1."""
    scales = sorted({p.scale for p in parts})
    count = {scale: sum(p.scale == scale for p in parts) for scale in scales}
    coarse = _COARSE_SHARE_OF_MANY if len(scales) > 2 else _COARSE_SHARE
    share = {s: coarse * (1 - coarse) ** n for n, s in enumerate(scales)}
    share[scales[-1]] = (1 - coarse) ** (len(scales) - 1)
    return [share[p.scale] / count[p.scale] for p in parts]


def part_size(width: int) -> tuple[int, int]:
    """Return the largest input of one part, width and height, for frames of `width` pixels."""
    return _WIDE_PART if is_wide(width) else _NARROW_PART


def is_wide(width: int) -> bool:
    """Tell whether a frame of `width` pixels is searched in larger parts, and more often."""
    return width > _NARROW


def whole(width: int, height: int, smallest_face: int) -> Part:
    """Return the whole frame at the scale of the fine search."""
    return Part(0, 0, width, height, max(p.scale for p in parts(width, height, smallest_face)))


def around(box: Box, width: int, height: int) -> Part:
    """Return the part about a face at `box`, as fine as the frame is or as holds the face."""
    x, y, w, h = box
    most = part_size(width)
    scale = min(1.0, most[1] / (_AROUND_FACES * h), most[0] / (_AROUND_FACES * w))
    wide, high = min(width, round(most[0] / scale)), min(height, round(most[1] / scale))
    left = min(max(0, round(x + w / 2 - wide / 2)), width - wide)
    top = min(max(0, round(y + h / 2 - high / 2)), height - high)
    return Part(left, top, wide, high, scale)


def _cut(length: int, most: float, overlap: float) -> list[tuple[int, int]]:
    """Cut a length into as few equal pieces of `most` that overlap: (begin, length)."""
    if length <= most:
        return [(0, length)]
    piece = math.floor(most)
    count = math.ceil((length - overlap) / (piece - overlap))
    step = (length - piece) / (count - 1)
    return [(round(i * step), piece) for i in range(count)]


class Scan:
    """Says which part has its turn: who waited longest, and sooner where something changed.

    All have their turns even where nothing changes, for a face may be missed or come unseen.
    """

    def __init__(self) -> None:
        self._turn = 0
        self._turns: list[float] = []
        """The turn in which each part was searched last."""
        self._last_s = -math.inf

    def reset(self) -> None:
        """Begin again with the coarse search, at once."""
        self._turns[:1], self._last_s = [-math.inf], -math.inf

    def due(self, now: float, per_s: float, patience_s: float = 0.0) -> bool:
        """Tell whether a part is to be searched at `now`, at `per_s` parts a second.

        With `patience_s` one is due only so many seconds later.
        """
        # Half a frame early rather than a frame late.
        return now - self._last_s >= 1.0 / per_s - 0.005 + patience_s

    def next(
        self,
        often: list[float],
        now: float,
        per_s: float = math.inf,
        changed: Sequence[bool] | NDArray[np.bool_] = (),
    ) -> int:
        """Return the number of the part to search at `now`.

        Parameters
        ----------
        often
            How often each part has its turn, see `frequencies`; the coarse one is first.
        now
            Seconds.
        per_s
            The rate, which is held on average: a turn that came late makes the next one earlier.
        changed
            Which of the parts look otherwise than when they were searched; none where empty.
        """
        # A turn that was not due, as where nobody is known, is none less later on.
        self._last_s = min(now, max(self._last_s + 1.0 / per_s, now - 1.0 / per_s))
        self._turn += 1
        if len(self._turns) != len(often):
            self._turns = [-math.inf, *(self._turn - len(often) + n for n in range(1, len(often)))]
        waits = [
            (self._turn - turn) * share for turn, share in zip(self._turns, often, strict=True)
        ]
        lead = _CHANGED_WAIT_OF_MANY if len(set(often)) > 2 else _CHANGED_WAIT
        for n, is_changed in enumerate(changed):
            spent = _SPENT_TURNS if n else _SPENT_TURNS_COARSE
            if is_changed and self._turn - self._turns[n] > spent:
                waits[n] += lead
        number = waits.index(max(waits))
        self._turns[number] = self._turn
        return number
