"""Measure fer-edge and its peers side by side, on the same frames, in one run: ``make bench``.

    python benchmarks/bench.py                    everything, about 15 minutes after set-up
    python benchmarks/bench.py --only ours haar   some
    python benchmarks/bench.py --rounds 1 --count 2 --starts 1    to try it out

Each contender gets its own environment under .cache/bench (the first time: 8 GB, most of it
for `fer`) and its own process, held to one core. Calls are interleaved: scene by scene, each
contender a few calls in turn, in another order each round, so that a busy minute of the
machine hits all alike. Writes results/bench.json, bench.md and bench.png.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

import bench_report
import machine
from contenders import CONTENDERS, FOLDER, Contender, prepare, python_of, size_mb
from scenes import Scene, count_hits, save_scenes

HERE = Path(__file__).resolve().parent
FIRST = "one-480p"
"""The scene of the first reading and of the summary."""


class Worker:
    """A contender's process."""

    def __init__(self, contender: Contender, cores: int) -> None:
        self.contender = contender
        # No library may phone out or use more threads than it has cores; fer and the classic
        # script must not look for a GPU.
        environment = os.environ | {
            "BENCH_FOLDER": str(FOLDER),
            "CUDA_VISIBLE_DEVICES": "-1",
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "PYTHONDONTWRITEBYTECODE": "",
        }
        command = [str(python_of(contender.environment)), str(HERE / "worker.py")]
        command += [contender.name, str(FOLDER / "scenes"), str(cores), FIRST]
        self._log = (FOLDER / f"{contender.name}.log").open("wb")
        began = time.perf_counter()
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, text=True,
            env=environment, cwd=FOLDER,
        )  # fmt: skip
        self._answer()
        self.start_s = time.perf_counter() - began
        """From the start of the process to the first reading."""

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            log = (FOLDER / f"{self.contender.name}.log").read_text(errors="replace")
            raise SystemExit(f"{self.contender.title} has ended: {log[-2000:]}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def measure(self, scene: str, count: int) -> dict[str, Any]:
        """Read a scene `count` times."""
        return self._ask(f"{scene} {count}")

    def quit(self) -> float:
        """End the process; return its peak memory in MB."""
        peak = float(self._ask("quit")["peak_rss_mb"])
        self._process.wait(60)
        self._log.close()
        return peak

    def kill(self) -> None:
        """End it whatever it does."""
        self._process.kill()
        self._process.wait()

    def _ask(self, text: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(text + "\n")
        self._process.stdin.flush()
        return self._answer()


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Measure; return everything."""
    chosen = [c for c in CONTENDERS if not options.only or c.name in options.only]
    for contender in chosen:
        prepare(contender)
    scenes = save_scenes(FOLDER / "scenes")
    result: dict[str, Any] = {
        "machine": machine.describe(),
        "cores_used": options.cores,
        "rounds": options.rounds,
        "calls_per_round": options.count,
        "contenders": {
            c.name: {"title": c.title, "install_mb": size_mb(c), "scenes": {}} for c in chosen
        },
    }
    starts: dict[str, list[float]] = {c.name: [] for c in chosen}
    for _ in range(options.starts):
        for contender in chosen:
            worker = Worker(contender, options.cores)
            starts[contender.name].append(worker.start_s)
            worker.quit()
    workers: dict[str, Worker] = {}
    try:
        for contender in chosen:
            workers[contender.name] = Worker(contender, options.cores)
        _rounds(options, scenes, workers, result)
        for name, worker in workers.items():
            entry = result["contenders"][name]
            entry["peak_rss_mb"] = round(worker.quit(), 1)
            entry["start_s"] = round(statistics.median(starts[name]), 3)
    except BaseException:
        for worker in workers.values():
            worker.kill()
        raise
    result["machine"]["load_after"] = machine.load()
    return result


def _rounds(
    options: argparse.Namespace,
    scenes: list[Scene],
    workers: dict[str, Worker],
    result: dict[str, Any],
) -> None:
    times: dict[tuple[str, str], list[float]] = {}
    cpu: dict[tuple[str, str], list[float]] = {}
    names = list(workers)
    for turn in range(options.rounds):
        print(f"== round {turn + 1} of {options.rounds}, load {machine.load()}", file=sys.stderr)
        for number, scene in enumerate(scenes):
            shift = (turn + number) % len(names)
            for name in names[shift:] + names[:shift]:
                answer = workers[name].measure(scene.name, options.count)
                times.setdefault((name, scene.name), []).extend(answer["ms"])
                cpu.setdefault((name, scene.name), []).append(answer["cpu_ms"])
                found, ghosts = count_hits(scene.faces, answer["boxes"])
                result["contenders"][name]["scenes"][scene.name] = {
                    "ms": round(statistics.median(times[name, scene.name]), 3),
                    "ms_p95": round(float(np.quantile(times[name, scene.name], 0.95)), 3),
                    "cpu_ms": round(statistics.median(cpu[name, scene.name]), 3),
                    "faces": len(scene.faces),
                    "found": found,
                    "ghosts": ghosts,
                }


def main() -> None:
    """Parse, run, write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", nargs="*", choices=[c.name for c in CONTENDERS], default=[])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--count", type=int, default=10, help="calls per scene and round")
    parser.add_argument("--starts", type=int, default=5, help="starts per contender")
    parser.add_argument("--cores", type=int, default=1)
    parser.add_argument("-o", "--output", type=Path, default=HERE / "results")
    options = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    result = run(options)
    options.output.mkdir(parents=True, exist_ok=True)
    text = bench_report.as_markdown(result)
    (options.output / "bench.json").write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    (options.output / "bench.md").write_text(text, "utf-8")
    bench_report.plot(result, options.output / "bench.png")
    print(text)


if __name__ == "__main__":
    main()
