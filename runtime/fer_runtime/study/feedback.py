"""The feedback file: what faces really showed beside what was predicted.

A CSV file in UTF-8 of numbers and labels only, never pictures, to which whole rows are
appended. Many sessions, participants and studies can share one file. Its columns, in order;
one that does not apply to a row is empty:

=============  =================================================================================
timestamp      ISO-8601 local time with milliseconds and UTC offset: of the key, of the answer
               to the consent text, or of the end of the trial
kind           ``key``: somebody pressed 1–7; ``study``: one trial of a study; ``consent``:
               a participant agreed; ``refusal``: a participant did not
session        one run of the program or one study, the same in all its rows
participant    id of the study's participant; empty for ``key`` and ``refusal``
trial          number of the trial in its study, from 1 (``study`` only)
real           the emotion that the face shows, according to whoever pressed the key, or that
               the participant was asked for: one of `labels.EMOTIONS`
predicted      the label that was shown: one of `labels.EMOTIONS` or ``uncertain``; empty
               where no face was seen
confidence     0–1, of the predicted label (``study``: its mean while it was shown)
p_angry … p_surprise
               0–1, raw calibrated probabilities (``study``: their mean over the trial's last
               part); empty where no face was seen
face_id        number of the face within the run
reaction_s     seconds from the prompt until the label was first the prompted one; empty where
               it never was (``study`` only)
model          name of the model
note           the consent text that was answered (``consent`` and ``refusal``)
=============  =================================================================================
"""

from __future__ import annotations

import logging
import os
import stat
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import filelock

from ..errors import DataError, OutputError
from ..labels import EMOTIONS
from ..out.csv.files import read_at, write_all
from ..out.csv.row import csv_line, one_line
from ..reading import FaceReading
from ..settings.limits import at_home

_LOGGER = logging.getLogger(__name__)

KINDS: Final = ("key", "study", "consent", "refusal")

FIELDS: Final = (
    "timestamp",
    "kind",
    "session",
    "participant",
    "trial",
    "real",
    "predicted",
    "confidence",
    *(f"p_{emotion}" for emotion in EMOTIONS),
    "face_id",
    "reaction_s",
    "model",
    "note",
)
"""Names of the columns, in order."""

HEADER: Final = (",".join(FIELDS) + "\n").encode("ascii")

_MODE: Final = 0o640
# More than the longest row, whose consent text is the largest part.
_TAIL: Final = 1 << 17


@dataclass(frozen=True)
class FeedbackRow:
    """One row without its time; the fields are the columns of the module's table."""

    kind: str
    session: str
    participant: str = ""
    trial: int | None = None
    real: str = ""
    predicted: str = ""
    confidence: float | None = None
    probabilities: tuple[float, ...] | None = None
    face_id: int | None = None
    reaction_s: float | None = None
    model: str = ""
    note: str = ""


def key_row(reading: FaceReading, real: str, session: str) -> FeedbackRow:
    """Return the row for somebody who says that a face really shows `real`."""
    return FeedbackRow(
        "key",
        session,
        real=real,
        predicted=reading.emotion,
        confidence=reading.confidence,
        probabilities=reading.probabilities,
        face_id=reading.face_id,
        model=reading.model,
    )


def format_row(row: FeedbackRow, wall: datetime) -> bytes:
    """Return a row as one line in UTF-8 with its newline; `wall` is aware local time."""
    probabilities = row.probabilities or (None,) * len(EMOTIONS)
    return csv_line(
        (
            wall.isoformat(timespec="milliseconds"),
            row.kind,
            one_line(row.session),
            one_line(row.participant),
            _number(row.trial, 0),
            row.real,
            row.predicted,
            _number(row.confidence, 4),
            *(_number(p, 4) for p in probabilities),
            _number(row.face_id, 0),
            _number(row.reaction_s, 3),
            one_line(row.model),
            one_line(row.note),
        )
    )


def _number(value: float | None, decimals: int) -> str:
    return "" if value is None else f"{value:.{decimals}f}"


class FeedbackLog:
    """Appends rows to a feedback file; each is on the disk when `add` returns.

    The file is opened anew for every row, since rows are rare: so it can be copied, moved or
    deleted at any time, and a new one begins with its header.

    Parameters
    ----------
    path
        Where it is; its folder must exist.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(os.path.realpath(at_home(str(path), "--feedback")))
        self._lock = filelock.FileLock(f"{self.path}.lock", timeout=0, thread_local=False)
        self._pending = b""
        self._open = False
        self.rows = 0
        """Rows written."""

    def open(self) -> None:
        """Lock the file and make it ready: header checked or written, torn tail cut off.

        Raises
        ------
        OutputError
            If the folder is missing or not writable, or another process has the file.
        DataError
            If the file is there and is not a feedback file; it is left as it is.
        """
        folder = self.path.parent
        if not os.path.isdir(folder):  # Path.is_dir raises where it may not look
            raise OutputError(
                f"{self.path}: the folder {folder} does not exist", f"mkdir -p {folder}"
            )
        if os.path.exists(self.path) and not os.path.isfile(self.path):
            raise OutputError(f"{self.path}: expected a file, received a folder, device or pipe")
        try:
            self._lock.acquire()
        except filelock.Timeout:
            raise OutputError(
                f"{self.path}: another process writes to it (lock {self._lock.lock_file})",
                "stop it, or give --feedback another name",
            ) from None
        except NotImplementedError:
            # Some network file systems know no locks.
            _LOGGER.warning("%s: no locks here; nothing else may write to it", folder)
        except OSError as error:
            raise self._refusal(error) from None
        try:
            self._append(b"")
        except (DataError, OutputError):
            self._lock.release()
            raise
        self._open = True

    def add(self, row: FeedbackRow, wall: datetime) -> None:
        """Append a row.

        Parameters
        ----------
        row
            What to write.
        wall
            Aware local time of it.

        Raises
        ------
        OutputError, DataError
            If it cannot be written. It is kept, and written before the next row or by
            `close`, if that is possible by then.
        """
        if not self._open:
            raise OutputError(f"{self.path}: expected an open feedback file, received a closed one")
        if row.kind not in KINDS:
            raise ValueError(f"kind: expected one of {', '.join(KINDS)}, received {row.kind!r}")
        self._pending += format_row(row, wall)
        self._flush()

    def close(self) -> None:
        """Write what is pending and let go of the file.

        Raises
        ------
        OutputError, DataError
            If rows are lost because they still cannot be written.
        """
        if not self._open:
            return
        self._open = False
        try:
            self._flush()
        finally:
            self._lock.release()

    def _flush(self) -> None:
        if self._pending:
            self._append(self._pending)
            self.rows += self._pending.count(b"\n")
            self._pending = b""

    def _append(self, blob: bytes) -> None:
        """Append whole rows, with the header before them where the file is new."""
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
        try:
            descriptor = os.open(self.path, flags, _MODE)
        except OSError as error:
            raise self._refusal(error) from None
        try:
            size = _repair(descriptor, self.path)
            blob = blob if size else HEADER + blob
            if blob:
                write_all(descriptor, blob, size)
                try:
                    os.fsync(descriptor)
                except OSError:
                    os.ftruncate(descriptor, size)  # it is kept, and written again
                    raise
        except OSError as error:
            raise self._refusal(error) from None
        finally:
            os.close(descriptor)

    def _refusal(self, error: OSError) -> OutputError:
        return OutputError(
            f"{self.path}: cannot be written: {error.strerror}",
            "free or mount the disk, or give --feedback a place that can be written",
        )


def _repair(descriptor: int, path: Path) -> int:
    """Cut off what a power cut has torn; return the size in bytes, 0 for a file to begin."""
    info = os.fstat(descriptor)
    if not stat.S_ISREG(info.st_mode):
        raise OutputError(f"{path}: expected a file, received a device or pipe")
    size = info.st_size
    start = read_at(descriptor, 0, min(size, len(HEADER)))
    if start != HEADER:
        bare = start.rstrip(b"\0")
        if size > len(HEADER) or not HEADER.startswith(bare):
            first = start.split(b"\n", 1)[0].decode("utf-8", "replace")
            raise DataError(
                f"{path}: expected a feedback file that begins with "
                f"{HEADER[:40].decode()}..., received {first[:60]!r}",
                "move it away or give --feedback another name",
            )
        os.ftruncate(descriptor, 0)
        return 0
    offset = max(len(HEADER), size - _TAIL)
    tail = read_at(descriptor, offset, size - offset)
    # A torn row has no newline, and neither has the run of NULs that a power cut can leave.
    good = offset + tail.rfind(b"\n") + 1
    if good < size:
        os.ftruncate(descriptor, good)
        _LOGGER.warning("%s: the last %d bytes were torn and are cut off", path, size - good)
    return good
