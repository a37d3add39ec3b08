"""A day of a fleet in the archive: what a query takes, before its files are compacted and after.

::

    python benchmarks/fleet_query.py                      # 500 kiosks, 24 files each
    python benchmarks/fleet_query.py --kiosks 50 --rows 1000

Each kiosk has a face in view for a quarter of twelve hours, a reading a second: 10,800 rows of
random numbers, as many digits as real ones. The question: valence and share of smiles by kiosk and
hour, of the whole fleet and of one kiosk. Times are medians of five, files in the page cache; wall
time and that of the processor. Ends with 1 where compacting changes an answer.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import duckdb

from fer_archive.compact import compact
from fer_runtime.labels import EMOTIONS
from machine import describe, load

DAY = "2026-03-02"
TIMES = 5


def main() -> int:
    """Make the day, ask, compact, ask again; return the exit code."""
    parser = argparse.ArgumentParser(description="Queries on a day of a fleet.")
    parser.add_argument("--kiosks", type=int, default=500)
    parser.add_argument("--rows", type=int, default=10_800, help="readings of each kiosk")
    parser.add_argument("--files", type=int, default=24, help="rolls of the day, all collectors")
    options = parser.parse_args()
    machine = describe()
    with tempfile.TemporaryDirectory(prefix="fleet-") as name:
        out = Path(name)
        _write(out, options.kiosks, options.rows, options.files)
        _told("small files", out)
        whole, one = _ask(out)
        compacting = _timed(lambda: compact(out, datetime(2100, 1, 1, tzinfo=timezone.utc)))
        print(f"compacted      {_seconds(*compacting[1:])}")
        _told("one a day", out)
        after = _ask(out)
        print(f"machine        {machine['cpu']}, {machine['cores']} cores, load "
              f"{machine['load_before']} before and {load()} after")  # fmt: skip
    return int(after != (whole, one))


def _write(out: Path, kiosks: int, rows: int, files: int) -> None:
    names = ", ".join(f"'{e}'" for e in EMOTIONS)
    seven = ", ".join(f"round(random(), 4) AS p_{e}" for e in EMOTIONS)
    each = rows // files
    with duckdb.connect(config={"threads": 2}) as con:
        con.execute("SELECT setseed(0.5)")
        for number in range(files):
            con.execute(f"""
                COPY (
                    SELECT 'kiosk-' || lpad(k::VARCHAR, 5, '0') AS device, '{DAY}' AS day,
                        '3f2a91c07be4' AS run, n AS number,
                        TIMESTAMPTZ '{DAY} 08:00:00+01' + to_milliseconds(n * 4000 + k)
                            AS timestamp,
                        CAST(60 AS SMALLINT) AS utc_offset_min, n * 4 + 0.123 AS elapsed_s,
                        n * 60 AS frame, n // 30 AS face_id,
                        [{names}][1 + CAST(floor(random() * 7) AS INT)] AS emotion,
                        round(random(), 4) AS confidence, {seven},
                        CAST(random() * 600 AS BIGINT) AS x, CAST(random() * 400 AS BIGINT) AS y,
                        CAST(random() * 200 AS BIGINT) AS w, CAST(random() * 200 AS BIGINT) AS h,
                        round(random(), 3) AS detection_score, 'blend' AS model,
                        round(random() * 2 - 1, 4) AS valence
                    FROM range({number * each}, {(number + 1) * each}) r(n), range({kiosks}) s(k)
                    ORDER BY k, n
                ) TO '{out}/reading' (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (device, day),
                    FILENAME_PATTERN 'a-{number:010}-{{i}}', OVERWRITE_OR_IGNORE,
                    WRITE_PARTITION_COLUMNS false)
            """)  # fmt: skip


def _told(what: str, out: Path) -> None:
    sizes = [file.stat().st_size for file in out.glob("reading/*/*/*.parquet")]
    ((rows,),) = duckdb.sql(f"SELECT count(*) FROM '{out}/reading/*/*/*.parquet'").fetchall()
    print(f"{what:14} {len(sizes):,} files, {rows:,} readings, {sum(sizes) / 1e6:.0f} MB, "
          f"{sum(sizes) / rows:.0f} bytes a reading")  # fmt: skip


def _ask(out: Path) -> tuple[Any, Any]:
    answers = []
    for what, where in (("whole fleet", "*"), ("one kiosk", "device=kiosk-00007")):
        query = f"""
            SELECT device, hour(timestamp AT TIME ZONE 'UTC' + to_minutes(utc_offset_min)) AS hour,
                count(*) AS rows, round(avg(valence), 6), avg((emotion = 'happy')::INT)
            FROM read_parquet('{out}/reading/{where}/day={DAY}/*.parquet', hive_partitioning = true)
            GROUP BY ALL ORDER BY ALL
        """
        runs = [_timed(lambda query=query: _query(query)) for _ in range(TIMES)]
        answers.append(runs[0][0])
        wall, cpu = (statistics.median(run[i] for run in runs) for i in (1, 2))
        print(f"  {what:12} {_seconds(wall, cpu)}")
    return answers[0], answers[1]


def _query(query: str) -> list[Any]:
    with duckdb.connect(config={"threads": 2}) as con:
        return con.execute(query).fetchall()


def _timed(work: Callable[[], Any]) -> tuple[Any, float, float]:
    began, used = time.monotonic(), time.process_time()
    answer = work()
    return answer, time.monotonic() - began, time.process_time() - used


def _seconds(wall: float, cpu: float) -> str:
    return f"{wall:.2f} s, processor {cpu:.2f} s"


if __name__ == "__main__":
    sys.exit(main())
