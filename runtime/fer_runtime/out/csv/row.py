"""The rows of the CSV files: readings, visits and minutes; their columns, headers and text."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from ...labels import EMOTIONS, LABELS
from ...reading import FaceReading, Minute, Visit


@dataclass(frozen=True)
class Table:
    """What distinguishes one kind of file from another."""

    columns: tuple[str, ...]
    """Names of the columns, in order; their meaning is in docs/operating.md."""
    time: str
    """The column that a file's name and day are taken from."""
    setting: str
    """What names the file, for messages."""
    older: tuple[tuple[str, ...], ...] = ()
    """Columns that earlier versions wrote: such a file is put aside, not appended to."""

    @property
    def header(self) -> bytes:
        """First line of every file."""
        return (",".join(self.columns) + "\n").encode("ascii")

    def before(self) -> list[Table]:
        """Return the tables that earlier versions wrote."""
        return [Table(columns, self.time, self.setting) for columns in self.older]

    def is_whole(self, line: bytes) -> bool:
        """Return whether `line`, without its newline, is a complete row."""
        return len(_fields(line)) == len(self.columns)

    def row_time(self, line: bytes) -> datetime | None:
        """Return the time stamp of a row; None where it has none that can be read."""
        try:
            return datetime.fromisoformat(_fields(line)[self.columns.index(self.time)])
        except (ValueError, IndexError):
            return None


_SECONDS: Final = tuple(f"s_{label}" for label in LABELS)

_COLUMNS_0_1: Final = (
    "timestamp",
    "elapsed_s",
    "frame",
    "face_id",
    "emotion",
    "confidence",
    *(f"p_{emotion}" for emotion in EMOTIONS),
    "x",
    "y",
    "w",
    "h",
    "detection_score",
    "model",
)
COLUMNS: Final = (*_COLUMNS_0_1, "valence")
"""Columns of the log of readings."""

READINGS: Final = Table(COLUMNS, "timestamp", "--csv", older=(_COLUMNS_0_1,))
HEADER: Final = READINGS.header

VISITS: Final = Table(
    (
        "begin",
        "end",
        "device",
        "run",
        "face_id",
        "emotion",
        "seconds",
        *_SECONDS,
        "valence",
        "largest_face",
    ),
    # Visits are written in the order of their ends.
    "end",
    "--visits",
)

MINUTES: Final = Table(
    (
        "minute",
        "device",
        "run",
        "seconds_watched",
        "seconds_away",
        "people_max",
        "visits_begun",
        "visits_ended",
        "face_seconds",
        *_SECONDS,
        "valence",
    ),
    "minute",
    "--minutes",
)


def format_row(reading: FaceReading, wall: datetime, elapsed_s: float) -> bytes:
    """Return one reading as a line of the log.

    Parameters
    ----------
    reading
        The face.
    wall
        Aware local time of its frame.
    elapsed_s
        Seconds since the first frame of the run, which no clock step touches.

    Returns
    -------
    One line in UTF-8 with its newline. Times have milliseconds, probabilities four decimals.
    """
    return csv_line(
        (
            wall.isoformat(timespec="milliseconds"),
            f"{elapsed_s:.3f}",
            reading.frame,
            reading.face_id,
            reading.emotion,
            f"{reading.confidence:.4f}",
            *(f"{p:.4f}" for p in reading.probabilities),
            *reading.box,
            f"{reading.detection_score:.3f}",
            one_line(reading.model),
            f"{round(reading.valence, 4) + 0.0:.4f}",  # no -0
        )
    )


def format_visit(visit: Visit) -> bytes:
    """Return a visit that has ended as a line in UTF-8 with its newline; valence may be empty."""
    return _record(visit.to_dict(), VISITS)


def format_minute(minute: Minute) -> bytes:
    """Return a minute as a line in UTF-8 with its newline; valence may be empty."""
    return _record(minute.to_dict(), MINUTES)


def _record(values: Mapping[str, Any], table: Table) -> bytes:
    """Return the columns of a record in JSON; seconds by emotion are spread out."""
    spread = {f"s_{label}": seconds for label, seconds in values["emotion_seconds"].items()}
    flat = {**values, **spread}
    cells = (flat[column] for column in table.columns)
    return csv_line(
        "" if cell is None else one_line(cell) if isinstance(cell, str) else cell for cell in cells
    )


def one_line(text: str) -> str:
    """Return a text without line breaks and NULs.

    A line break inside quotes is valid CSV, but a row must be one line for a torn tail to be
    found; and a NUL is what a power cut leaves.
    """
    return " ".join(text.replace("\0", " ").split())


def csv_line(cells: Iterable[Any]) -> bytes:
    """Return cells as one line of CSV in UTF-8 with its newline."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue().encode("utf-8", "replace")


def _fields(line: bytes) -> list[str]:
    """Return the cells of a line; none where it is damaged."""
    if b"\0" in line:
        return []
    try:
        return next(csv.reader([line.decode("utf-8")], strict=True), [])
    except (UnicodeDecodeError, csv.Error):
        return []
