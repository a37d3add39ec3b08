"""What cameras do to faces, at moderate strengths, at random; NumPy and OpenCV only.

The order is light's: scene, lens, sensor, file. Which of it happens to a picture is drawn anew
each time; half the pictures get two or fewer of the seven.
"""

from __future__ import annotations

import math
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

_SHARE: Final = 0.35
"""How likely each single change is in a picture that is chosen at all."""

Floats = NDArray[np.float32]


def camera_frames(frames: Floats, rng: np.random.Generator) -> Floats:
    """Spoil the frames of one picture or sequence, all in the same way; noise differs.

    Parameters
    ----------
    frames
        (T, h, w) float32 grey, about 0–255.
    rng
        Where chance comes from; the same state gives the same result.

    Returns
    -------
    float32 of the same shape, 0–255.
    """
    out = np.clip(frames, 0.0, 255.0).astype(np.float32)
    h, w = out.shape[-2:]
    # Drawn in a fixed order and always in full, so that one change does not move another's chance.
    happens = rng.random(7) < _SHARE
    gamma = math.exp(rng.uniform(-0.6, 0.6))
    slope, angle = rng.uniform(0.2, 0.6), rng.uniform(0.0, 2.0 * math.pi)
    low, high = _contrast_ends(rng)
    sigma = float(rng.uniform(0.4, 1.3))
    small = int(rng.integers(18, 41))
    grain = float(rng.uniform(2.0, 14.0))
    quality = int(rng.integers(25, 76))
    margins = rng.integers(0, 5, 4)
    if happens[0]:
        out = _cropped(out, margins)
    if happens[1]:
        out = np.asarray(255.0 * (out / 255.0) ** gamma, np.float32)
    if happens[2]:
        out = np.clip(out * _ramp(h, w, slope, angle), 0.0, 255.0)
    if happens[3]:
        out = low + out * ((high - low) / 255.0)
    out = np.asarray(out, np.float32)
    if happens[4]:
        # A face that is small in the frame is sharp in few pixels; one that is near may be blurred.
        if rng.random() < 0.5:
            out = np.stack([cv2.GaussianBlur(f, (0, 0), sigma) for f in out])
        else:
            out = np.stack([_small_and_back(f, small) for f in out])
    if happens[5]:
        out = out + rng.normal(0.0, grain, out.shape)
    if happens[6]:
        out = np.stack([_jpeg(f, quality) for f in out])
    return np.clip(out, 0.0, 255.0).astype(np.float32)


def _contrast_ends(rng: np.random.Generator) -> tuple[float, float]:
    """Draw which grey black and white become: fog, a dirty lens, a camera that dims."""
    low = float(rng.uniform(0.0, 70.0))
    return low, low + float(rng.uniform(80.0, 255.0 - low))


def _ramp(h: int, w: int, slope: float, angle: float) -> Floats:
    """Return (h, w) factors: light from one side, 1 ± `slope` at the far ends."""
    y, x = np.mgrid[-1.0 : 1.0 : h * 1j, -1.0 : 1.0 : w * 1j]
    along = (x * math.cos(angle) + y * math.sin(angle)) / math.sqrt(2.0)
    return np.asarray(1.0 + slope * along, np.float32)


def _cropped(frames: Floats, margins: NDArray[np.int64]) -> Floats:
    """Cut up to 4 px off each side and scale up again: a crop that does not sit quite right."""
    h, w = frames.shape[-2:]
    top, bottom, left, right = (int(m) for m in margins)
    inner = frames[:, top : h - bottom, left : w - right]
    return np.stack([cv2.resize(f, (w, h), interpolation=cv2.INTER_LINEAR) for f in inner])


def _small_and_back(frame: Floats, side: int) -> Floats:
    h, w = frame.shape
    small = cv2.resize(frame, (side, side), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (w, h), interpolation=cv2.INTER_LINEAR), np.float32)


def _jpeg(frame: Floats, quality: int) -> Floats:
    pixels = np.clip(np.rint(frame), 0, 255).astype(np.uint8)
    _, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return cv2.imdecode(data, cv2.IMREAD_GRAYSCALE).astype(np.float32)
