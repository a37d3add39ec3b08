"""Runs one contender in its own environment and obeys ``bench.py`` over standard input.

    worker.py ADAPTER SCENES CORES FIRST

Stays on CORES processor cores, so that no contender is helped by a second one.

Reads scene FIRST, then answers one JSON line per line of input: ``SCENE COUNT`` measures that
many calls, ``quit`` ends. Uses the standard library and numpy only, besides the contender.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path


def peak_rss_mb() -> float:
    """Return this process's highest resident memory in MB of 2^20 bytes."""
    try:
        # Unlike getrusage, this starts anew at exec and holds nothing of the parent.
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def main() -> None:
    """Serve until told to quit."""
    adapter, folder, threads, first = sys.argv[1:5]
    if hasattr(os, "sched_setaffinity"):  # Linux; elsewhere the threads alone are limited
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: int(threads)])
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints must not look like an answer
    sys.path.insert(0, str(Path(__file__).parent))
    import numpy as np

    scene = np.load(Path(folder) / f"{first}.npy")

    import adapters

    read = getattr(adapters, adapter)(int(threads))
    boxes = read(scene)

    def answer(**values: object) -> None:
        print(json.dumps(values), file=answers, flush=True)

    answer(ready=True, boxes=[list(map(float, b)) for b in boxes])
    for line in sys.stdin:
        if line.strip() == "quit":
            break
        name, count = line.split()
        frame = np.load(Path(folder) / f"{name}.npy")
        boxes = read(frame)  # warm for this size
        times = []
        cpu = time.process_time()
        for _ in range(int(count)):
            began = time.perf_counter()
            boxes = read(frame)
            times.append((time.perf_counter() - began) * 1000)
        cpu = (time.process_time() - cpu) * 1000 / int(count)
        answer(ms=times, cpu_ms=cpu, boxes=[list(map(float, b)) for b in boxes])
    answer(peak_rss_mb=peak_rss_mb())


if __name__ == "__main__":
    main()
