"""Readings as Parquet, partitioned by device and day, as the report and other programs read it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any, Final

from fer_runtime.errors import DataError, OutputError
from fer_runtime.labels import EMOTIONS

from ..data.csv_logs import BOX
from ..data.parts import quoted

_ROWS: Final = f"""
SELECT run, to_timestamp(utc_ms / 1000.0) AS timestamp, offset_min AS utc_offset_min, elapsed_s,
  frame, face_id, emotion::VARCHAR AS emotion, confidence,
  {", ".join(f"p_{e}" for e in EMOTIONS)}, {", ".join(BOX)}, model, device,
  strftime(make_timestamp((utc_ms + offset_min * 60000) * 1000), '%Y-%m-%d') AS day
FROM readings WHERE {{where}} ORDER BY device, day, run, elapsed_s, face_id"""


def export_parquet(con: Any, errors: type[Exception], folder: Path, where: str) -> int:
    """Write ``device=NAME/day=YYYY-MM-DD/readings_0.parquet`` below a folder; return the rows.

    Days are the kiosk's own. The files are written beside the folder first and moved when all are
    whole; a day that was there is replaced.

    Raises
    ------
    DataError
        If there is no row to write.
    OutputError
        If they cannot be written.
    """
    part = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    query = _ROWS.format(where=where)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        rows = con.execute(
            f"COPY ({query}) TO {quoted(str(part))} (FORMAT parquet, COMPRESSION zstd, "
            "PARTITION_BY (device, day), FILENAME_PATTERN 'readings_{i}')"
        ).fetchone()[0]
        if not rows:
            raise DataError("expected rows to export, received none", "change --since and --until")
        for day in sorted(part.glob("device=*/day=*")):
            target = folder / day.relative_to(part)
            target.parent.mkdir(parents=True, exist_ok=True)
            if target.exists():
                shutil.rmtree(target)
            os.replace(day, target)
    except (OSError, errors) as error:
        reason = str(error).strip().splitlines()[0][:200]
        raise OutputError(
            f"folder {folder}: cannot be written: {reason}", "free some space or give another -o"
        ) from None
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return int(rows)
