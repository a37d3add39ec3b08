"""CSV logs into a table of DuckDB: many files, rotated, gzipped, torn, old and new columns.

A bad row is dropped and counted (DuckDB's rejects tables name them), never a reason to give up
the others; a file that is no log at all is an error.
"""

from __future__ import annotations

import csv
import itertools
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from fer_runtime.errors import DataError
from fer_runtime.labels import EMOTIONS, LABELS

from .paths import unreadable
from .repair import FileNotes, header_of, nothing_left, whole, without_half_quotes
from .runs import number_runs

NEEDED: Final = (
    "timestamp", "elapsed_s", "frame", "face_id", "emotion", "confidence",
    *(f"p_{e}" for e in EMOTIONS), "model",
)  # fmt: skip
"""Columns without which a file is no log; others may be there or not, in any order."""

BOX: Final = ("x", "y", "w", "h", "detection_score", "valence")
"""Further columns that `load` reads when asked; NULL where a log has none."""

LATEST_MS: Final = 4_102_444_800_000
"""2100-01-01 UTC. A damaged digit must not stretch a page over centuries."""
FACE_LIMIT: Final = 1 << 32
"""No run counts as many faces."""

_DAY_MIN: Final = 24 * 60
"""No offset from UTC is as large."""
_TEXTS: Final = ("timestamp", "emotion", "model")
_SAME_ORIGIN_S: Final = 1.0
"""Times of beginning this close are one run's: stamps have milliseconds, and a service that
has restarted within a second is not plausible."""
_STEP_S: Final = 5.0
"""A larger change of it while elapsed time goes on is a restart or a set clock; it is the
latter where rows are this close in elapsed time and the frame number goes on."""


def load(
    con: Any,
    files: Sequence[Path],
    scratch: Path,
    box: bool = False,
    threads: int = 2,
    devices: Sequence[str] = (),
    clips: Sequence[str] = (),
    done: Callable[[], None] = lambda: None,
) -> tuple[list[FileNotes], int]:
    """Read logs into the table ``readings``.

    Parameters
    ----------
    con
        Connection of DuckDB.
    files
        The logs.
    scratch
        Folder for unpacked copies.
    box
        Whether the columns of `BOX` come too.
    threads
        Files read at once.
    devices
        The kiosk of each file; one for all if empty, since a log does not say.
    clips
        The clip of each file, empty where it is none: each has runs of its own.
    done
        Called after each file.

    Returns
    -------
    notes
        One entry per file.
    duplicates
        Rows that more than one file has, counted once each and dropped.

    Raises
    ------
    DataError
        If a file cannot be read or is not a log of ours, or if no file holds a row.
    """
    columns = "utc_ms BIGINT, offset_min SMALLINT, elapsed_s DOUBLE, frame BIGINT, "
    columns += "face_id UINTEGER, emotion label, confidence FLOAT, "
    columns += ", ".join(f"p_{e} FLOAT" for e in EMOTIONS) + ", model VARCHAR"
    if box:
        columns += ", " + ", ".join(f"{name} DOUBLE" for name in BOX)
    labels = ", ".join(f"'{label}'" for label in LABELS)
    con.execute(f"CREATE TYPE label AS ENUM ({labels})")
    zones = ", ".join(f"'{_zone(minutes)}'" for minutes in range(1 - _DAY_MIN, _DAY_MIN))
    con.execute(f"CREATE TYPE zone AS ENUM ({zones})")
    con.execute(f"CREATE TABLE raw (file INTEGER, piece INTEGER, in_order BOOLEAN, {columns})")
    notes = [FileNotes(path) for path in files]
    headers = [_header(note) for note in notes]

    def read(number: int) -> None:
        note = notes[number]
        try:
            with tempfile.TemporaryDirectory(dir=scratch) as folder:
                plain = whole(note.path, Path(folder) / "log.csv", note)
                _read(con.cursor(), plain, headers[number], note, number, box, Path(folder))
        except OSError as error:
            raise unreadable(note.path, error) from None
        done()

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(read, (i for i, names in enumerate(headers) if names)))
    if not sum(note.rows for note in notes):
        raise DataError(
            f"expected at least one row of readings, received none in {len(notes)} file(s)",
            "the service writes a row only while it sees a face",
        )
    return notes, number_runs(con, devices or [""] * len(files), clips)


def _zone(minutes: int) -> str:
    """Return an offset from UTC as a time writes it."""
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


def _header(note: FileNotes) -> list[str]:
    """Return the names of a log's columns; empty where nothing is left of the file."""
    path = note.path
    try:
        if nothing_left(path, note):
            return []
        line = header_of(path)
    except OSError as error:
        raise unreadable(path, error) from None
    names = next(csv.reader([line]), [])
    missing = [c for c in NEEDED if c not in names]
    if missing:
        shown = "".join(c if c.isprintable() else "?" for c in ",".join(names)[:60])
        raise DataError(
            f"log {path}: expected a header with {', '.join(missing[:4])}"
            f"{' …' if len(missing) > 4 else ''}, received '{shown}'",
            "give a CSV written by fer-runtime --csv, unchanged by a spreadsheet",
        )
    return names


def _read(
    cursor: Any,
    plain: Path,
    names: list[str],
    note: FileNotes,
    number: int,
    box: bool,
    scratch: Path,
) -> None:
    """Read one file; again where the quick way meets rows that cannot be."""
    torn = note.bad_rows
    only_valid, invalid = False, 0
    while True:
        cursor.execute(f"INSERT INTO raw {_select(names, number, box, only_valid)}", [str(plain)])
        unclosed, rejected = cursor.execute(
            "SELECT count(*) FILTER (error_type = 'UNQUOTED VALUE'), count(DISTINCT line) FILTER "
            "(NOT starts_with(ltrim(csv_line, chr(10) || chr(13)), ?)) FROM bad_lines",
            [",".join(names)],
        ).fetchone()
        cursor.execute("DROP TABLE bad_lines; DROP TABLE bad_scans")
        rows, bad = cursor.execute(
            "SELECT count(*), count(*) FILTER (piece IS NULL) FROM raw WHERE file = ?", [number]
        ).fetchone()
        if unclosed:
            # A quote without its end has swallowed what follows it.
            plain, halves = without_half_quotes(plain, scratch)
            torn += halves
        elif bad:
            only_valid, invalid = True, bad
        else:
            break
        cursor.execute("DELETE FROM raw WHERE file = ?", [number])
    note.rows, note.bad_rows = rows, torn + rejected + invalid


def _select(names: list[str], number: int, box: bool, only_valid: bool) -> str:
    """Return the query that reads one file: rows with the piece of a run that they belong to."""
    fresh = (f"column{i}" for i in itertools.count())
    seen: set[str] = set()
    kinds = []
    for name in names:
        known = (name in NEEDED or (box and name in BOX)) and name not in seen
        seen.add(name)
        kind = "DOUBLE" if known and name not in _TEXTS else "VARCHAR"
        kinds.append(f"'{name if known else next(fresh)}': '{kind}'")
    probabilities = ", ".join(f"p_{e}" for e in EMOTIONS)
    in_range = " AND ".join(f"p_{e} BETWEEN 0 AND 1" for e in EMOTIONS)
    rest = ""
    if box:
        rest = ", " + ", ".join(n if n in seen else f"NULL::DOUBLE AS {n}" for n in BOX)
    # The last six characters of a time are its offset; without one it names no instant.
    return f"""
    WITH read AS (
      SELECT *, try_cast(timestamp AS TIMESTAMPTZ) AS instant, substr(timestamp, -6) AS tail,
        try_cast(emotion AS label) AS shown
      FROM read_csv(?, header = true, auto_detect = false, delim = ',', quote = '"',
        escape = '"', columns = {{{", ".join(kinds)}}}, compression = 'none', store_rejects = true,
        rejects_table = 'bad_lines', rejects_scan = 'bad_scans', rejects_limit = 0,
        buffer_size = 8388608, max_line_size = 1048576)
    ), timed AS (
      SELECT *, CASE WHEN ends_with(tail, 'Z') OR ends_with(tail, 'z') OR tail = '-00:00' THEN 0
        ELSE enum_code(try_cast(tail AS zone))::SMALLINT - {_DAY_MIN - 1} END AS offset_min
      FROM read
    ), checked AS (
      SELECT coalesce(epoch_ms(instant), 0) AS utc_ms, coalesce(offset_min, 0) AS offset_min,
        elapsed_s, try_cast(frame AS BIGINT) AS frame, try_cast(face_id AS UINTEGER) AS face_id,
        shown AS emotion, confidence, {probabilities}, model{rest},
        coalesce(instant >= '1970-01-01 00:00:00+00' AND epoch_ms(instant) < {LATEST_MS}
          AND offset_min IS NOT NULL AND elapsed_s >= 0 AND elapsed_s < {LATEST_MS // 1000}
          AND frame = floor(frame) AND frame >= 0 AND frame < 9e15 AND face_id = floor(face_id)
          AND face_id >= 0 AND face_id < {FACE_LIMIT} AND shown IS NOT NULL
          AND confidence BETWEEN 0 AND 1 AND {in_range} AND model IS NOT NULL, false) AS valid
      FROM timed
    ), steps AS (
      SELECT *, elapsed_s - lag(elapsed_s) OVER () AS forward,
        abs(utc_ms / 1000.0 - elapsed_s - lag(utc_ms / 1000.0 - elapsed_s) OVER ()) AS moved,
        frame - lag(frame) OVER () AS frames, face_id > lag(face_id) OVER () AS other_face
      FROM checked {"WHERE valid" if only_valid else ""}
    ), cut AS (
      SELECT *, coalesce((forward < 0 AND moved > {_SAME_ORIGIN_S}) OR (moved > {_STEP_S}
        AND NOT (forward >= 0 AND forward <= {_STEP_S} AND frames >= 0)), true)::INTEGER AS breaks
      FROM steps
    )
    SELECT {number}, CASE WHEN valid THEN
        sum(breaks) OVER (ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)::INTEGER END,
      breaks = 1 OR forward > 0 OR (forward = 0 AND (frames > 0 OR (frames = 0 AND other_face))),
      utc_ms, offset_min, elapsed_s, frame, face_id, emotion, confidence, {probabilities}, model
      {"," + ", ".join(BOX) if box else ""}
    FROM cut"""
