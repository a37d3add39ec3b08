"""The CSV sinks: whole rows only, for months, whatever the disk and the clock do."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Mapping
from datetime import date, datetime
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from ...reading import FrameReadings, Minute, Record, Visit
from ...settings.out import CsvSettings
from ...settings.schema import Settings
from ..sink import Sink
from ..ticks import Due, NewestPerFace
from . import files, retention
from .file import CsvFile
from .files import Lane
from .row import MINUTES, READINGS, VISITS, Table, format_minute, format_row, format_visit

_LOGGER = logging.getLogger(__name__)

# A clock that has just been set, as on a PC whose battery is empty, must not delete a year of
# logs as too old: it has to run for so long without a step first.
_TRUST_S = 600.0
_STEP_S = 60.0
_ASIDE = 1000
"""Files put aside in a run whose dates are corrected when the clock is set."""
_CLOSE_S = 0.3
"""Longest wait for a hung disk when the log is closed."""


class _Row(NamedTuple):
    wall: datetime
    """Aware local time that decides the file."""
    line: bytes


class _Log(Sink):
    """Appends rows to a CSV file that is locked, repaired, rotated, compressed and pruned.

    All methods may be called from any thread.

    Parameters
    ----------
    settings
        Rotation, retention and how often rows are forced onto the disk.
    path
        The file.
    table
        What its rows are.
    """

    def __init__(self, settings: CsvSettings, path: str, table: Table) -> None:
        self._settings = settings
        self._file = CsvFile(path, table)
        self._lock = threading.RLock()
        self._now_s = 0.0
        self._synced_s: float | None = None
        self._clock_start: tuple[datetime, float] | None = None
        # Files put aside since the clock was last set, and when (monotonic); the times that
        # are still to be noted in files since it has been.
        self._aside: deque[tuple[Path, float]] = deque(maxlen=_ASIDE)
        self._corrections: list[tuple[Path, float]] = []
        self._pruned_day: date | None = None
        self._tidying = Lane("csv-gzip")
        self._abort_tidying = threading.Event()
        self._closed = True
        self._written: datetime | None = None
        self.rows = 0
        """Rows written."""
        self.dropped = 0
        """Rows that could not be written."""

    @property
    def writable(self) -> bool:
        """Whether the last attempt to write succeeded."""
        return self._file.writable

    def open(self) -> None:
        """Lock the log and make it ready: header checked or written, torn tail cut off.

        Raises
        ------
        OutputError
            If the folder is missing or not writable, or another process has the log.
        DataError
            If the file is there and is not a log of ours.
        """
        with self._lock:
            self._file.open()
            self._closed = False
            files.clean_up(self._file.path)
            self._tidy(None)

    def write(self, readings: FrameReadings) -> int:
        """Do what comes round with the time of a frame; a full or absent disk raises nothing.

        Returns
        -------
        Number of rows that have reached the file.
        """
        with self._lock:
            if self._closed:
                return 0
            rows = self._take(readings)
            self._now_s = readings.time_s
            written = self._append(rows)
            self._keep_up(readings.wall, readings.time_s)
            return written

    def _take(self, readings: FrameReadings) -> list[_Row]:
        """Return the rows that are due by a frame."""
        return []

    def reload(self, settings: Settings) -> None:
        """Take over new settings; the path stays that of `open`."""
        with self._lock:
            self._settings = settings.csv
            self._pruned_day = None

    def status(self) -> Mapping[str, Any]:
        """Return when a row was last written, and what space is left for more."""
        record: dict[str, Any] = {"csv_free_mb": self._file.free_mb}
        if self._written is not None:
            record["csv_written_at"] = self._written.isoformat(timespec="milliseconds")
        return record

    def close(self) -> None:
        """Write what is pending and let go of the file; returns soon, even on a hung disk."""
        if not self._lock.acquire(timeout=_CLOSE_S):
            _LOGGER.warning(
                "%s: the disk does not answer; the last rows may be lost", self._file.path
            )
            return
        try:
            if self._closed:
                return
            self._file.retry_now()
            self.flush()
            self._closed = True
            self._abort_tidying.set()
            self._file.close(_CLOSE_S)
            self._tidying.join(_CLOSE_S)
        finally:
            self._lock.release()

    def _append(self, due: list[_Row]) -> int:
        """Write rows, those of another day into another file; return how many were written."""
        settings, written = self._settings, 0
        for day, group in groupby(due, key=lambda d: d.wall.date()):
            rows = list(group)
            blob = b"".join(row.line for row in rows)
            limit = settings.rotate_mb * 1e6
            if self._file.must_rotate(len(blob), day, limit, settings.rotate_daily) and (
                aside := self._file.rotate(self._now_s, rows[0].wall)
            ):
                self._aside.append((aside, self._now_s))
                self._tidy(None)
                self._pruned_day = None
            if self._file.append(blob, len(rows), rows[0].wall, self._now_s):
                written += len(rows)
                self._written = rows[-1].wall
        self.rows += written
        self.dropped += len(due) - written
        if written and settings.fsync_s == 0:
            self._file.sync(wait=True)
        return written

    def _keep_up(self, wall: datetime, now: float) -> None:
        """Do what comes round: force rows onto the disk, delete old files."""
        if self._synced_s is None or now < self._synced_s:
            self._synced_s = now
        if self._settings.fsync_s and now - self._synced_s >= self._settings.fsync_s:
            self._synced_s = now
            self._file.sync(wait=False)
        if self._clock_start is not None:
            wall_0, now_0 = self._clock_start
            if abs((wall - wall_0).total_seconds() - (now - now_0)) > _STEP_S:
                self._clock_start = None
                # What was put aside by a wrong clock counts from what the clock should have said.
                for file, then in self._aside:
                    self._corrections.append((file, wall.timestamp() - (now - then)))
                self._aside.clear()
                self._tidy(None)
        if self._clock_start is None:
            self._clock_start = (wall, now)
        trusted = now - self._clock_start[1] >= _TRUST_S
        if trusted and self._pruned_day != wall.date() and self._tidy(wall):
            self._pruned_day = wall.date()

    def _tidy(self, wall: datetime | None) -> bool:
        """Delete surplus rotated files and compress the others, in the background."""
        settings, path, stop = self._settings, self._file.path, self._abort_tidying

        def tidy() -> None:
            while self._corrections:
                retention.stamp(*self._corrections.pop())
            retention.prune(path, settings.keep_files, settings.keep_days, wall)
            if settings.gzip:
                files.compress_rotated(path, stop)

        return self._tidying.start(tidy)


class CsvLog(_Log):
    """Appends readings to a CSV file, one row per face and tick.

    Rows reach the file in one write each tick, so a killed process loses the current tick at
    most. With an interval, the newest reading of each face in a tick becomes a row when the
    tick is over; with interval 0 every reading does at once.

    Parameters
    ----------
    settings
        ``settings.path`` is the file; it must not be empty.
    """

    def __init__(self, settings: CsvSettings) -> None:
        super().__init__(settings, settings.path, READINGS)
        self._newest = NewestPerFace()

    def flush(self) -> None:
        """Write the rows of the current tick without waiting for its end."""
        with self._lock:
            if not self._closed:
                self._append(_formatted(self._newest.flush()))

    def reload(self, settings: Settings) -> None:
        """Take over new settings; the path stays that of `open`."""
        with self._lock:
            if settings.csv.interval_s != self._settings.interval_s:
                self.flush()
                self._newest.restart()
            super().reload(settings)

    def status(self) -> Mapping[str, Any]:
        """Return rows written and rows lost as well."""
        return {**super().status(), "csv_rows": self.rows, "csv_dropped": self.dropped}

    def _take(self, readings: FrameReadings) -> list[_Row]:
        return _formatted(self._newest.take(readings, self._settings.interval_s))


class _RecordLog(_Log):
    """Appends records, which are few and come between frames as well."""

    def _record(self, wall: datetime, line: bytes) -> None:
        with self._lock:
            if not self._closed:
                # Without frames the time stands still in which a full disk is tried again.
                self._file.retry_now()
                self._append([_Row(wall, line)])


class VisitLog(_RecordLog):
    """Appends a row per visit that has ended to the file ``settings.visits``."""

    def __init__(self, settings: CsvSettings) -> None:
        super().__init__(settings, settings.visits, VISITS)

    def record(self, record: Record) -> None:
        """Take the end of a visit."""
        if isinstance(record, Visit) and record.event == "end":
            self._record(record.end, format_visit(record))


class MinuteLog(_RecordLog):
    """Appends a row per minute to the file ``settings.minutes``."""

    def __init__(self, settings: CsvSettings) -> None:
        super().__init__(settings, settings.minutes, MINUTES)

    def record(self, record: Record) -> None:
        """Take a minute."""
        if isinstance(record, Minute):
            self._record(record.minute, format_minute(record))


def _formatted(due: list[Due]) -> list[_Row]:
    return [_Row(d.wall, format_row(*d)) for d in due]
