"""How long ``fer-report`` takes, and how much memory, for a large log.

    python benchmarks/report_scale.py --times 5                a million rows of CSV
    python benchmarks/report_scale.py --rows 100000000 --parquet --keep /tmp/kiosks
    python benchmarks/report_scale.py --rows 200000 --json figures.json

Writes the synthetic log of a kiosk (one to three faces at a time, a row a second, 40,000 rows and
one run a day; the same bytes each time). CSV: a file a day, all but the last gzipped. Parquet: as
``fer-report export --to parquet`` writes it, ten kiosks. Then it runs the real command and prints
wall time, CPU time and the largest resident memory of the command with its helpers together
(proportional set size, so that what they share counts once).
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
import threading
import time
from pathlib import Path

import duckdb
import psutil

from fer_runtime.labels import EMOTIONS, LABELS
from fer_runtime.out.csv.row import COLUMNS

DAY_ROWS = 40_000
KIOSKS = 10
START = "2026-01-05 07:00:00+00"
"""Of the first day; local time is an hour ahead."""


def rows_sql(first: int, last: int) -> str:
    """Return the query for the rows of days `first` to `last`.

    In a cycle of 135 s there is one face, then two, then three, 45 s each: 270 rows, 6 faces.
    """
    labels = ", ".join(f"'{e}'" for e in LABELS)
    raw = ", ".join(f"hash(n * 7 + {i}) % 10000 / 10000.0 + 0.01 AS r{i}" for i in range(7))
    total = " + ".join(f"r{i}" for i in range(7))
    shares = ", ".join(f"round(r{i} / ({total}), 4) AS p_{e}" for i, e in enumerate(EMOTIONS))
    return f"""
    WITH numbers AS (
      SELECT range AS n, range // {DAY_ROWS} AS day, range % {DAY_ROWS} AS j
      FROM range({first * DAY_ROWS}, {last * DAY_ROWS})
    ), cycles AS (
      SELECT *, j // 270 AS cycle, j % 270 AS r, {raw} FROM numbers
    ), faces AS (
      SELECT *, CASE WHEN r < 45 THEN r WHEN r < 135 THEN 45 + (r - 45) // 2
                     ELSE 90 + (r - 135) // 3 END + cycle * 135 AS second,
        cycle * 6 + CASE WHEN r < 45 THEN 1 WHEN r < 135 THEN 2 + (r - 45) % 2
                         ELSE 4 + (r - 135) % 3 END AS face_id FROM cycles
    )
    SELECT day AS run,
      TIMESTAMPTZ '{START}' + to_days(day::INTEGER) + to_seconds(second::INTEGER) AS timestamp,
      60::SMALLINT AS utc_offset_min, second::DOUBLE AS elapsed_s, second * 15 AS frame, face_id,
      ([{labels}])[1 + (hash(day * 1000000 + face_id * 1000 + second // 7) % 8)::BIGINT] AS emotion,
      0.7::FLOAT AS confidence, {shares}, 120 AS x, 80 AS y, 110 AS w, 131 AS h,
      0.94 AS detection_score, 'fer2013' AS model, 0.1 AS valence
    FROM faces ORDER BY n"""


def write_csv(folder: Path, rows: int) -> None:
    """Write a file for each day, gzipped where it is not the last."""
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    days = -(-rows // DAY_ROWS)
    stamp = "strftime(timestamp + INTERVAL 1 HOUR, '%Y-%m-%dT%H:%M:%S.%g+01:00') AS timestamp"
    for day in range(days):
        plain = folder / (f"log-{day:03d}.csv" if day < days - 1 else "log.csv")
        count = min(DAY_ROWS, rows - day * DAY_ROWS)
        con.execute(
            f"COPY (SELECT {', '.join(COLUMNS)} FROM (SELECT * REPLACE ({stamp}) FROM "
            f"({rows_sql(day, day + 1)}) LIMIT {count})) TO '{plain}' (HEADER)"
        )
        if day < days - 1:
            data = plain.read_bytes()
            plain.with_suffix(".csv.gz").write_bytes(gzip.compress(data, 6))
            plain.unlink()


def write_parquet(folder: Path, rows: int) -> None:
    """Write what an export of ten kiosks looks like."""
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    days = -(-rows // DAY_ROWS)
    for day in range(days):
        kiosk, date = day % KIOSKS, START[:10]
        shown = con.execute(f"SELECT (DATE '{date}' + {day})::VARCHAR").fetchall()[0][0]
        target = folder / f"device=kiosk-{kiosk}" / f"day={shown}"
        target.mkdir(parents=True, exist_ok=True)
        con.execute(
            f"COPY ({rows_sql(day, day + 1)}) "
            f"TO '{target / 'readings.parquet'}' (FORMAT parquet, COMPRESSION zstd)"
        )


def largest_memory(process: subprocess.Popen[bytes]) -> tuple[threading.Thread, list[int]]:
    """Watch a process and its children until it ends; the list holds the largest sum, bytes."""
    most = [0]

    def watch() -> None:
        try:
            top = psutil.Process(process.pid)
            while process.poll() is None:
                total = 0
                for one in (top, *top.children(recursive=True)):
                    try:
                        total += one.memory_full_info().pss
                    except (psutil.NoSuchProcess, psutil.AccessDenied):
                        continue
                most[0] = max(most[0], total)
                time.sleep(0.05)
        except psutil.NoSuchProcess:
            return

    thread = threading.Thread(target=watch)
    thread.start()
    return thread, most


def main() -> None:
    """Write the log, run the command, print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--parquet", action="store_true", help="Parquet of ten kiosks, not CSV")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    parser.add_argument("--keep", type=Path, help="put the log here and keep it")
    parser.add_argument("--times", type=int, default=1, help="runs; the least time of them counts")
    parser.add_argument("options", nargs="*", help="passed on to fer-report, after --")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.keep or Path(scratch) / "log"
        if not folder.exists():
            folder.mkdir(parents=True)
            (write_parquet if options.parquet else write_csv)(folder, options.rows)
        sizes = [p.stat().st_size for p in folder.rglob("*") if p.is_file()]
        command = [sys.executable, "-m", "fer_report.cli", str(folder), *options.options]
        walls, used, peaks = [], [], []
        for _ in range(options.times):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            begin = time.perf_counter()
            process = subprocess.Popen([*command, "-o", str(Path(scratch) / "report")])
            thread, most = largest_memory(process)
            code = process.wait()
            walls.append(time.perf_counter() - begin)
            thread.join()
            if code:
                sys.exit(code)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            used.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
            peaks.append(most[0])
        page = (Path(scratch) / "report" / "index.html").stat().st_size
    figures = {
        "rows": options.rows,
        "format": "parquet" if options.parquet else "csv",
        "files": len(sizes),
        "log_mb": round(sum(sizes) / 1e6, 1),
        "times": options.times,
        "wall_s": round(min(walls), 2),
        "cpu_s": round(min(used), 2),
        "peak_pss_mb": round(max(peaks) / 2**20, 1),
        "page_mb": round(page / 1e6, 2),
        "cpus": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
    }
    print(json.dumps(figures, indent=1))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
