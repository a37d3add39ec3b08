"""Generated clips of faces with known boxes, for `recall.py`: heads, backgrounds, motion, noise."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_runtime.assets import asset_path
from fer_training.data.datasets import Pictures
from scenes import FACE, Box, Frame

BANDS = (24, 40, 64, 100, 200)
SIZES = ((640, 480), (1280, 720))
FRAMES, FPS = 20, 30  # longer than the time between two searches of the whole frame
SEED = 20231
SIDE = 192


@dataclass(frozen=True)
class Head:
    """A face to paste."""

    picture: Frame
    """(H, W, 4) uint8 BGR and opacity."""
    box: Box
    """The face in it: x, y, w, h in pixels."""
    label: int = -1
    """Class number; -1 for the portrait."""


@dataclass(frozen=True)
class Clip:
    """Frames and the known box of each face in them, None before it appears."""

    frames: list[Frame]
    boxes: list[list[Box | None]]
    heads: list[Head]


def head(crop: NDArray[np.uint8], label: int, rng: np.random.Generator) -> Head:
    """Draw a head, a neck and shoulders around a (48, 48) grey picture of a face."""
    height, width, x, y = 2 * SIDE, int(1.8 * SIDE), int(0.4 * SIDE), int(0.4 * SIDE)
    skin, middle = float(np.median(crop[12:40, 12:36])), x + SIDE // 2
    ink = np.full((height, width), 0.7 * skin, np.uint8)  # the neck
    seen = np.zeros((height, width), np.uint8)
    shapes = (
        ((middle, y + int(1.05 * SIDE)), (int(0.25 * SIDE), int(0.4 * SIDE)), 0.7 * skin),
        ((middle, y + int(1.75 * SIDE)), (int(0.85 * SIDE), int(0.6 * SIDE)), rng.uniform(20, 230)),
        ((middle, y + int(0.42 * SIDE)), (int(0.5 * SIDE), int(0.66 * SIDE)), crop[:6].mean()),
    )
    for centre, axes, shade in shapes:
        for plane, value in ((ink, shade), (seen, 255)):
            cv2.ellipse(plane, centre, axes, 0, 0, 360, (float(value),), -1)
    face = cv2.resize(crop, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    # Rounded corners, soft over an eighth of the side.
    across = np.abs(np.linspace(-1, 1, SIDE)) ** 4
    soft = np.clip((1.15 - across - across[:, np.newaxis]) / 0.4, 0, 1)
    part = np.s_[y : y + SIDE, x : x + SIDE]
    ink[part] = face * soft + ink[part] * (1 - soft)
    seen[part] = np.maximum(seen[part], 255 * soft)
    picture = cv2.merge([ink, ink, ink, cv2.GaussianBlur(seen, (0, 0), 3)])
    return Head(np.asarray(picture, np.uint8), (x + 0.115 * SIDE, y, 0.77 * SIDE, SIDE), label)


def portrait_head(mirrored: bool) -> Head:
    """Cut head and shoulders out of the demo portrait, with soft edges."""
    portrait = np.asarray(cv2.imread(str(asset_path("portrait"))), np.uint8)
    x, y, w, h = (int(v) for v in FACE)
    left, right, bottom = x - int(0.7 * w), x + int(1.7 * w), y + int(2.2 * h)
    part = portrait[:bottom, left:right]
    seen = np.zeros(part.shape[:2], np.uint8)
    cv2.ellipse(seen, (x - left + w // 2, y + h // 2), (int(0.75 * w), h), 0, 0, 360, (255,), -1)
    cv2.ellipse(seen, (x - left + w // 2, bottom), (int(1.1 * w), h), 0, 0, 360, (255,), -1)
    picture = cv2.merge([*cv2.split(part), cv2.GaussianBlur(seen, (0, 0), 4)])
    at = x - left
    if mirrored:
        picture, at = cv2.flip(picture, 1), right - x - w
    return Head(np.asarray(picture, np.uint8), (at, y, w, h))


def background(width: int, height: int, kind: int, rng: np.random.Generator) -> Frame:
    """Draw a gradient (0), a texture (1), clutter (2) or blurred blocks (3)."""
    grid = (2, 40, 3, 9)[kind]
    coarse = rng.integers(20, 235, (grid, grid, 3)).astype(np.float32)
    how = cv2.INTER_NEAREST if kind == 3 else cv2.INTER_CUBIC
    picture = cv2.resize(coarse, (width, height), interpolation=how)
    out = np.clip(picture, 0, 255).astype(np.uint8)
    if kind == 2:
        for _ in range(40):
            a, b = (tuple(int(v * rng.random()) for v in (width, height)) for _ in range(2))
            color = tuple(float(v) for v in rng.integers(0, 255, 3))
            if rng.random() < 0.5:
                cv2.rectangle(out, a, b, color, int(rng.choice([-1, 2, 6])))
            else:
                axes = (int(rng.integers(5, 90)), int(rng.integers(5, 90)))
                cv2.ellipse(out, a, axes, 0, 0, 360, color, int(rng.choice([-1, 3])))
    elif kind == 3:
        out = np.asarray(cv2.GaussianBlur(out, (0, 0), 12), np.uint8)
    return out


def paste(frame: Frame, face: Head, cx: float, cy: float, height: float) -> Box:
    """Draw a face `height` pixels high around (cx, cy); return its known box."""
    scale = height / face.box[3]
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = cv2.resize(face.picture, None, fx=scale, fy=scale, interpolation=how)
    x, y, w, h = (v * scale for v in face.box)
    left, top = round(cx - x - w / 2), round(cy - y - h / 2)
    inside = small[max(0, -top) : frame.shape[0] - top, max(0, -left) : frame.shape[1] - left]
    area = frame[max(0, top) :, max(0, left) :][: inside.shape[0], : inside.shape[1]]
    alpha = inside[..., 3:].astype(np.float32) / 255
    area[:] = inside[..., :3] * alpha + area * (1 - alpha)
    return (left + x, top + y, w, h)


def make_clip(
    faces: list[Head],
    size: tuple[int, int],
    low: int,
    rng: np.random.Generator,
    length: int = FRAMES,
    fps: int = FPS,
) -> Clip:
    """Let faces of `low` pixels and more move before one background; left out if no room."""
    width, height = size
    scene = background(width, height, int(rng.integers(4)), rng)
    paths: list[NDArray[np.float64]] = []  # (length, 3): centre x, centre y, height
    heads = []
    turn = np.linspace(0, 1, length)[:, np.newaxis]
    for face in faces:
        band = int(rng.integers(BANDS.index(low), len(BANDS) - 1))
        most = BANDS[band + 1]
        px = math.exp(rng.uniform(math.log(BANDS[band]), math.log(most)))
        for _ in range(30):
            grown = min(px * rng.uniform(1, 1.15), most - 0.01)
            half = np.array([0.45, 0.55]) * grown
            start = rng.uniform(half, np.array([width, height]) - half)
            way, far = rng.uniform(0, 2 * math.pi), rng.uniform(0, 2 * length / fps) * px
            end = start + far * np.array([math.cos(way), math.sin(way)])
            end = np.clip(end, half, np.array([width, height]) - half)
            path = np.hstack([start + turn * (end - start), px + turn * (grown - px)])
            apart = (np.hypot(*(path - p)[:, :2].T) - 0.95 * (path + p)[:, 2] for p in paths)
            if all(gap.min() > 0 for gap in apart):
                paths.append(path)
                heads.append(face)
                break
    enters = [0] * len(heads)
    if len(heads) > 1 and rng.random() < 0.5:
        enters[-1] = int(rng.integers(1, round(0.8 * length)))
    blur, sigma = rng.uniform(0, 1.3), rng.uniform(0, 8)
    grain = rng.normal(0, sigma, (height + 16, width + 16)).astype(np.int16)
    light, drift = rng.uniform(0.55, 1.15), rng.uniform(-0.15, 0.15)
    frames: list[Frame] = []
    boxes: list[list[Box | None]] = []
    for t in range(length):
        frame = scene.copy()
        todo = zip(heads, paths, enters, strict=True)
        boxes.append([None if t < e else paste(frame, f, *path[t]) for f, path, e in todo])
        if blur > 0.4:
            frame = np.asarray(cv2.GaussianBlur(frame, (0, 0), blur), np.uint8)
        lit = cv2.convertScaleAbs(frame, alpha=light * (1 + drift * t / length))
        dy, dx = rng.integers(16, size=2)
        noise = cv2.merge([grain[dy : dy + height, dx : dx + width]] * 3)
        frames.append(np.asarray(cv2.add(lit, noise, dtype=cv2.CV_8U), np.uint8))
    return Clip(frames, boxes, heads)


def make_clips(
    pictures: Pictures | None,
    number: int,
    *,
    low: int = BANDS[0],
    width: int = 0,
    length: int = FRAMES,
    fps: int = FPS,
    seed: int = SEED,
    people: int = 3,
) -> Iterator[Clip]:
    """Yield clips of up to `people` faces until there are `number` or the pictures are used up."""
    sizes = [size for size in SIZES if width in (0, size[0])]
    rng = np.random.default_rng(seed)
    known = [portrait_head(False), portrait_head(True)]
    order = list(rng.permutation(len(pictures))) if pictures else []
    for index in range(number):
        faces = []
        for _ in range(rng.integers(1, people + 1)):
            if pictures is None or rng.random() < 0.2:
                faces.append(known[rng.integers(2)])
            elif order:
                at = order.pop()
                faces.append(head(pictures.crops[at], int(pictures.labels[at]), rng))
        if not faces:
            return
        yield make_clip(faces, sizes[index % len(sizes)], low, rng, length, fps)
