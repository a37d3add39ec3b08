"""How long ``fer-report`` takes, and how much memory, for a large log.

    python benchmarks/report_scale.py                 a million rows
    python benchmarks/report_scale.py --rows 200000 --json figures.json

Writes a synthetic log of a kiosk (seeded; up to three faces at a time, a row a second, a run a
day), rotated each day and all but the last file gzipped, runs the real command on the folder
and prints wall time, CPU time and peak resident memory of the process.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np

from fer_runtime.labels import EMOTIONS, UNCERTAIN
from fer_runtime.out.csv.row import HEADER

LABELS = (*EMOTIONS, UNCERTAIN)
DAY_ROWS = 40_000


def write_day(path: Path, rng: np.random.Generator, day: int, rows: int) -> None:
    """Write one day's log of `rows` rows, gzipped where the name says so."""
    start = datetime(2026, 1, 5, 8, tzinfo=timezone(timedelta(hours=1))) + timedelta(days=day)
    raw = rng.dirichlet(np.full(7, 0.4), rows)
    label = np.where(raw.max(axis=1) > 0.4, raw.argmax(axis=1), 7)
    in_view = rng.integers(1, 4, rows)
    second = np.cumsum(1 / in_view).astype(int)
    probabilities = [",".join(f"{p:.4f}" for p in row) for row in raw]
    lines = [HEADER.decode()]
    for i in range(rows):
        stamp = (start + timedelta(seconds=int(second[i]))).isoformat(timespec="milliseconds")
        lines.append(
            f"{stamp},{second[i]:.3f},{second[i] * 15},{i // 45 + i % 3 + 1},{LABELS[label[i]]},"
            f"{raw[i].max():.4f},{probabilities[i]},120,80,110,131,0.940,fer2013\n"
        )
    data = "".join(lines).encode()
    path.write_bytes(gzip.compress(data, 6) if path.suffix == ".gz" else data)


def main() -> None:
    """Write the log, run the command, print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--json", type=Path, help="also write the figures here")
    parser.add_argument("--keep", type=Path, help="put the log here and keep it")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.keep or Path(scratch) / "log"
        folder.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(0)
        days = -(-options.rows // DAY_ROWS)
        for day in range(days):
            rows = min(DAY_ROWS, options.rows - day * DAY_ROWS)
            name = f"log-{day:03d}.csv.gz" if day < days - 1 else "log.csv"
            write_day(folder / name, rng, day, rows)
        size = sum(p.stat().st_size for p in folder.iterdir())
        command = [sys.executable, "-m", "fer_report.cli", str(folder)]
        begin = time.perf_counter()
        subprocess.run([*command, "-o", str(Path(scratch) / "report")], check=True)
        wall = time.perf_counter() - begin
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        page = (Path(scratch) / "report" / "index.html").stat().st_size
    figures = {
        "rows": options.rows,
        "files": days,
        "log_mb": round(size / 1e6, 1),
        "wall_s": round(wall, 2),
        "cpu_s": round(used.ru_utime + used.ru_stime, 2),
        # Linux counts kilobytes, macOS bytes.
        "peak_rss_mb": round(used.ru_maxrss / (1e6 if sys.platform == "darwin" else 1024), 1),
        "page_mb": round(page / 1e6, 2),
        "cpus": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
    }
    print(json.dumps(figures, indent=1))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
