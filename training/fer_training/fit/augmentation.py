"""Random changes of training pictures; NumPy and OpenCV only.

One affine map does flip, rotation, zoom, aspect and shift at once. Mixup is Zhang et al. 2018,
cutmix Yun et al. 2019, random erasing Zhong et al. 2020.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from ..nets.heads import Targets
from .camera_augmentation import camera_frames
from .recipe import Augment


def augment_crops(
    crops: NDArray[np.uint8], settings: Augment, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Change each picture at random.

    Parameters
    ----------
    crops
        (B, h, w) uint8.
    rng
        Where chance comes from; the same state gives the same result.

    Returns
    -------
    float32 of the same shape, 0–255.
    """
    out = np.empty(crops.shape, np.float32)
    for i, crop in enumerate(crops):
        h, w = crop.shape[-2:]
        matrix = _affine(settings, rng, h, w)
        gain = 1.0 + rng.uniform(-settings.contrast, settings.contrast)
        offset = 255.0 * rng.uniform(-settings.brightness, settings.brightness)
        frames = crop if crop.ndim == 3 else crop[np.newaxis]
        warped = np.stack([_warp(frame, matrix) for frame in frames])
        mean = float(warped.mean())
        changed = (warped - mean) * gain + (mean + offset)
        if settings.camera and rng.random() < settings.camera:
            changed = camera_frames(changed, rng)
        if rng.random() < settings.erase:
            side = int(rng.integers(settings.erase_min_px, settings.erase_max_px + 1))
            top, left = (int(rng.integers(0, max(1, n - side + 1))) for n in (h, w))
            changed[:, top : top + side, left : left + side] = rng.uniform(0.0, 255.0)
        out[i] = np.clip(changed, 0.0, 255.0).reshape(crop.shape)
    return out


def _affine(
    settings: Augment, rng: np.random.Generator, h: int, w: int
) -> NDArray[np.float64] | None:
    """Draw the map from output to input pixels; None where nothing moves."""
    angle = math.radians(rng.uniform(-settings.rotation_deg, settings.rotation_deg))
    scale = 1.0 + rng.uniform(-settings.zoom, settings.zoom)
    aspect = 1.0 + rng.uniform(-settings.aspect, settings.aspect)
    shift_x, shift_y = rng.uniform(-settings.shift, settings.shift, 2) * (w, h)
    mirror = -1.0 if settings.flip and rng.random() < 0.5 else 1.0
    if not any((settings.rotation_deg, settings.zoom, settings.aspect, settings.shift)):
        if mirror > 0:
            return None
        return np.array([[-1.0, 0.0, w - 1.0], [0.0, 1.0, 0.0]])
    stretch_x, stretch_y = mirror / (scale * math.sqrt(aspect)), math.sqrt(aspect) / scale
    cos, sin = math.cos(angle), math.sin(angle)
    linear = np.array([[cos * stretch_x, -sin * stretch_y], [sin * stretch_x, cos * stretch_y]])
    centre = np.array([(w - 1) / 2, (h - 1) / 2])
    offset = centre + np.array([shift_x, shift_y]) - linear @ centre
    return np.hstack([linear, offset[:, np.newaxis]])


def _warp(frame: NDArray[np.uint8], matrix: NDArray[np.float64] | None) -> NDArray[np.float32]:
    if matrix is None:
        return frame.astype(np.float32)
    warped = cv2.warpAffine(
        frame,
        matrix,
        (frame.shape[1], frame.shape[0]),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REFLECT_101,
    )
    return np.asarray(warped, np.float32)


def mix_batch(
    crops: NDArray[np.float32], targets: Targets, settings: Augment, rng: np.random.Generator
) -> tuple[NDArray[np.float32], Targets]:
    """Mix a batch with itself in another order, by mixup or cutmix, or leave it as it is.

    Parameters
    ----------
    crops
        (B, ..., h, w) float32.
    targets
        Mixed in the same share as the pixels.
    """
    if rng.random() >= settings.mix:
        return crops, targets
    share = float(rng.beta(settings.mix_alpha, settings.mix_alpha))
    other = rng.permutation(len(crops))
    if rng.random() < 0.5:
        mixed = share * crops + (1.0 - share) * crops[other]
    else:
        h, w = crops.shape[-2:]
        cut_h, cut_w = (round(n * math.sqrt(1.0 - share)) for n in (h, w))
        top, left = int(rng.integers(0, h - cut_h + 1)), int(rng.integers(0, w - cut_w + 1))
        mixed = crops.copy()
        box = (..., slice(top, top + cut_h), slice(left, left + cut_w))
        mixed[box] = crops[other][box]
        share = 1.0 - cut_h * cut_w / (h * w)
    blended = {
        head: np.asarray(share * t + (1.0 - share) * t[other], np.float32)
        for head, t in targets.items()
    }
    return np.asarray(mixed, np.float32), blended
