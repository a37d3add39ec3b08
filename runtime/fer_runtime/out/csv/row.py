"""One row of the CSV log: its columns, header and text."""

from __future__ import annotations

import csv
import io
from datetime import datetime
from typing import Final

from ...labels import EMOTIONS
from ...reading import FaceReading

COLUMNS: Final = (
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
"""Names of the columns, in order; their meaning is in docs/operating.md."""

HEADER: Final = (",".join(COLUMNS) + "\n").encode("ascii")
"""First line of every file."""


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
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(
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
            # A line break inside quotes is valid CSV, but a row must be one line for a torn
            # tail to be found, and a NUL is the mark of one.
            " ".join(reading.model.replace("\0", " ").split()),
        )
    )
    return text.getvalue().encode("utf-8", "replace")


def is_whole(line: bytes) -> bool:
    """Return whether `line`, without its newline, is a complete row."""
    if b"\0" in line:
        return False
    try:
        fields = next(csv.reader([line.decode("utf-8")], strict=True), [])
    except (UnicodeDecodeError, csv.Error):
        return False
    return len(fields) == len(COLUMNS)


def row_time(line: bytes) -> datetime | None:
    """Return the time stamp of a row; None where it has none that can be read."""
    try:
        return datetime.fromisoformat(line.split(b",", 1)[0].decode("ascii"))
    except ValueError:
        return None
