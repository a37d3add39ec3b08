"""The demo scene, drawn at run time from one portrait: something to see without a camera."""

from __future__ import annotations

import math

import cv2
import numpy as np

from ..arrays import Image

PERIOD_S = 20.0
_CACHE_SIZE = 2
_BAND = 32

# The part of the 512 px portrait that is used, x, y, w, h: head and shoulders, the face in the
# middle. And the person's outline in pixels of the portrait; another one is cut in proportion.
_PORTRAIT_PX = 512
_CUT = (24, 0, 396, 344)
_OUTLINE = (
    (201, 24), (227, 17), (248, 19), (276, 32), (292, 53), (299, 80), (299, 95), (293, 111),
    (282, 128), (275, 135), (268, 137), (264, 154), (257, 172), (264, 178), (280, 188), (292, 203),
    (300, 222), (303, 235), (322, 244), (339, 263), (351, 288), (359, 320), (364, 344),
    (24, 344), (30, 328), (40, 299), (48, 276), (64, 249), (90, 223), (113, 204), (117, 188),
    (124, 173), (138, 159), (160, 150), (185, 149), (181, 132), (174, 127), (168, 112),
    (162, 107), (157, 94), (156, 72), (162, 58), (176, 44), (189, 31),
)  # fmt: skip
# Softness of the outline in pixels of the portrait.
_EDGE_PX = 1.6


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
        if portrait.shape[:2] != (_PORTRAIT_PX, _PORTRAIT_PX):
            whole = (_PORTRAIT_PX, _PORTRAIT_PX)
            resized = cv2.resize(portrait, whole, interpolation=cv2.INTER_AREA)
            portrait = np.asarray(resized, np.uint8)
        x, y, w, h = _CUT
        part = (slice(y, y + h), slice(x, x + w))
        # Copies, so that the rest of the portrait can go.
        self._person, self._opacity = portrait[part].copy(), _outline()[part].copy()
        self._room = _room(*size)
        self._cache: dict[tuple[int, int], tuple[Image, Image]] = {}

    def frame(self, index: int) -> Image:
        """Return frame `index` of the endless scene, (H, W, 3) uint8 BGR."""
        t = (index / self._fps) % PERIOD_S
        frame = self._room.copy()
        # Where the first person's centre is, in widths of the frame, and how large.
        x = 0.40 + 0.12 * math.sin(2 * math.pi * t / 5)
        scale = 0.78 + 0.22 * math.sin(2 * math.pi * t * 3 / PERIOD_S)
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
            person, opacity = self._person, self._opacity
            if who:  # the second person is the first one's mirror image
                person, opacity = person[:, ::-1], opacity[:, ::-1]
            size = (round(height * person.shape[1] / person.shape[0]), height)
            how = cv2.INTER_AREA if height < person.shape[0] else cv2.INTER_LINEAR
            small = cv2.resize(person, size, interpolation=how)
            alpha = cv2.resize(opacity, size, interpolation=how)
            light = cv2.multiply(small, cv2.merge([alpha] * 3), scale=1 / 255)
            rest = np.asarray(255 - alpha, np.uint8)[..., np.newaxis]
            self._cache[key] = (np.asarray(light, np.uint8), rest)
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


def _outline() -> Image:
    """Return the person's opacity over the whole portrait, (512, 512) uint8."""
    opacity = np.zeros((_PORTRAIT_PX, _PORTRAIT_PX), np.uint8)
    cv2.fillPoly(opacity, [np.array(_OUTLINE, np.int32)], (255,))
    soft = np.asarray(cv2.GaussianBlur(opacity, (0, 0), _EDGE_PX), np.uint8)
    # The feet of the cut lie at the frame's border: no fading there.
    soft[_CUT[3] - 8 : _CUT[3]] = opacity[_CUT[3] - 8 : _CUT[3]]
    return soft


def _room(height: int, width: int) -> Image:
    """Return a calm background: a wall with soft light on it."""
    # Row by row, so that no temporary is larger than the picture itself.
    rng = np.random.default_rng(0)
    across = ((np.arange(width, dtype=np.float32) / width - 0.38) * 1.2) ** 2
    tint = np.array([1.03, 1.0, 0.96], np.float32)
    room = np.empty((height, width, 3), np.uint8)
    for y in range(height):
        away = np.sqrt(across + (y / height - 0.30) ** 2)
        # A little noise, as of a camera, keeps the gradient from showing steps.
        light = 158 - 78 * np.minimum(away, 1.1) + rng.normal(0, 1.2, width)
        room[y] = light[:, np.newaxis] * tint
    return room
