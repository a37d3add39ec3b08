"""Where the frame looks otherwise than when it was searched: only there can somebody be new."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ..arrays import Box, Image
from .scan import FACE_PX, Part

Blocks = NDArray[np.float32]
"""(rows, columns) mean grey of each block of the frame, 0–255, brightened to a mean of _MEAN."""

# The frame is compared as so many blocks along its longer side: 16 pixels in a frame of 640. Of
# each block 16 pixels are read, which costs 0.1 ms a frame, where averaging all takes 0.5.
_BLOCKS, _SAMPLES = 40, 4
# Light that changes everywhere shows nobody, so all frames are brought to one mean.
_MEAN = 128.0
# Noise of 8 grey levels a pixel moves a block by 2, the difference of two by 3; this is seldom it.
_CHANGED = 9.0
# One block may be noise all the same; and less than the smallest face that a part's search surely
# finds is nobody whom it would show.
_LEAST_BLOCKS = 2
# What a known person moves, in faces from the centre and the top of the face: the head with its
# hair, to either side, up and down; shoulders and body, to either side, from and to. Beside the
# head somebody else may look out.
_HEAD = (1.2, -0.7, 1.0)
_BODY = (2.4, 1.0, 5.0)


class Changes:
    """Compares the frame with what it was when each part was last searched."""

    def __init__(self, parts: list[Part], width: int, height: int) -> None:
        """Begin with nothing searched, for frames of `width` × `height` pixels."""
        self._block = max(width, height) / _BLOCKS
        self._columns = max(1, round(width / self._block))
        self._rows = max(1, round(height / self._block))
        self._inside = np.zeros((len(parts), self._rows, self._columns), bool)
        for inside, part in zip(self._inside, parts, strict=True):
            inside[self._area(part.x, part.y, part.w, part.h)] = True
        faces = [(FACE_PX / part.scale, part) for part in parts]
        least = [int(min(px, p.w) * min(px, p.h) / self._block**2) for px, p in faces]
        self._least = np.maximum(_LEAST_BLOCKS, least)
        self._before = np.full(self._inside.shape, np.nan, np.float32)

    def blocks(self, frame: Image) -> Blocks:
        """Return what is compared of a (H, W, 3) uint8 BGR frame."""
        size = (self._columns * _SAMPLES, self._rows * _SAMPLES)
        picked = cv2.resize(frame, size, interpolation=cv2.INTER_NEAREST)
        mean = cv2.resize(picked, (self._columns, self._rows), interpolation=cv2.INTER_AREA)
        grey = np.asarray(cv2.cvtColor(mean, cv2.COLOR_BGR2GRAY), np.float32)
        return grey * np.float32(_MEAN / max(1.0, float(grey.mean())))

    def parts(self, blocks: Blocks, known: list[Box]) -> NDArray[np.bool_]:
        """Tell which parts changed since they were searched, (N,); those never searched did.

        What moves at and around the faces at `known`, in pixels of the frame, is theirs.
        """
        counts = np.ones((self._rows, self._columns), bool)
        for x, y, w, h in known:
            for beside, top, bottom in (_HEAD, _BODY):
                left, wide = x + w / 2 - beside * w, 2 * beside * w
                counts[self._area(left, y + top * h, wide, (bottom - top) * h)] = False
        # NaN is no less than anything.
        changed = ~(np.abs(self._before - blocks) < _CHANGED) & self._inside & counts
        return np.asarray(np.count_nonzero(changed, axis=(1, 2)) >= self._least)

    def searched(self, number: int, blocks: Blocks) -> None:
        """Note that the part of this number was searched in the frame of these blocks."""
        self._before[number] = blocks

    def _area(self, x: float, y: float, w: float, h: float) -> tuple[slice, slice]:
        """Return the blocks that a rectangle of the frame touches."""
        left, top = int(max(0, x) // self._block), int(max(0, y) // self._block)
        right = int(-(-max(0.0, x + w) // self._block))
        bottom = int(-(-max(0.0, y + h) // self._block))
        return slice(top, bottom), slice(left, right)
