"""Does looking only around known faces lose any? Recall and accuracy by detection mode.

    python benchmarks/recall.py FER2013_DIR                   every mode, 100 clips
    python benchmarks/recall.py FER2013_DIR --clips 1000 --modes full,near
    python benchmarks/recall.py FER2013_DIR --clips 1150 --modes full,near --low 64 --width 640
                                                              accuracy: faces that are found

A clip is 20 frames at 30 fps, 640×480 or 1280×720, of one to three faces 24–200 px high: the
demo portrait (a fifth of them) or a validation picture, each used once, on a drawn head and
shoulders (which YuNet finds better than a bare square). They move by up to two face heights a
second and grow by up to 15 %, before gradients, textures, clutter or blurred blocks, with blur,
noise and changing light; all seeded. In half the clips of several the last face appears only at
one of frames 1–15: such newcomers count for their delay, not for recall. Every mode sees the same
frames through the real pipeline, its clock handed in.

A box is a face's if its centre lies in the known box and its height is within a factor of two;
others are false. The known box of a FER-2013 picture is the average one (0.77 × 1.00 of its
side), so an IoU below 1 is partly that. Accuracy is of the raw probabilities of the faces found
(`fer2013` by folder, `ferplus` by FER+ majority). Differences are to the first mode, on the same
frames, with 95 % intervals that take each clip as one observation. FER-2013 pictures are tight
and coarse: their recall compares modes and says little of real faces.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_runtime import EmotionPipeline
from fer_runtime.assets import asset_path
from fer_runtime.classifier import Classifier
from fer_runtime.detector import iou
from fer_runtime.settings import Settings
from fer_training.datasets import FolderDataset, Pictures
from fer_training.ferplus import majority
from scenes import FACE, Box, Frame

MODES: dict[str, dict[str, Any]] = {
    "full": {"detector.near": False},
    "near": {},
    "near .25": {"detector.scan_s": 0.25},
    "every 2": {"detector.every": 2},
    "every 3": {"detector.every": 3},
    "full 240": {"detector.near": False, "detector.width": 240},
    "near 240": {"detector.width": 240},
    "full 480": {"detector.near": False, "detector.width": 480},
    "near 480": {"detector.width": 480},
}
"""Settings by mode; the width is 320 where nothing else is said, `near` is the default."""
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


def make_clip(faces: list[Head], size: tuple[int, int], low: int, rng: np.random.Generator) -> Clip:
    """Let faces of `low` pixels and more move before one background; left out if no room."""
    width, height = size
    scene = background(width, height, int(rng.integers(4)), rng)
    paths: list[NDArray[np.float64]] = []  # (FRAMES, 3): centre x, centre y, height
    heads = []
    turn = np.linspace(0, 1, FRAMES)[:, np.newaxis]
    for face in faces:
        band = int(rng.integers(BANDS.index(low), len(BANDS) - 1))
        most = BANDS[band + 1]
        px = math.exp(rng.uniform(math.log(BANDS[band]), math.log(most)))
        for _ in range(30):
            grown = min(px * rng.uniform(1, 1.15), most - 0.01)
            half = np.array([0.45, 0.55]) * grown
            start = rng.uniform(half, np.array([width, height]) - half)
            way, far = rng.uniform(0, 2 * math.pi), rng.uniform(0, 2 * FRAMES / FPS) * px
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
        enters[-1] = int(rng.integers(1, 16))
    blur, sigma = rng.uniform(0, 1.3), rng.uniform(0, 8)
    grain = rng.normal(0, sigma, (height + 16, width + 16)).astype(np.int16)
    light, drift = rng.uniform(0.55, 1.15), rng.uniform(-0.15, 0.15)
    frames: list[Frame] = []
    boxes: list[list[Box | None]] = []
    for t in range(FRAMES):
        frame = scene.copy()
        todo = zip(heads, paths, enters, strict=True)
        boxes.append([None if t < e else paste(frame, f, *path[t]) for f, path, e in todo])
        if blur > 0.4:
            frame = np.asarray(cv2.GaussianBlur(frame, (0, 0), blur), np.uint8)
        lit = cv2.convertScaleAbs(frame, alpha=light * (1 + drift * t / FRAMES))
        dy, dx = rng.integers(16, size=2)
        noise = cv2.merge([grain[dy : dy + height, dx : dx + width]] * 3)
        frames.append(np.asarray(cv2.add(lit, noise, dtype=cv2.CV_8U), np.uint8))
    return Clip(frames, boxes, heads)


def make_clips(
    pictures: Pictures | None, number: int, *, low: int = BANDS[0], width: int = 0
) -> Iterator[Clip]:
    """Yield clips until there are `number` or the pictures are used up."""
    sizes = [size for size in SIZES if width in (0, size[0])]
    rng = np.random.default_rng(SEED)
    known = [portrait_head(False), portrait_head(True)]
    order = list(rng.permutation(len(pictures))) if pictures else []
    for index in range(number):
        faces = []
        for _ in range(rng.integers(1, 4)):
            if pictures is None or rng.random() < 0.2:
                faces.append(known[rng.integers(2)])
            elif order:
                at = order.pop()
                faces.append(head(pictures.crops[at], int(pictures.labels[at]), rng))
        if not faces:
            return
        yield make_clip(faces, sizes[index % len(sizes)], low, rng)


def match(truth: list[Box | None], boxes: list[tuple[int, int, int, int]]) -> dict[int, int]:
    """Return which box is whose: face number to box number; see the rule above."""
    pairs: list[tuple[float, int, int]] = []
    for k, known in enumerate(truth):
        if known is None:
            continue
        tx, ty, tw, th = known
        for j, (x, y, w, h) in enumerate(boxes):
            inside = tx <= x + w / 2 <= tx + tw and ty <= y + h / 2 <= ty + th
            if inside and 0.5 <= h / th <= 2:
                pairs.append((-iou(known, (x, y, w, h)), k, j))
    out: dict[int, int] = {}
    for _, k, j in sorted(pairs):
        if k not in out and j not in out.values():
            out[k] = j
    return out


def paired(
    one: NDArray[np.float64], other: NDArray[np.float64], group: NDArray[np.int64]
) -> tuple[float, float]:
    """Return the mean of one - other and the half-width of its 95 % interval.

    Entries of one `group` (a clip, a picture) need not be independent of each other.
    """
    if not len(one):
        return math.nan, math.nan
    difference = one - other
    mean = float(difference.mean())
    sums = np.bincount(group, difference - mean)
    return mean, 1.96 * float(np.sqrt((sums**2).sum())) / len(one)


def measure(clips: Iterator[Clip], modes: list[str], model: str) -> dict[str, Any]:
    """Show every clip to every mode; return the figures by mode."""
    classifier = Classifier(model)
    makers = {m: EmotionPipeline(Settings().with_values(MODES[m]), classifier=classifier)
              for m in modes}  # fmt: skip
    # One row for each face in each frame: clip, number of the face, frame, frame's width, label,
    # frame it appeared in, height in pixels. And for each mode: found, IoU, label right.
    rows: list[tuple[float, ...]] = []
    seen: dict[str, list[tuple[float, float, float]]] = {m: [] for m in modes}
    false, cpu_ms = dict.fromkeys(modes, 0), {m: list[float]() for m in modes}
    faces = clip_number = 0
    for clip_number, clip in enumerate(clips):
        enters = [
            next(t for t in range(FRAMES) if clip.boxes[t][k]) for k in range(len(clip.heads))
        ]
        for t, boxes in enumerate(clip.boxes):
            width = clip.frames[t].shape[1]
            rows += [(clip_number, faces + k, t, width, clip.heads[k].label, enters[k], box[3])
                     for k, box in enumerate(boxes) if box]  # fmt: skip
        faces += len(clip.heads)
        for mode, pipeline in makers.items():
            pipeline.reset()
            for t, (frame, boxes) in enumerate(zip(clip.frames, clip.boxes, strict=True)):
                began = time.process_time()
                readings = pipeline.analyze(frame, clip_number * 10 + t / FPS)
                cpu_ms[mode].append(1000 * (time.process_time() - began))
                whose = match(boxes, [r.box for r in readings])
                false[mode] += len(readings) - len(whose)
                for k, box in enumerate(boxes):
                    if box and k in whose:
                        reading = readings[whose[k]]
                        right = int(np.argmax(reading.probabilities)) == clip.heads[k].label
                        seen[mode].append((1, iou(box, reading.box), right))
                    elif box:
                        seen[mode].append((0, 0, 0))
    table = np.array(rows)
    given = {m: np.array(v, np.float64) for m, v in seen.items()}
    out = {m: _figures(table, given[m], given[modes[0]]) for m in modes}
    for mode in modes:
        out[mode]["false per 1,000 frames"] = 1000 * false[mode] / len(cpu_ms[mode])
        out[mode]["CPU ms, median"] = float(np.median(cpu_ms[mode]))
        out[mode]["CPU ms, mean"] = float(np.mean(cpu_ms[mode]))
    return {"clips": clip_number + 1, "faces": faces, "first": modes[0], "modes": out}


def _figures(
    rows: NDArray[np.float64], own: NDArray[np.float64], first: NDArray[np.float64]
) -> dict[str, float]:
    """Return one mode's figures and its differences to the first mode; shares in percent."""
    clip, face, t, width, label, enters, height = rows.T
    found, overlap, right = own.T
    group, settled, fer = clip.astype(np.int64), enters == 0, label >= 0
    out: dict[str, float] = {}
    for size in SIZES:
        for name, kind in (("portrait", ~fer), ("FER", fer)):
            for low, high in pairwise(BANDS):
                which = settled & kind & (width == size[0]) & (height >= low) & (height < high)
                key = f"recall, {name} {low}-{high} px in {size[0]}"
                if which.any():
                    out[key] = 100 * float(found[which].mean())
    out["recall, all"] = 100 * float(found[settled].mean())
    late = [(t[f] - enters[f])[found[f] > 0] for f in
            (face == n for n in np.unique(face[~settled]))]  # fmt: skip
    came = [float(f[0]) for f in late if len(f)]
    out["newcomers seen"] = 100 * len(came) / max(1, len(late))
    out["newcomers' delay, mean ms"] = 1000 / FPS * float(np.mean(came)) if came else math.nan
    out["IoU, median"] = float(np.median(overlap[found > 0])) if found.any() else math.nan
    both = fer & (found > 0) & (first[:, 0] > 0)
    out["accuracy of found"] = (
        100 * float(right[fer & (found > 0)].mean()) if both.any() else math.nan
    )
    out["pictures shown"] = len(np.unique(face[fer]))
    out["pictures found by both"] = len(np.unique(face[both]))
    for name, which, column in (("recall", settled, 0), ("accuracy of both found", both, 2),
                                ("right of all visible", fer & settled, 2)):  # fmt: skip
        mean, half = paired(own[which, column], first[which, column], group[which])
        out[f"{name}, difference"], out[f"{name}, ±"] = 100 * mean, 100 * half
    return out


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", help="FER-2013; the portrait alone without")
    parser.add_argument("--split", default="validation", choices=("train", "validation"))
    parser.add_argument("--model", default="fer2013")
    parser.add_argument("--modes", default=",".join(MODES), help="the first is compared with")
    parser.add_argument("--clips", type=int, default=100)
    parser.add_argument("--low", type=int, default=24, choices=BANDS[:-1], help="smallest, px")
    parser.add_argument(
        "--width",
        type=int,
        default=0,
        choices=(0, 640, 1280),
        help="frames of this width alone, px",
    )
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    pictures = load(given.folder, given.split, given.model) if given.folder else None
    clips = make_clips(pictures, given.clips, low=given.low, width=given.width)
    figures = measure(clips, given.modes.split(","), given.model)
    print(f"{figures['clips']} clips of {FRAMES} frames, {figures['faces']} faces, {given.model}")
    print(f"{'':<34}" + "".join(f"{mode:>10}" for mode in figures["modes"]))
    for key in figures["modes"][figures["first"]]:
        values = (mode[key] for mode in figures["modes"].values())
        print(f"{key:<34}" + "".join(f"{value:>10.4g}" for value in values))
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")


def load(folder: Path, split: Literal["train", "validation"], model: str) -> Pictures:
    """Read pictures and the labels that a shipped model is judged by."""
    pictures = FolderDataset(folder).load(split)
    if model != "ferplus" or pictures.votes is None:
        return pictures
    votes = majority(pictures.votes)
    return replace(pictures, labels=votes.labels).take(votes.usable)


if __name__ == "__main__":
    main()
