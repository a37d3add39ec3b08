"""Tell whether the pipeline has become slower: ``make bench-guard``.

    python benchmarks/guard.py              compares with results/guard.json; exit code 1 on loss
    python benchmarks/guard.py --update     writes it: after a change that is meant

Milliseconds of another machine or hour cannot be compared. So each measurement is divided by
the CPU time of a fixed loop of numpy and OpenCV that runs just before it, and the median of
these ratios is compared. A loss of more than 25 % fails.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from pathlib import Path

import cv2
import numpy as np

import machine
from fer_runtime import EmotionPipeline
from scenes import make_scenes

FILE = Path(__file__).resolve().parent / "results" / "guard.json"
ALLOWED = 1.25
SCENES = ("one-480p", "two-480p", "one-1080p")
CALLS = 10


def calibration() -> float:
    """Return the CPU seconds of the fixed loop: products, a convolution and a resize."""
    rng = np.random.default_rng(1)
    matrix = rng.random((160, 160), np.float32)
    picture = rng.integers(0, 255, (480, 640, 3)).astype(np.uint8)
    began = time.process_time()
    for _ in range(20):
        matrix = matrix @ matrix.T
        matrix /= np.abs(matrix).max()
        blurred = cv2.GaussianBlur(picture, (9, 9), 2.0)
        cv2.resize(blurred, (320, 240), interpolation=cv2.INTER_AREA)
    return time.process_time() - began


def measure(pairs: int) -> dict[str, float]:
    """Return the median ratio of frame to calibration for each scene."""
    cv2.setNumThreads(1)
    frames = {s.name: s.frame for s in make_scenes() if s.name in SCENES}
    pipeline = EmotionPipeline()
    now = 0.0
    ratios: dict[str, list[float]] = {name: [] for name in SCENES}
    for turn in range(pairs + 1):
        for name in SCENES:
            unit = calibration()
            pipeline.reset()  # another scene's people are not looked for in this one
            pipeline.analyze(frames[name], now)
            began = time.process_time()
            for _ in range(CALLS):
                now += 1 / 30
                pipeline.analyze(frames[name], now)
            if turn:  # the first round is for warming up
                ratios[name].append((time.process_time() - began) / CALLS / unit)
    return {name: round(statistics.median(values), 4) for name, values in ratios.items()}


def main() -> None:
    """Measure, then compare or write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--update", action="store_true")
    parser.add_argument("--pairs", type=int, default=15, help="measurements per scene")
    parser.add_argument("--file", type=Path, default=FILE)
    options = parser.parse_args()
    found = measure(options.pairs)
    if options.update:
        options.file.parent.mkdir(parents=True, exist_ok=True)
        record = {"ratios": found, "machine": machine.describe()}
        options.file.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        print(f"{options.file.name}: {found}")
        return
    if not options.file.exists():
        sys.exit(
            f"{options.file}: expected figures to compare with, received no file; use --update"
        )
    known = json.loads(options.file.read_text(encoding="utf-8"))["ratios"]
    slow = []
    for name, ratio in found.items():
        change = ratio / known[name]
        print(f"{name}: {ratio:.4f} of the calibration loop, {change - 1:+.1%}")
        if change > ALLOWED:
            slow.append(name)
    if slow:
        sys.exit(f"slower by more than {ALLOWED - 1:.0%}: {', '.join(slow)}")


if __name__ == "__main__":
    main()
