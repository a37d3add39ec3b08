"""A row per frame, with or without a face: ``--every-frame``."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TextIO

from fer_runtime.errors import OutputError
from fer_runtime.labels import EMOTIONS
from fer_runtime.out.sink import Sink
from fer_runtime.reading import FaceReading, FrameReadings

COLUMNS = (
    "frame", "elapsed_s", "success", "face_id", "emotion", "confidence",
    *(f"p_{name}" for name in EMOTIONS), "x", "y", "w", "h", "detection_score",
)  # fmt: skip


class EveryFrame(Sink):
    """Writes one row for each face, and one with ``success`` 0 for a frame without.

    Parameters
    ----------
    path
        The CSV file to write; what is there is replaced.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: TextIO | None = None
        self.dropped = 0
        """Rows that could not be written; after the first one no more is tried."""

    def open(self) -> None:
        """Create the file with its header; OutputError where that fails."""
        try:
            self._file = self._path.open("w", encoding="utf-8", newline="")
        except OSError as error:
            raise OutputError(f"{self._path}: cannot be written: {error.strerror}") from None
        self._write([COLUMNS])

    def write(self, readings: FrameReadings) -> int:
        """Write the rows of one frame."""
        head = (str(readings.frame), f"{readings.elapsed_s:.3f}")
        rows = [(*head, "1", *_cells(face)) for face in readings.faces]
        empty = [(*head, "0", *[""] * (len(COLUMNS) - 3))]
        self._write(rows or empty)
        return len(rows)

    def close(self) -> None:
        """Write what is pending."""
        file, self._file = self._file, None
        if file is not None:
            try:
                file.close()
            except OSError:
                self.dropped += 1

    def _write(self, rows: list[tuple[str, ...]]) -> None:
        assert self._file is not None
        if self.dropped:
            return
        try:
            csv.writer(self._file, lineterminator="\n").writerows(rows)
        except OSError:
            self.dropped += len(rows)


def _cells(face: FaceReading) -> tuple[str, ...]:
    return (
        str(face.face_id),
        face.emotion,
        f"{face.confidence:.4f}",
        *(f"{p:.4f}" for p in face.probabilities),
        *map(str, face.box),
        f"{face.detection_score:.3f}",
    )
