"""Visits and minutes into the table ``records`` of DuckDB, from CSV or the Parquet of a fleet."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from fer_runtime.errors import DataError
from fer_runtime.labels import LABELS

from .csv_logs import LATEST_MS
from .engine import DuckEngine, parquet_source
from .kinds import TABLES
from .paths import unreadable
from .repair import FileNotes, header_of, nothing_left, whole, without_half_quotes

_SECONDS: Final = tuple(f"s_{label}" for label in LABELS)
_BEGIN: Final = {"visits": "begin", "minutes": "minute"}
_COUNTS: Final = {
    "visits": ("face_id",),
    "minutes": ("seconds_watched", "seconds_away", "people_max", "visits_begun"),
}
"""Columns of a kind that are numbers, beside the seconds by label."""
_MOST_S: Final = 1e9
"""No number of a record is larger; a damaged digit must not be believed."""


def load(
    engine: DuckEngine,
    kind: str,
    files: Sequence[Path],
    scratch: Path,
    done: Callable[[], None] = lambda: None,
) -> tuple[list[FileNotes], int]:
    """Read records of one kind into ``records``.

    Its columns: ``device, run, utc_ms, offset_min, end_ms`` (of a minute a minute later), the
    numbers of the kind, ``s_angry`` … ``s_uncertain``. A visit that is told several times (in
    copies of a file, or by its events in an archive) counts with its last state.

    Parameters
    ----------
    engine
        Computes.
    kind
        ``visits`` or ``minutes``.
    files
        CSV or Parquet, all of this kind.
    scratch
        Folder for unpacked copies.
    done
        Called after each file of CSV.

    Returns
    -------
    notes
        One entry per file.
    duplicates
        Rows of CSV that were there more than once.

    Raises
    ------
    DataError
        If a file cannot be read, or none holds a record.
    """
    numbers = (*_COUNTS[kind], *_SECONDS)
    columns = ", ".join(f"{n} DOUBLE" for n in numbers)
    engine.con.execute(
        "CREATE TABLE told (device VARCHAR, run VARCHAR, utc_ms BIGINT, offset_min SMALLINT, "
        f"end_ms BIGINT, {columns})"
    )
    notes = [FileNotes(path) for path in files]
    parquet = files[0].suffix == ".parquet"
    if parquet:
        _parquet(engine, kind, files, numbers)
    else:
        for note in notes:
            try:
                with tempfile.TemporaryDirectory(dir=scratch) as folder:
                    _csv(engine, kind, note, numbers, Path(folder))
            except OSError as error:
                raise unreadable(note.path, error) from None
            done()
    if kind == "visits":
        # Of several states of one visit the longest is the last.
        total = " + ".join(_SECONDS)
        engine.keep("records", "SELECT DISTINCT ON (device, run, face_id, utc_ms) * FROM told "
                    f"ORDER BY device, run, face_id, utc_ms, {total} DESC")  # fmt: skip
    else:
        engine.keep("records", "SELECT DISTINCT * FROM told")
    told, kept = (
        int(engine.columns(f"SELECT count(*) AS n FROM {t}")["n"][0]) for t in ("told", "records")
    )
    if not kept:
        raise DataError(
            f"expected at least one row of {kind}, received none in {len(files)} file(s)",
            "a visit is written when it ends, a minute when it is over",
        )
    return notes, 0 if parquet else told - kept


def _parquet(engine: DuckEngine, kind: str, files: Sequence[Path], numbers: Sequence[str]) -> None:
    begin = _BEGIN[kind]
    end = f'epoch_ms("end"), {", ".join(numbers)}'
    if kind == "minutes":
        end = f"epoch_ms({begin}) + 60000, {', '.join(numbers)}"
    engine.columns(
        f"INSERT INTO told SELECT CAST(device AS VARCHAR), run, epoch_ms({begin}), "
        f"utc_offset_min, {end} FROM {parquet_source(map(str, files))}"
    )


def _csv(
    engine: DuckEngine, kind: str, note: FileNotes, numbers: Sequence[str], scratch: Path
) -> None:
    if nothing_left(note.path, note):
        return
    line = header_of(note.path)
    plain = whole(note.path, scratch / "log.csv", note)
    con = engine.con
    query = _select(kind, next(csv.reader([line])), numbers)
    torn = 0
    while True:
        con.execute(f"CREATE OR REPLACE TEMP TABLE read AS {query}", [str(plain)])
        unclosed, rejected = con.execute(
            "SELECT count(*) FILTER (error_type = 'UNQUOTED VALUE'), count(DISTINCT line) FILTER "
            "(NOT starts_with(ltrim(csv_line, chr(10) || chr(13)), ?)) FROM bad_lines", [line],
        ).fetchone()  # fmt: skip
        con.execute("DROP TABLE bad_lines; DROP TABLE bad_scans")
        if not unclosed:
            break
        plain, halves = without_half_quotes(plain, scratch)
        torn += halves
    con.execute("INSERT INTO told SELECT * EXCLUDE (valid) FROM read WHERE valid")
    found: tuple[Any, ...] = con.execute(
        "SELECT count(*) FILTER (valid), count(*) FILTER (NOT valid) FROM read"
    ).fetchone()
    note.rows = found[0]
    note.bad_rows += found[1] + rejected + torn


def _select(kind: str, names: Sequence[str], numbers: Sequence[str]) -> str:
    """Return the query that reads one file; every column comes as text."""
    known = TABLES[kind].columns
    kinds = ", ".join(f"'{n if n in known else f'column{i}'}': 'VARCHAR'"
                      for i, n in enumerate(names))  # fmt: skip
    begin = _BEGIN[kind]
    end = 'epoch_ms(try_cast("end" AS TIMESTAMPTZ))'
    if kind == "minutes":
        end = f"epoch_ms(try_cast({begin} AS TIMESTAMPTZ)) + 60000"
    cast = ", ".join(f"try_cast({n} AS DOUBLE) AS {n}" for n in numbers)
    in_range = " AND ".join(f"{n} BETWEEN 0 AND {_MOST_S:.0f}" for n in numbers)
    # A time without an offset at its end names no instant.
    return f"""
    WITH read AS (
      SELECT device, run,
        CASE WHEN right({begin}, 6)[1] IN ('+', '-') AND right({begin}, 3)[1] = ':'
          THEN epoch_ms(try_cast({begin} AS TIMESTAMPTZ)) END AS utc_ms,
        CASE right({begin}, 6)[1] WHEN '-' THEN -1 ELSE 1 END * (
          60 * try_cast(right({begin}, 5)[:2] AS SMALLINT)
          + try_cast(right({begin}, 2) AS SMALLINT)) AS offset_min,
        {end} AS end_ms, {cast}
      FROM read_csv(?, header = true, auto_detect = false, delim = ',', quote = '"',
        escape = '"', columns = {{{kinds}}}, compression = 'none', store_rejects = true,
        rejects_table = 'bad_lines', rejects_scan = 'bad_scans', rejects_limit = 0)
    )
    SELECT *, coalesce(utc_ms BETWEEN 0 AND {LATEST_MS} AND offset_min BETWEEN -1080 AND 1080
      AND end_ms BETWEEN utc_ms AND {LATEST_MS} AND device IS NOT NULL AND run IS NOT NULL
      AND {in_range}, false) AS valid
    FROM read"""
