"""From paths to a report: read, count, draw, write."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import numpy as np

from fer_runtime.errors import DataError, UsageError
from fer_runtime.labels import EMOTIONS

from .busy import Busy
from .compute import Span, between, compute, models, queries, span
from .data.clips import clip_of
from .data.csv_logs import load
from .data.engine import DuckEngine, Engine, IbisEngine, Unreadable
from .data.impossible import impossible
from .data.kinds import READINGS, chosen
from .data.paths import are_parquet, find_logs
from .data.repair import FileNotes
from .numbers import Report, as_datetime, as_dict


@dataclass(frozen=True)
class Source:
    """The readings of logs in an engine that computes."""

    engine: Engine
    notes: list[FileNotes]
    duplicates: int = 0
    models: list[str] = field(default_factory=list)


def pick(paths: Sequence[Path]) -> tuple[str, list[Path]]:
    """Return the kind of records that counts, and their files; say which others do not."""
    kind, files, left_out = chosen(find_logs(paths))
    if left_out:
        count = f"{len(left_out)} file" + "s" * (len(left_out) > 1)
        click.echo(
            f"fer-report: {kind} are counted; {count} of other kinds, which tell the same time "
            f"again, left out ({left_out[0]}{' …' if len(left_out) > 1 else ''}): give them alone",
            err=True,
        )
    return kind, files


@contextmanager
def open_logs(
    paths: Sequence[Path],
    url: str | None,
    busy: Busy,
    box: bool = False,
    by_folder: bool = False,
    device: str = "",
    reports: int = 0,
) -> Iterator[Source]:
    """Make the readings of logs ready.

    Parameters
    ----------
    paths
        CSV logs, their folders, or Parquet and its folders.
    url
        Of an engine that computes instead of the embedded one; Parquet only.
    busy
        Is told what is done.
    box
        Whether the columns of a face's box are wanted (`data.csv_logs.BOX`).
    by_folder
        Whether each path is a device of its own, named after it.
    device
        Name of the device otherwise, since CSV does not say; if empty that of the clip, if any.
    reports
        How often `count` will be called; `busy` is told of each query then.

    Raises
    ------
    DataError, ConfigError, OutputError
        If the logs cannot be read, or the engine not used.
    """
    kind, files = pick(paths)
    if kind != READINGS:
        raise DataError(
            f"expected readings, received {kind} only ({files[0]})",
            "export, --compare and --engine need the log that csv.path names",
        )
    parquet = are_parquet(files)
    if url and not parquet:
        raise UsageError(
            f"--engine {url}: expected Parquet, received {files[0]}",
            "first: fer-report export --to parquet",
        )
    busy.steps += (1 if parquet else len(files)) + reports * queries(1)
    with tempfile.TemporaryDirectory(prefix="fer-report-") as folder:
        engine: Engine
        if url:
            engine = IbisEngine(url)
        else:
            engine = duck = DuckEngine(Path(folder))
        try:
            if parquet:
                busy.doing = "parquet"
                engine.read_parquet(files)
                busy.steps += reports * (queries(len(engine.parts)) - queries(1))
                found = models(engine)
                busy.step("sql")
                engine.ran = busy.step if reports else _nothing
                yield Source(engine, [FileNotes(f) for f in files], 0, found)
                return
            clips = [clip_of(file) for file in files]
            devices = _devices(paths, files) if by_folder else [device or clip for clip in clips]
            notes, duplicates = load(
                duck.con, files, Path(folder), box, duck.threads, devices, clips,
                lambda: busy.step("csv"),
            )  # fmt: skip
            found = models(engine)
            busy.doing = "sql"
            engine.ran = busy.step if reports else _nothing
            yield Source(engine, notes, duplicates, found)
        finally:
            engine.close()


def _nothing() -> None:
    """Nobody waits for a step."""


def _devices(paths: Sequence[Path], files: Sequence[Path]) -> list[str]:
    """Return the name of each file's device: that of the path it was found by."""
    owner: dict[Path, str] = {}
    for path in paths:
        for file in find_logs([path]):
            owner.setdefault(file.resolve(), path.resolve().name)
    return [owner[f.resolve()] for f in files]


def count(
    source: Source, since: datetime | None, until: datetime | None, gap_s: float,
    device: str | None = None,
) -> tuple[Report, Span]:  # fmt: skip
    """Compute the figures of the rows in ``since <= time < until``, of one device or all.

    Raises
    ------
    DataError
        If there is no such row, or the figures fail on values that no log has.
    """
    try:
        return _count(source, since, until, gap_s, device)
    except (ArithmeticError, LookupError, TypeError, ValueError, Unreadable):
        error = impossible(source.engine)
        if error is None:
            raise
        raise error from None


def _count(
    source: Source, since: datetime | None, until: datetime | None, gap_s: float, device: str | None
) -> tuple[Report, Span]:
    found = span(source.engine, device)
    if device is not None and not found.rows:
        there = source.engine.columns("SELECT DISTINCT device FROM readings")["device"]
        raise DataError(
            f"expected rows of device {device}, received those of "
            f"{', '.join(sorted(repr(str(d)) for d in there)[:9])} only",
            "name one of these, or a period such as 2026-03-01/2026-03-08",
        )
    report = compute(source.engine, between(found.where, since, until), gap_s)
    if report is None:
        limits = [f"{name} {when.isoformat()}" for name, when in (("since", since),
                  ("until", until)) if when]  # fmt: skip
        first, last = (
            as_datetime(*end).isoformat(timespec="minutes") for end in (found.first, found.last)
        )
        raise DataError(
            f"expected rows {' '.join(limits) or 'with a date after 2020'}, "
            f"received rows from {first} to {last} only",
            "change --since and --until",
        )
    # What is to be written of them later, so that it fails here.
    ends = [as_datetime(*end) for end in (report.first, report.last)]
    claimed = report.label_s[: len(EMOTIONS)].sum() > 0
    means = np.asarray([*report.mean_probability, report.mean_confidence if claimed else 0.0])
    if not ((means >= 0) & (means <= 1.001)).all() or ends[1].year >= 2100:  # NaN is neither
        raise ValueError("figures that cannot be")
    return report, found


def numbers(report: Report, source: Source, undated: int) -> dict[str, Any]:
    """Return everything that ``numbers.json`` holds."""
    return (
        {"kind": READINGS}
        | as_dict(report)
        | {
            "models": source.models,
            "duplicate_rows": source.duplicates,
            "undated_rows": undated,
            "files": file_notes(source.notes),
        }
    )


def file_notes(notes: Sequence[FileNotes]) -> list[dict[str, Any]]:
    """Return what was found in each file, for JSON."""
    return [
        {"path": str(n.path), "rows": n.rows, "bad_rows": n.bad_rows, "damaged": n.damaged}
        for n in notes
    ]


def to_json(values: dict[str, Any]) -> str:
    """Return plain values as JSON for people."""
    return json.dumps(values, ensure_ascii=False, indent=1)
