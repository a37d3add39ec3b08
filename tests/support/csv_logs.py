"""A CSV log as the tests write and read it."""

from __future__ import annotations

import csv
from datetime import datetime, timedelta
from pathlib import Path

from readings import NOON, in_frame, reading

from fer_runtime.out.csv.log import CsvLog
from fer_runtime.out.csv.row import READINGS, Table, format_row
from fer_runtime.settings.out import CsvSettings

DAY = timedelta(days=1)


def settings(path: Path | str, **changes: object) -> CsvSettings:
    values = {"interval_s": 0.0, "gzip": False} | changes
    return CsvSettings(path=str(path), **values)  # type: ignore[arg-type]


def opened(path: Path, **changes: object) -> CsvLog:
    log = CsvLog(settings(path, **changes))
    log.open()
    return log


def put(log: CsvLog, frame: int, *faces: int, wall: datetime | None = None) -> int:
    """Write frame number `frame` of a ten-a-second run."""
    now = frame / 10
    wall = wall or NOON + timedelta(seconds=now)
    return log.write(in_frame([reading(frame, f) for f in faces], 1000.0 + now, wall, now))


def rows(path: Path, table: Table = READINGS) -> list[dict[str, str]]:
    data = path.read_bytes()
    assert data.startswith(table.header) and data.endswith(b"\n") and b"\0" not in data
    found = list(csv.DictReader(data.decode().splitlines()))
    assert all(None not in row and None not in row.values() for row in found)
    return found


def frames(path: Path) -> list[int]:
    return [int(row["frame"]) for row in rows(path)]


def all_frames(paths: list[Path]) -> list[int]:
    return [frame for path in paths for frame in frames(path)]


def good_row(frame: int) -> bytes:
    return format_row(reading(frame), NOON, frame / 10)
