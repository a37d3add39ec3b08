"""Spool files to Parquet, with DuckDB: columns, partitions, no record twice."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from fer_runtime.errors import ConfigError, DataError, FerError, OutputError
from fer_runtime.labels import EMOTIONS, LABELS

from .disk import sync

_SEVEN: Final = "STRUCT(" + ", ".join(f"{name} DOUBLE" for name in EMOTIONS) + ")"
_EIGHT: Final = "STRUCT(" + ", ".join(f"{n} DOUBLE" for n in LABELS) + ")"

FIELDS: Final[dict[str, dict[str, str]]] = {
    "reading": {
        "device": "VARCHAR", "run": "VARCHAR", "number": "BIGINT", "timestamp": "VARCHAR",
        "elapsed_s": "DOUBLE", "frame": "BIGINT", "face_id": "BIGINT", "emotion": "VARCHAR",
        "confidence": "DOUBLE",
        "probabilities": _SEVEN, "box": "BIGINT[]", "detection_score": "DOUBLE",
        "model": "VARCHAR", "valence": "DOUBLE",
    },
    "visit": {
        "device": "VARCHAR", "run": "VARCHAR", "event": "VARCHAR", "face_id": "BIGINT",
        "begin": "VARCHAR", "end": "VARCHAR", "seconds": "DOUBLE", "emotion_seconds": _EIGHT,
        "emotion": "VARCHAR", "valence": "DOUBLE", "largest_face": "DOUBLE",
    },
    "minute": {
        "device": "VARCHAR", "run": "VARCHAR", "minute": "VARCHAR", "seconds_watched": "DOUBLE",
        "seconds_away": "DOUBLE", "people_max": "BIGINT", "visits_begun": "BIGINT",
        "visits_ended": "BIGINT", "face_seconds": "DOUBLE", "emotion_seconds": _EIGHT,
        "valence": "DOUBLE",
    },
}  # fmt: skip
"""Fields of each record that are kept, as docs/schema has them."""

TIME: Final = {"reading": "timestamp", "visit": "begin", "minute": "minute"}
"""What tells the day of each."""
_KEY: Final = {
    "reading": "device, run, number",
    "visit": 'device, run, face_id, event, "end"',
    "minute": "device, run, minute, seconds_watched, seconds_away",
}

MEMORY: Final = "512MB"
"""What DuckDB may take; it goes to the disk beyond that."""


def duckdb() -> Any:
    """Return the package, ConfigError where it is not installed."""
    try:
        import duckdb
    except ImportError:
        raise ConfigError(
            "fer-collect needs duckdb", "run: pip install 'fer-edge[collect]'"
        ) from None
    return duckdb


def write_parquet(spool: Path, out: Path, name: str) -> int:
    """Turn one spool file into ``KIND/device=D/day=YYYY-MM-DD/NAME.parquet`` files.

    The files are made beside `out` and moved into place; a second call with the same spool and
    name replaces them by the same. The day is the kiosk's own, as its timestamps state it.

    Parameters
    ----------
    spool
        JSON lines with ``kind``, each whole.
    out
        Folder of the archive.
    name
        Distinct for each spool file of each collector.

    Returns
    -------
    Records written.

    Raises
    ------
    DataError
        If the spool cannot be read.
    OutputError
        If the archive cannot be written.
    """
    work = out / f".work-{name}"
    total = 0
    try:
        # What a killed one left under this name is made anew.
        shutil.rmtree(work, ignore_errors=True)
        with open_engine(work) as db:
            for kind in FIELDS:
                total += int(db.execute(_copy(kind, spool, work)).fetchone()[0])
        folders = set()
        for made in sorted(work.glob("*/*/*/*.parquet")):
            target = out / made.parent.relative_to(work) / f"{name}.parquet"
            target.parent.mkdir(parents=True, exist_ok=True)
            sync(made)
            os.replace(made, target)
            folders |= {target.parent, target.parent.parent, target.parent.parent.parent}
        # The spool goes next: the names must be on the disk before.
        for folder in sorted(folders):
            sync(folder)
    except OSError as error:
        raise OutputError(f"archive {out}: cannot be written: {error.strerror}") from None
    except duckdb().Error as error:
        raise plain_error(error, out, f"spool {spool}") from None
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return total


@contextmanager
def open_engine(work: Path) -> Iterator[Any]:
    """Yield a connection that keeps what does not fit into memory in `work`, which it makes."""
    work.mkdir(parents=True, exist_ok=True)
    with duckdb().connect(config={"threads": 2, "memory_limit": MEMORY}) as db:
        db.execute(f"SET temp_directory = {_text(work / 'tmp')}")
        yield db


def plain_error(error: Exception, out: Path, what: str) -> FerError:
    """Return an error of DuckDB as one of ours.

    Either `what`, a word and a path, is broken, or there is no room for the archive `out`.
    """
    text = str(error).splitlines()[0]
    content = isinstance(error, duckdb().DataError | duckdb().ProgrammingError)
    # Of the system's errors those are its own that name it.
    if content or what.partition(" ")[2] in text:
        return DataError(f"{what}: cannot be read: {text}", "repair it or move it away")
    return OutputError(f"archive {out}: cannot be written: {text}")


def merge_query(kind: str, files: Sequence[Path], made: Path) -> str:
    """Return the query that writes the records of `files`, all of one device and day, into one."""
    listed = ", ".join(_text(file) for file in files)
    key = _KEY[kind].removeprefix("device, ")  # in the folder's name, not in the files
    return f"""
        COPY (
            SELECT * FROM (
                SELECT DISTINCT ON ({key}) * FROM read_parquet(
                    [{listed}], union_by_name = true, hive_partitioning = false)
            )
            ORDER BY {_name(TIME[kind])}, {key}
        ) TO {_text(made)} (FORMAT parquet, COMPRESSION zstd)
    """


def _copy(kind: str, spool: Path, work: Path) -> str:
    fields = {"kind": "VARCHAR", **FIELDS[kind]}
    columns = ", ".join(f"{_name(n)}: {_text(t)}" for n, t in fields.items())
    shown = ", ".join(_shown(kind, n) for n in FIELDS[kind])
    time = _name(TIME[kind])
    # One thread a partition writer: one file per partition.
    return f"""
        COPY (
            SELECT {shown}, {time}[:10] AS day
            FROM (
                SELECT DISTINCT ON ({_KEY[kind]}) *
                FROM read_json({_text(spool)}, format = 'newline_delimited',
                               columns = {{{columns}}}, maximum_object_size = 1048576)
                WHERE kind = {_text(kind)}
            )
            ORDER BY device, day, {time}
        ) TO {_text(work / kind)} (
            FORMAT parquet, COMPRESSION zstd, PARTITION_BY (device, day),
            FILENAME_PATTERN 'part_{{i}}', WRITE_PARTITION_COLUMNS false
        )
    """


def _shown(kind: str, name: str) -> str:
    if name == "probabilities":
        return ", ".join(f"probabilities.{e} AS p_{e}" for e in EMOTIONS)
    if name == "emotion_seconds":
        return ", ".join(f"emotion_seconds.{e} AS s_{e}" for e in LABELS)
    if name == "box":
        return ", ".join(f"box[{i}] AS {n}" for i, n in enumerate("xywh", 1))
    if name in ("timestamp", "begin", "end", "minute"):
        instant = f"CAST({_name(name)} AS TIMESTAMPTZ)"
        shown = f"{instant} AS {_name(name)}"
        if name != TIME[kind]:
            return shown
        # The kiosk's own hour is wanted too: the instant alone does not tell it.
        local = f"CAST({_name(name)}[:19] AS TIMESTAMP)"
        utc = f"date_trunc('second', {instant}) AT TIME ZONE 'UTC'"
        return f"{shown}, CAST(date_diff('minute', {utc}, {local}) AS SMALLINT) AS utc_offset_min"
    return _name(name)


def _name(name: str) -> str:
    return f'"{name}"'


def _text(value: object) -> str:
    return "'" + str(value).replace("'", "''") + "'"
