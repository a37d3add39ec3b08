"""Does looking only around known faces lose any? Recall and accuracy by detection mode.

    python benchmarks/recall.py FER2013_DIR                   every mode, 100 clips
    python benchmarks/recall.py FER2013_DIR --clips 1000 --modes full,near
    python benchmarks/recall.py FER2013_DIR --clips 1150 --modes full,near --low 64 --width 640
                                                              accuracy: faces that are found

    python benchmarks/recall.py FER2013_DIR --clips 12 --seconds 10 --fps 15 --width 640
        --modes full,near --judge 3                           up to six people; recall counts
                                                              from a second after each appeared

A clip is 20 frames at 30 fps (or --seconds), 640×480 or 1280×720, of one to three faces 24–200 px
high: the demo portrait (a fifth of them) or a validation picture, each used once, on a drawn head
and shoulders (which YuNet finds better than a bare square). They move by up to two face heights a
second and grow by up to 15 %, before gradients, textures, clutter or blurred blocks, with blur,
noise and changing light; all seeded. In half the clips of several the last face appears only at
one of the first four fifths of the frames: such newcomers count for their delay, not for recall.
Every mode sees the same frames through the real pipeline, its clock handed in. With --judge only
so many frames a second are judged, and `full`, which remembers nothing but ids, sees these alone:
the same figures for a fifth of the time.

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
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fer_runtime import EmotionPipeline
from fer_runtime.faces.detector import iou
from fer_runtime.model.classifier import Classifier
from fer_runtime.settings.schema import Settings
from fer_training.data.datasets import FolderDataset, Pictures
from fer_training.data.ferplus import majority
from recall_clips import BANDS, FPS, FRAMES, SEED, SIZES, Clip, make_clips
from scenes import Box

MODES: dict[str, dict[str, Any]] = {
    "full": {"detector.near": False, "detector.smallest_face": 24, "detector.look_rate": 240},
    "near": {},
    "near 32": {"detector.smallest_face": 32},
    "near 48": {"detector.smallest_face": 48},
    "rate 4": {"detector.scan_rate": 4},
    "rate 8": {"detector.scan_rate": 8},
    "rate 15": {"detector.scan_rate": 15},
    "rate 30": {"detector.scan_rate": 30},
    "look 30": {"detector.look_rate": 30},
    "look 15": {"detector.look_rate": 15},
    "look 8": {"detector.look_rate": 8},
}
"""Settings by mode; `near` is the default, `full` searches all of every frame at full scale."""


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


def measure(
    clips: Iterator[Clip],
    modes: list[str],
    model: str,
    settle: int = 0,
    fps: int = FPS,
    every: int = 1,
) -> dict[str, Any]:
    """Show every clip to every mode; return the figures by mode.

    Recall counts a face from `settle` frames after it appeared on; with 0 it counts those that
    were there from the beginning. Every `every`-th frame is judged.
    """
    classifier = Classifier(model)
    makers = {m: EmotionPipeline(Settings().with_values(MODES[m]), classifier=classifier)
              for m in modes}  # fmt: skip
    # One row for each face in each frame: clip, number of the face, frame, frame's width, label,
    # frame it appeared in, height in pixels. And for each mode: found, IoU, label right.
    rows: list[tuple[float, ...]] = []
    seen: dict[str, list[tuple[float, float, float]]] = {m: [] for m in modes}
    false, shown = dict.fromkeys(modes, 0), dict.fromkeys(modes, 0)
    cpu_ms = {m: list[float]() for m in modes}
    # One row for each newcomer: height in pixels, seconds until seen.
    came: dict[str, list[tuple[float, float]]] = {m: [] for m in modes}
    faces = clip_number = 0
    for clip_number, clip in enumerate(clips):
        enters = [
            next(t for t, boxes in enumerate(clip.boxes) if boxes[k])
            for k in range(len(clip.heads))
        ]
        for t, boxes in list(enumerate(clip.boxes))[::every]:
            width = clip.frames[t].shape[1]
            rows += [(clip_number, faces + k, t, width, clip.heads[k].label, enters[k], box[3])
                     for k, box in enumerate(boxes) if box]  # fmt: skip
        faces += len(clip.heads)
        for mode, pipeline in makers.items():
            pipeline.reset()
            first = dict.fromkeys(range(len(clip.heads)), -1)
            for t, (frame, boxes) in enumerate(zip(clip.frames, clip.boxes, strict=True)):
                judged = t % every == 0
                if mode == "full" and not judged:
                    continue
                began = time.thread_time()
                readings = pipeline.analyze(frame, clip_number * 100 + t / fps)
                cpu_ms[mode].append(1000 * (time.thread_time() - began))
                whose = match(boxes, [r.box for r in readings])
                for k in whose:
                    first[k] = t if first[k] < 0 else first[k]
                if not judged:
                    continue
                false[mode] += len(readings) - len(whose)
                shown[mode] += 1
                for k, box in enumerate(boxes):
                    if box and k in whose:
                        reading = readings[whose[k]]
                        right = int(np.argmax(reading.probabilities)) == clip.heads[k].label
                        seen[mode].append((1, iou(box, reading.box), right))
                    elif box:
                        seen[mode].append((0, 0, 0))
            for k, at in first.items():
                if enters[k]:
                    height = clip.boxes[enters[k]][k]
                    assert height is not None
                    came[mode].append((height[3], (at - enters[k]) / fps if at >= 0 else math.nan))
    table = np.array(rows)
    given = {m: np.array(v, np.float64) for m, v in seen.items()}
    out = {m: _figures(table, given[m], given[modes[0]], settle) | _delays(came[m]) for m in modes}
    for mode in modes:
        out[mode]["false per 1,000 frames"] = 1000 * false[mode] / shown[mode]
        out[mode]["CPU ms, median"] = float(np.median(cpu_ms[mode]))
        out[mode]["CPU ms, p95"] = float(np.percentile(cpu_ms[mode], 95))
        out[mode]["CPU ms, mean"] = float(np.mean(cpu_ms[mode]))
    return {"clips": clip_number + 1, "faces": faces, "first": modes[0], "modes": out}


def _figures(
    rows: NDArray[np.float64],
    own: NDArray[np.float64],
    first: NDArray[np.float64],
    settle: int,
) -> dict[str, float]:
    """Return one mode's figures and its differences to the first mode; shares in percent."""
    clip, face, t, width, label, enters, height = rows.T
    found, overlap, right = own.T
    group, fer = clip.astype(np.int64), label >= 0
    settled = t - enters >= settle if settle else enters == 0
    out: dict[str, float] = {}
    for size in SIZES:
        for name, kind in (("portrait", ~fer), ("FER", fer)):
            for low, high in pairwise(BANDS):
                which = settled & kind & (width == size[0]) & (height >= low) & (height < high)
                key = f"recall, {name} {low}-{high} px in {size[0]}"
                if which.any():
                    out[key] = 100 * float(found[which].mean())
    out["recall, all"] = 100 * float(found[settled].mean())
    for low, high in pairwise(BANDS):
        which = settled & (height >= low) & (height < high)
        key = f"recall, {low}-{high} px"
        if which.any():
            out[key] = 100 * float(found[which].mean())
            mean, half = paired(found[which], first[which, 0], group[which])
            out[f"{key}, difference"], out[f"{key}, ±"] = 100 * mean, 100 * half
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


def _delays(came: list[tuple[float, float]]) -> dict[str, float]:
    """Return how many newcomers were seen, and after how long."""
    out = {}
    table = np.array(came).reshape(-1, 2)
    for name, low, high in (("64 px and more", 64, math.inf), ("less", 0, 64)):
        after = table[(table[:, 0] >= low) & (table[:, 0] < high), 1]
        seen = after[~np.isnan(after)]
        out[f"newcomers, {name}"] = len(after)
        out[f"newcomers seen, {name}"] = len(seen)
        out[f"newcomers' delay, {name}, mean ms"] = (
            1000 * float(seen.mean()) if len(seen) else math.nan
        )
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
    parser.add_argument("--seconds", type=float, default=FRAMES / FPS, help="length of a clip")
    parser.add_argument("--fps", type=int, default=FPS, help="frames a second")
    parser.add_argument("--judge", type=int, help="frames a second that are judged; all without")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    if unknown := set(given.modes.split(",")) - set(MODES):
        parser.error(f"--modes: expected some of {', '.join(MODES)}, received {', '.join(unknown)}")
    pictures = load(given.folder, given.split, given.model) if given.folder else None
    fps = given.fps
    length = round(given.seconds * fps)
    clips = make_clips(
        pictures, given.clips, low=given.low, width=given.width, length=length, fps=fps,
        seed=given.seed, people=6 if given.seconds > FRAMES / FPS else 3,
    )  # fmt: skip
    settle = fps if given.seconds > FRAMES / FPS else 0
    every = max(1, fps // given.judge) if given.judge else 1
    figures = measure(clips, given.modes.split(","), given.model, settle, fps, every)
    print(f"{figures['clips']} clips of {length} frames, {figures['faces']} faces, {given.model}")
    print(f"{'':<44}" + "".join(f"{mode:>10}" for mode in figures["modes"]))
    for key in figures["modes"][figures["first"]]:
        values = (mode[key] for mode in figures["modes"].values())
        print(f"{key:<44}" + "".join(f"{value:>10.4g}" for value in values))
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")


def load(folder: Path, split: Literal["train", "validation"], model: str) -> Pictures:
    """Read pictures and the labels that a shipped model is judged by."""
    pictures = FolderDataset(folder).load(split)
    if model == "fer2013" or pictures.votes is None:
        return pictures
    votes = majority(pictures.votes)
    return replace(pictures, labels=votes.labels).take(votes.usable)


if __name__ == "__main__":
    main()
