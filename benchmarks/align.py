"""Do a level crop, its mirror image or several scales help? Accuracy by rotation of the face.

    python benchmarks/align.py FER2013_DIR [--pictures 1500] [--model ferplus] [--json FILE]

Each validation picture, 192 px high on a drawn head (see clips.py), is turned by 0, ±10, ±20
and ±30 degrees in a 640×480 frame of grey. YuNet searches each frame once at width 320; a frame
whose face it misses is counted and left out for every variant. What it found goes through the
real pipeline, once for each variant of the settings `classifier.align`, `mirror` and
`crop_scales`. `fer2013` is judged by the folder, `ferplus` by the FER+ majority.

The variant `known` turns by the angle that was put in instead of the eyes' slope: what alignment
could give at best. `eyes` is the median slope that YuNet reports, in degrees.

Accuracy is in percent; each variant's difference to the plain crop is in points with its 95 %
interval over the same frames, a picture being one observation where rotations are taken
together. Extra CPU is the median of a frame with one face, without the detector. The pictures
have a tilt of their own, the networks were trained on it: 0 degrees means as given.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from clips import SEED, Head, head, paste
from fer_runtime import EmotionPipeline
from fer_runtime.faces.detector import Detection
from fer_runtime.faces.pipeline import make_detector
from fer_runtime.model.metadata import shipped_models
from fer_runtime.settings.faces import DetectorSettings
from fer_runtime.settings.schema import Settings
from recall import load, match, paired
from scenes import Box, Frame

VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "align": {"classifier.align": True},
    "mirror": {"classifier.mirror": True},
    "both": {"classifier.align": True, "classifier.mirror": True},
    "scales": {"classifier.crop_scales": [0.9, 1.0, 1.1]},
    "known": {"classifier.align": True},
}
ROTATIONS = (0, -10, 10, -20, 20, -30, 30)
"""Degrees, positive where the picture's right eye lies lower."""
HEIGHT = 192


class Found:
    """A detector that gives what another one has found already."""

    def __init__(self) -> None:
        self.faces: list[Detection] = []

    def detect(self, frame: Frame) -> list[Detection]:
        """Return `faces`."""
        return self.faces


def turned_frame(face: Head, degrees: float) -> tuple[Frame, Box]:
    """Show a face, turned about its centre; return the frame and the box before turning."""
    frame = np.full((480, 640, 3), 114, np.uint8)
    box = paste(frame, face, 320, 200, HEIGHT)
    if degrees:
        # OpenCV counts angles the other way round.
        turn = cv2.getRotationMatrix2D((box[0] + box[2] / 2, box[1] + box[3] / 2), -degrees, 1)
        out = cv2.warpAffine(frame, turn, (640, 480), borderMode=cv2.BORDER_REPLICATE)
        frame = np.asarray(out, np.uint8)
    return frame, box


def measure(faces: list[Head], model: str) -> dict[str, Any]:
    """Return accuracy by rotation and variant, and the time of each variant."""
    search, found = make_detector(DetectorSettings()), Found()
    base = EmotionPipeline(Settings().with_values({"classifier.model": model}), detector=found)
    settings = {v: base.settings.with_values(values) for v, values in VARIANTS.items()}
    seen: list[tuple[int, int]] = []  # picture and rotation of every face found
    right: dict[str, list[float]] = {v: [] for v in VARIANTS}
    cpu_ms: dict[str, list[float]] = {v: [] for v in VARIANTS}
    missed = [0] * len(ROTATIONS)
    slopes: list[list[float]] = [[] for _ in ROTATIONS]
    for number, face in enumerate(faces):
        shown: list[tuple[Frame, Detection, Detection]] = []
        for turn, degrees in enumerate(ROTATIONS):
            frame, box = turned_frame(face, degrees)
            there = search.detect(frame)
            whose = match([box], [(round(d.x), round(d.y), round(d.w), round(d.h)) for d in there])
            if whose:
                detection = there[whose[0]]
                shown.append((frame, detection, _with_slope(detection, degrees)))
                seen.append((number, turn))
                slopes[turn].append(_slope(detection))
            else:
                missed[turn] += 1
        # All rotations of one variant together, for another number of crops costs time once.
        for variant in VARIANTS:
            base.configure(settings[variant])
            for nth, (frame, detection, known) in enumerate(shown):
                found.faces = [known if variant == "known" else detection]
                began = time.process_time()
                reading = base.analyze(frame)[0]
                if nth:
                    cpu_ms[variant].append(1000 * (time.process_time() - began))
                right[variant].append(int(np.argmax(reading.probabilities)) == face.label)
    picture_of = np.array([number for number, _ in seen], np.int64)
    turn_of = np.array([turn for _, turn in seen], np.int64)
    values = {v: np.array(r, np.float64) for v, r in right.items()}
    angles = {str(d): turn_of == k for k, d in enumerate(ROTATIONS)}
    angles |= {
        "0, ±10": np.isin(turn_of, [k for k, d in enumerate(ROTATIONS) if abs(d) <= 10]),
        "±20, ±30": np.isin(turn_of, [k for k, d in enumerate(ROTATIONS) if abs(d) >= 20]),
    }
    plain = float(np.median(cpu_ms["plain"]))
    return {
        "model": model,
        "pictures": len(faces),
        "missed": dict(zip(map(str, ROTATIONS), missed, strict=True)),
        "eyes": {str(d): float(np.median(s)) for d, s in zip(ROTATIONS, slopes, strict=True) if s},
        "rows": {name: _row(values, which, picture_of) for name, which in angles.items()},
        "extra_cpu_ms": {v: float(np.median(ms)) - plain for v, ms in cpu_ms.items()},
        "plain_cpu_ms": plain,
    }


def _slope(face: Detection) -> float:
    """Return the slope of the line through the eyes in degrees."""
    x0, y0, x1, y1 = face.eyes or (0.0, 0.0, 1.0, 0.0)
    return math.degrees(math.atan2(y1 - y0, x1 - x0))


def _with_slope(face: Detection, degrees: float) -> Detection:
    """Return the face with eyes on a line of that slope."""
    dx, dy = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return replace(face, eyes=(face.x, face.y, face.x + dx, face.y + dy))


def _row(
    right: dict[str, NDArray[np.float64]], which: NDArray[np.bool_], picture_of: NDArray[np.int64]
) -> dict[str, Any]:
    """Return one rotation's accuracies, and (difference, half-width) to the plain crop."""
    out: dict[str, Any] = {"found": int(which.sum())}
    for variant, values in right.items():
        share = float(values[which].mean()) if which.any() else math.nan
        mean, half = paired(values[which], right["plain"][which], picture_of[which])
        out[variant] = {"accuracy": 100 * share, "difference": 100 * mean, "half": 100 * half}
    return out


def as_table(figures: dict[str, Any]) -> str:
    """Return one model's table."""
    lines = [f"{figures['model']}: {figures['pictures']} pictures; accuracy %, then points ± 95 %"]
    lines.append(f"{'degrees':<10}{'found':>6}{'eyes':>7}{'plain':>8}"
                 + "".join(f"{v:>14}" for v in VARIANTS if v != "plain"))  # fmt: skip
    for name, row in figures["rows"].items():
        cells = (f"{row[v]['difference']:+.2f} ±{row[v]['half']:.2f}" for v in VARIANTS
                 if v != "plain")  # fmt: skip
        slope = f"{figures['eyes'][name]:+.1f}" if name in figures["eyes"] else ""
        lines.append(f"{name:<10}{row['found']:>6}{slope:>7}{row['plain']['accuracy']:>8.2f}"
                     + "".join(f"{cell:>14}" for cell in cells))  # fmt: skip
    extra = (f"{figures['extra_cpu_ms'][v]:+.2f}" for v in VARIANTS if v != "plain")
    lines.append(f"{'CPU ms':<23}{figures['plain_cpu_ms']:>8.2f}"
                 + "".join(f"{cell:>14}" for cell in extra))  # fmt: skip
    return "\n".join(lines)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--split", default="validation", choices=("train", "validation"))
    parser.add_argument("--pictures", type=int, default=1500)
    parser.add_argument("--model", action="append", choices=shipped_models())
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    results = []
    for model in given.model or shipped_models():
        pictures = load(given.folder, given.split, model)
        rng = np.random.default_rng(SEED)
        chosen = rng.permutation(len(pictures))[: given.pictures]
        heads = [head(pictures.crops[i], int(pictures.labels[i]), rng) for i in chosen]
        results.append(measure(heads, model))
        print(as_table(results[-1]), flush=True)
    if given.json:
        given.json.write_text(json.dumps(results, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
