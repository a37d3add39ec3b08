"""Logs read and counted the way ``fer-report`` does, for tests of its parts."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from fer_report.busy import Busy
from fer_report.compute import between, compute, span
from fer_report.data.csv_logs import load
from fer_report.data.engine import DuckEngine
from fer_report.data.paths import find_logs
from fer_report.data.repair import FileNotes
from fer_report.job import Source, open_logs
from fer_report.numbers import Report


@contextmanager
def opened(*paths: Path, url: str | None = None) -> Iterator[Source]:
    with open_logs(paths, url, Busy(1)) as source:
        yield source


def report_of(
    *paths: Path,
    since: datetime | None = None,
    until: datetime | None = None,
    url: str | None = None,
) -> Report:
    with opened(*paths, url=url) as source:
        found = span(source.engine)
        report = compute(source.engine, between(found.where, since, until))
        assert report is not None
        return report


def rows_of(*paths: Path) -> tuple[list[dict[str, Any]], list[FileNotes], int]:
    """The readings as they lie in the engine, notes, and how many were there twice."""
    with tempfile.TemporaryDirectory() as folder:
        engine = DuckEngine(Path(folder))
        notes, twice = load(engine.con, find_logs(paths), Path(folder), threads=1)
        found = engine.con.execute("SELECT * FROM readings ORDER BY utc_ms, face_id")
        names = [column[0] for column in found.description]
        rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
        engine.close()
        return rows, notes, twice
