"""The demo scene, drawn at run time from one portrait: something to see without a camera."""

from __future__ import annotations

import math

import cv2
import numpy as np

from .preprocess import Image

PERIOD_S = 20.0
_CACHE_SIZE = 4
_BAND = 32

# Head and shoulders in the 512 px portrait, x, y, w, h; other portraits are cut in proportion.
_CUT = (96 / 512, 0 / 512, 264 / 512, 344 / 512)


class DemoScene:
    """A person moves, comes near and goes far, leaves, comes back, the light dims, another joins.

    Parameters
    ----------
    portrait
        (H, W, 3) uint8 BGR.
    size
        Height and width of the frames in pixels.
    fps
        Frames per second of scene time.
    """

    def __init__(
        self, portrait: Image, size: tuple[int, int] = (480, 640), fps: float = 30.0
    ) -> None:
        self._size, self._fps = size, fps
        h, w = portrait.shape[:2]
        x, y = round(_CUT[0] * w), round(_CUT[1] * h)
        person = portrait[y : y + round(_CUT[3] * h), x : x + round(_CUT[2] * w)]
        self._people = (person, np.ascontiguousarray(person[:, ::-1]))
        self._alpha = _feather(person.shape[0], person.shape[1])
        self._room = _room(*size)
        self._cache: dict[tuple[int, int], tuple[Image, Image]] = {}

    def frame(self, index: int) -> Image:
        """Return frame `index` of the endless scene, (H, W, 3) uint8 BGR."""
        t = (index / self._fps) % PERIOD_S
        frame = self._room.copy()
        # Where the first person's centre is, in widths of the frame, and how large.
        x = 0.40 + 0.12 * math.sin(2 * math.pi * t / 5)
        scale = 0.78 + 0.22 * math.sin(2 * math.pi * t / 7)
        if 6 <= t < 8:  # leaves to the right
            x += (t - 6) / 2 * 1.1
        elif 8 <= t < 9:
            x = 9.0
        elif 9 <= t < 10.5:  # comes back from the left
            x -= (10.5 - t) / 1.5 * 0.8
        self._paste(frame, 0, x, scale)
        if t >= 15:  # a second person joins from the right and goes again
            away = max(0.0, 1 - (t - 15) / 1.0, 1 - (PERIOD_S - t) / 1.0)
            self._paste(frame, 1, 0.80 + 0.5 * away, 0.66)
        if 11 <= t < 14.5:  # somebody turns the light down
            light = 1 - 0.75 * math.sin(math.pi * (t - 11) / 3.5)
            frame = cv2.convertScaleAbs(frame, alpha=light)  # type: ignore[assignment]
        return frame

    def _paste(self, frame: Image, who: int, x: float, scale: float) -> None:
        """Draw a person with soft edges around (x, middle)."""
        rows, columns = self._size
        # Sizes in steps of eight pixels, so that neighbouring frames share a resized person.
        height = max(8, round(rows * scale / 8) * 8)
        key = (who, height)
        if key not in self._cache:
            while len(self._cache) >= _CACHE_SIZE:
                del self._cache[next(iter(self._cache))]
            person = self._people[who]
            width = round(height * person.shape[1] / person.shape[0])
            how = cv2.INTER_AREA if height < person.shape[0] else cv2.INTER_LINEAR
            small = cv2.resize(person, (width, height), interpolation=how)
            alpha = cv2.resize(self._alpha, (width, height))[..., np.newaxis]
            self._cache[key] = (
                np.rint(small * alpha).astype(np.uint8),
                np.rint(255 * (1.0 - alpha)).astype(np.uint8),
            )
        ink, rest = self._cache[key]
        top, left = rows - ink.shape[0], round(x * columns - ink.shape[1] / 2)
        x0, x1 = max(0, left), min(columns, left + ink.shape[1])
        y0 = max(0, top)
        if x0 >= x1:
            return
        across = slice(x0 - left, x1 - left)
        # In bands, so that the wide numbers in between stay small.
        for y in range(y0, rows, _BAND):
            part = (slice(y - top, y - top + _BAND), across)
            below = frame[y : y + _BAND, x0:x1]
            below[:] = ink[part] + (rest[part] * below.astype(np.uint16) // 255).astype(np.uint8)


def _feather(height: int, width: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Return (h, w) opacity 0–1: whole in the middle, fading at the sides and the top."""
    x = np.minimum(np.arange(width), np.arange(width)[::-1]) / width
    y = np.arange(height) / height
    side = np.clip(x / 0.22, 0, 1)
    top = np.clip(y / 0.08, 0, 1)
    smooth = np.outer(top * top * (3 - 2 * top), side * side * (3 - 2 * side))
    return smooth.astype(np.float32)


def _room(height: int, width: int) -> Image:
    """Return a calm background: a wall with light from one side, and a floor line."""
    # Row by row, so that no temporary is larger than the picture itself.
    across = 150 - 55 * np.arange(width, dtype=np.float32) / width
    tint = np.array([0.98, 1.0, 1.02], np.float32)
    room = np.empty((height, width, 3), np.uint8)
    for y in range(height):
        light = across - 25 * y / height
        if y >= round(0.86 * height):
            light = light * 0.72
        room[y] = light[:, np.newaxis] * tint
    return room
