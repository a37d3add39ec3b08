"""How the cost of a frame grows: with faces, frame size, face size, threads, batch.

    python benchmarks/growth.py                   about two minutes; results/growth.*
    python benchmarks/growth.py --rounds 2        to try it out

Everything is measured in this process on one core (two for the rows on threads), in turn, and
given as the median over all calls, every frame looked at (`detector.look_rate` 240), everybody
in it known. Faces are the demo portrait, side by side.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

import machine
from fer_runtime import EmotionPipeline
from fer_runtime.assets import asset_path
from fer_runtime.settings.schema import Settings
from scenes import FACE, Frame

HERE = Path(__file__).resolve().parent
FACES = (0, 1, 2, 4, 6, 8, 10, 12, 16, 20)
FRAMES = ((320, 240), (640, 480), (1280, 720), (1920, 1080), (3840, 2160))
HEIGHTS = (32, 48, 64, 96, 128, 192, 256, 384)
COMMON = {"detector.max_faces": 20, "detector.look_rate": 240}
WARM_UP = 90  # calls, three seconds of the pipeline's time, until everybody is known
BATCHES = (1, 2, 4, 8, 12, 16, 20)


def crowd(portrait: Frame, width: int, height: int, faces: int, face_px: float) -> Frame:
    """Return a frame with `faces` portraits on a grid, each face `face_px` high."""
    frame = np.full((height, width, 3), 118, np.uint8)
    x, y, w, h = FACE
    scale = face_px / h
    # The head and shoulders around the face.
    tile = portrait[: int(y + h * 1.7), int(x - w * 0.8) : int(x + w * 1.8)]
    tile = cv2.resize(tile, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    columns = max(1, int(np.ceil(np.sqrt(faces * width / height))))
    rows = int(np.ceil(faces / columns)) if faces else 1
    for number in range(faces):
        left = int((number % columns + 0.5) * width / columns - tile.shape[1] / 2)
        top = int((number // columns + 0.5) * height / rows - tile.shape[0] / 2)
        area = frame[max(top, 0) : top + tile.shape[0], max(left, 0) : left + tile.shape[1]]
        shown = tile[max(-top, 0) :, max(-left, 0) :]
        area[:] = shown[: area.shape[0], : area.shape[1]]
    return frame


def pipeline(**settings: Any) -> Callable[[Frame], int]:
    """Return a function that looks at a frame and counts the faces."""
    values = {k.replace("__", "."): v for k, v in settings.items()}
    made = EmotionPipeline(Settings().with_values(COMMON | values))
    now = 0.0

    def read(frame: Frame) -> int:
        nonlocal now
        now += 1 / 30
        if made.idle:
            made.reset()
        return len(made.analyze(frame, now))

    return read


def cases(portrait: Frame) -> dict[str, tuple[Callable[[], int], int]]:
    """Return every case by name: what to call, and on how many cores."""
    out: dict[str, tuple[Callable[[], int], int]] = {}

    def add(name: str, read: Callable[[Frame], int], frame: Frame, cores: int = 1) -> None:
        out[name] = (lambda: read(frame), cores)

    for n in FACES:
        add(f"faces/{n}", pipeline(), crowd(portrait, 1280, 720, n, 100))
    for width, height in FRAMES:
        frame = crowd(portrait, width, height, 1, 0.23 * height)
        add(f"frame/{width}x{height}", pipeline(), frame)
    for px in HEIGHTS:
        add(f"face/{px}", pipeline(), crowd(portrait, 640, 480, 1, px))
    for threads in range(1, min(4, os.cpu_count() or 1) + 1):
        for n in (1, 8):
            read = pipeline(classifier__threads=threads)
            frame = crowd(portrait, 1280, 720, n, 100)
            add(f"threads/{threads} with {n} faces", read, frame, threads)
    classifier = EmotionPipeline().classifier
    x, y, w, h = (int(v) for v in FACE)
    crop = classifier.crop(portrait, (x, y, w, h))
    for n in BATCHES:
        crops = np.stack([crop] * n)
        out[f"one batch/{n}"] = (lambda c=crops: len(classifier.probabilities(c)), 1)
    for n in BATCHES:
        crops = np.stack([crop] * n)
        out[f"one by one/{n}"] = (
            lambda c=crops: sum(len(classifier.probabilities(c[i : i + 1])) for i in range(len(c))),
            1,
        )
    return out


def measure(rounds: int, calls: int) -> dict[str, Any]:
    """Measure every case `rounds` × `calls` times, in turn."""
    portrait = np.asarray(cv2.imread(str(asset_path("portrait"))), np.uint8)
    todo = cases(portrait)
    times: dict[str, list[float]] = {name: [] for name in todo}
    seen: dict[str, int] = {}
    every = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_setaffinity") else []
    for turn in range(rounds):
        print(f"== round {turn + 1} of {rounds}, load {machine.load()}", file=sys.stderr)
        for name, (call, cores) in todo.items():
            if every:
                os.sched_setaffinity(0, every[:cores])
            for _ in range(
                WARM_UP if turn == 0 and "batch" not in name and "by" not in name else 1
            ):
                seen[name] = call()
            for _ in range(calls):
                began = time.perf_counter()
                call()
                times[name].append((time.perf_counter() - began) * 1000)
    if every:
        os.sched_setaffinity(0, every)
    table: dict[str, dict[str, Any]] = {}
    for name, values in times.items():
        ms = statistics.median(values)
        table[name] = {"ms": round(ms, 3), "ms_p95": round(float(np.quantile(values, 0.95)), 3),
                       "per_s": round(1000 / ms, 1), "faces": seen[name]}  # fmt: skip
    return {"machine": machine.describe(), "calls": rounds * calls, "cases": table}


def as_markdown(result: dict[str, Any]) -> str:
    """Return one table per kind of growth."""
    lines: list[str] = []
    last = ""
    for name, v in result["cases"].items():
        kind, _, value = name.partition("/")
        if kind != last:
            lines += [
                "",
                f"| {kind} | ms | p95 | per second | faces found |",
                "|---|--:|--:|--:|--:|",
            ]
            last = kind
        lines.append(f"| {value} | {v['ms']} | {v['ms_p95']} | {v['per_s']} | {v['faces']} |")
    return "\n".join(lines).lstrip() + "\n"


def plot(result: dict[str, Any], path: Path) -> None:
    """Draw the four kinds of growth."""
    from matplotlib.figure import Figure

    table = result["cases"]

    def series(kind: str) -> tuple[list[str], list[float]]:
        names = [n for n in table if n.startswith(f"{kind}/")]
        return [n.partition("/")[2] for n in names], [table[n]["ms"] for n in names]

    figure = Figure(figsize=(10, 6), dpi=140, layout="constrained")
    axes = figure.subplots(2, 2).ravel()
    for a, kind, title in zip(
        axes, ("faces", "frame", "face", "one batch"),
        ("faces in a 1280×720 frame", "frame size, one face", "height of one face, px, in 640×480",
         "crops classified"), strict=True,
    ):  # fmt: skip
        names, values = series(kind)
        if kind in ("faces", "one batch", "face"):
            a.plot([int(n) for n in names], values, "o-", color="#0b5394", label=kind)
            a.xaxis.get_major_locator().set_params(integer=True)
        else:
            a.bar(names, values, color="#0b5394")
            a.tick_params(axis="x", labelsize=7.5)
        if kind == "one batch":
            other, slower = series("one by one")
            a.plot([int(n) for n in other], slower, "s--", color="#b35900", label="one by one")
            a.legend(frameon=False)
        a.set_ylim(0, 1.05 * a.get_ylim()[1])  # room above values that differ little
        a.set_title(title, loc="left", size=10)
        a.set_ylabel("ms", color="#5b6673")
        a.grid(axis="y", color="#dfe3e8")
        a.set_axisbelow(True)
        a.spines[["top", "right"]].set_visible(False)
    figure.savefig(path)


def main() -> None:
    """Parse, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--calls", type=int, default=10)
    parser.add_argument("-o", "--output", type=Path, default=HERE / "results")
    options = parser.parse_args()
    result = measure(options.rounds, options.calls)
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "growth.json").write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    (options.output / "growth.md").write_text(as_markdown(result), "utf-8")
    plot(result, options.output / "growth.png")
    print(as_markdown(result))


if __name__ == "__main__":
    main()
