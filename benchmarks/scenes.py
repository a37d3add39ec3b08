"""Frames with known faces: the demo portrait at three sizes, two faces, no face."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_runtime.assets import asset_path

Frame = NDArray[np.uint8]
Box = tuple[float, float, float, float]

# Where the face lies in the portrait, drawn by hand from hairline to chin.
FACE: Box = (178.0, 68.0, 88.0, 116.0)
SIZES = {"480p": (640, 480), "1080p": (1920, 1080)}
SMALL, MIDDLE, LARGE = 0.125, 0.23, 0.42
"""Height of a face as a share of the frame's."""


@dataclass(frozen=True)
class Scene:
    """A frame and where its faces are."""

    name: str
    frame: Frame
    """(H, W, 3) uint8 BGR."""
    faces: tuple[Box, ...]
    """x, y, w, h in pixels of the frame."""


def make_scenes() -> list[Scene]:
    """Return five scenes in each of two frame sizes."""
    portrait = np.asarray(cv2.imread(str(asset_path("portrait"))), np.uint8)
    scenes = []
    for label, (width, height) in SIZES.items():
        for name, share in (("small", SMALL), ("one", MIDDLE), ("large", LARGE)):
            frame, box = _place(portrait, width, height, share, 0.5)
            scenes.append(Scene(f"{name}-{label}", frame, (box,)))
        left, box = _place(portrait, width, height, MIDDLE, 0.27)
        right, mirrored = _place(portrait[:, ::-1].copy(), width, height, MIDDLE, 0.73, True)
        both = np.concatenate([left[:, : width // 2], right[:, width // 2 :]], axis=1)
        scenes.append(Scene(f"two-{label}", both, (box, mirrored)))
        scenes.append(Scene(f"none-{label}", _room(width, height), ()))
    return scenes


def _place(
    portrait: Frame, width: int, height: int, share: float, across: float, mirrored: bool = False
) -> tuple[Frame, Box]:
    """Scale the portrait so that its face has `share` of the height, centred at `across`."""
    x, y, w, h = FACE
    if mirrored:
        x = portrait.shape[1] - x - w
    scale = share * height / h
    shift = (across * width - (x + w / 2) * scale, 0.42 * height - (y + h / 2) * scale)
    if scale < 1:
        # Area averaging first, as a camera does; warpAffine alone would alias.
        portrait = cv2.resize(portrait, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        turn = np.float64([[1, 0, shift[0]], [0, 1, shift[1]]])
    else:
        turn = np.float64([[scale, 0, shift[0]], [0, scale, shift[1]]])
    frame = cv2.warpAffine(portrait, turn, (width, height), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(frame, np.uint8), (
        x * scale + shift[0], y * scale + shift[1], w * scale, h * scale,
    )  # fmt: skip


def _room(width: int, height: int) -> Frame:
    """Draw an empty room: a wall, a door, a picture, grain; seeded."""
    rng = np.random.default_rng(5)
    light = np.linspace(150, 95, width)[None, :, None] * np.linspace(1, 0.7, height)[:, None, None]
    frame = np.repeat(light, 3, axis=2)
    frame[:, :, 0] *= 0.92
    for x, y, w, h, shade in ((0.1, 0.2, 0.18, 0.8, 70), (0.5, 0.15, 0.25, 0.25, 180)):
        area = np.s_[int(y * height) : int((y + h) * height), int(x * width) : int((x + w) * width)]
        frame[area] = frame[area] * 0.3 + shade * 0.7
    frame += rng.normal(0, 4, (height, width, 1))
    return np.clip(frame, 0, 255).astype(np.uint8)


def count_hits(truth: tuple[Box, ...], boxes: list[list[float]]) -> tuple[int, int]:
    """Return how many faces were found and how many boxes are ghosts.

    A box is a face's if its centre lies in the true box and its height is between half and
    twice as large: detectors draw boxes differently.
    """
    found: set[int] = set()
    ghosts = 0
    for x, y, w, h in boxes:
        cx, cy = x + w / 2, y + h / 2
        for number, (tx, ty, tw, th) in enumerate(truth):
            near = tx <= cx <= tx + tw and ty <= cy <= ty + th
            if near and abs(math.log2(max(h, 1) / th)) <= 1 and number not in found:
                found.add(number)
                break
        else:
            ghosts += 1
    return len(found), ghosts


def save_scenes(folder: Path) -> list[Scene]:
    """Write the frames as .npy, which every contender can read; return the scenes."""
    folder.mkdir(parents=True, exist_ok=True)
    scenes = make_scenes()
    for scene in scenes:
        np.save(folder / f"{scene.name}.npy", scene.frame)
    return scenes
