"""``fer-batch`` against one process: the same clips, the same rows, in turn.

::

    python benchmarks/batch.py videos/                # 5 rounds
    python benchmarks/batch.py videos/ --rounds 3 --copies 4

Each round reads all clips three times: ``fer-runtime`` on one after another, ``fer-batch --jobs
1``, ``fer-batch --jobs 2``. Times are medians over the rounds: the wall's, and that of the
processor, all processes together. ``--copies`` reads each clip so often, under names of its own,
for a batch as long as real ones. Ends with 1 where the rows differ.
"""

from __future__ import annotations

import argparse
import csv
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from fer_archive.clips import find_clips
from machine import describe, load

Row = tuple[str, ...]


def main() -> int:
    """Run the rounds and print the table; return the exit code."""
    parser = argparse.ArgumentParser(description="fer-batch against one process.")
    parser.add_argument("clips", type=Path, help="folder of clips")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--copies", type=int, default=1)
    options = parser.parse_args()
    machine = describe()
    with tempfile.TemporaryDirectory(prefix="batch-") as name:
        folder = Path(name)
        videos = folder / "videos"
        for number in range(options.copies):
            for clip in find_clips([str(options.clips)]):
                target = videos / str(number) / clip.name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(clip.path, target)
        ways: dict[str, Callable[[Path], None]] = {
            "fer-runtime, clip by clip": lambda out: _one_by_one(videos, out),
            "fer-batch --jobs 1": lambda out: _batch(videos, out, 1),
            "fer-batch --jobs 2": lambda out: _batch(videos, out, 2),
        }
        wall: dict[str, list[float]] = {way: [] for way in ways}
        cpu: dict[str, list[float]] = {way: [] for way in ways}
        for number in range(options.rounds):
            rows = {}
            for way, work in ways.items():
                out = folder / f"{number}-{len(rows)}"
                out.mkdir()
                began, used = time.monotonic(), _children_s()
                work(out)
                wall[way].append(time.monotonic() - began)
                cpu[way].append(_children_s() - used)
                rows[way] = _rows(videos, out)
                shutil.rmtree(out)
            if len(set(map(str, rows.values()))) > 1:
                print("batch.py: the ways differ in their rows", file=sys.stderr)
                return 1
    first = next(iter(ways))
    print(f"machine   {machine['cpu']}, {machine['cores']} cores, load {machine['load_before']} "
          f"before and {load()} after")  # fmt: skip
    print(f"clips     {len(rows[first])}, {options.rounds} rounds in turn")
    for way in ways:
        print(f"{way:26} {statistics.median(wall[way]):6.1f} s "
              f"({min(wall[way]):.1f}-{max(wall[way]):.1f}), processor "
              f"{statistics.median(cpu[way]):6.1f} s, x "
              f"{statistics.median(wall[first]) / statistics.median(wall[way]):.2f}")  # fmt: skip
    return 0


def _one_by_one(videos: Path, out: Path) -> None:
    config = out / "clips.yaml"
    config.write_text("detector: {idle_after_s: 0}\n")  # as fer-batch has it
    for clip in find_clips([str(videos)]):
        target = out / f"{clip.name}.csv"
        target.parent.mkdir(parents=True, exist_ok=True)
        _run("fer-runtime", "--config", str(config), "--source", str(clip.path),
             "--csv", str(target), "--csv-interval", "0")  # fmt: skip


def _batch(videos: Path, out: Path, jobs: int) -> None:
    _run("fer-batch", str(videos), "-o", str(out), "--jobs", str(jobs))


def _rows(videos: Path, out: Path) -> list[tuple[str, list[Row]]]:
    """Return the rows of each clip without the timestamp, which of a clip is the file's."""
    found = []
    for clip in find_clips([str(videos)]):
        with (out / f"{clip.name}.csv").open() as file:
            found.append((clip.name, [tuple(row[1:]) for row in csv.reader(file)]))
    return found


def _run(program: str, *arguments: str) -> None:
    path = Path(sys.executable).with_name(program)
    subprocess.run([str(path), *arguments], check=True, capture_output=True)


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    sys.exit(main())
