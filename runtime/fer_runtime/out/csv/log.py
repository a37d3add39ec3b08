"""The CSV sink: whole rows only, for months, whatever the disk and the clock do."""

from __future__ import annotations

import logging
import threading
from collections import deque
from datetime import date, datetime
from itertools import groupby
from pathlib import Path

from ...reading import FrameReadings
from ...settings.out import CsvSettings
from ...settings.schema import Settings
from ..sink import Sink
from ..ticks import Due, NewestPerFace
from . import files, retention
from .file import CsvFile
from .files import Lane
from .row import COLUMNS, format_row

__all__ = ["COLUMNS", "CsvLog"]

_LOGGER = logging.getLogger(__name__)

# A clock that has just been set, as on a PC whose battery is empty, must not delete a year of
# logs as too old: it has to run for so long without a step first.
_TRUST_S = 600.0
_STEP_S = 60.0
_ASIDE = 1000
"""Files put aside in a run whose dates are corrected when the clock is set."""
_CLOSE_S = 0.3
"""Longest wait for a hung disk when the log is closed."""


class CsvLog(Sink):
    """Appends readings to a CSV file, one row per face and tick.

    Rows reach the file in one write each tick, so a killed process loses the current tick at
    most. All methods may be called from any thread.

    Parameters
    ----------
    settings
        ``settings.path`` is the file; it must not be empty.
    """

    def __init__(self, settings: CsvSettings) -> None:
        self._settings = settings
        self._file = CsvFile(settings.path)
        self._lock = threading.RLock()
        self._newest = NewestPerFace()
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
        """Take the readings of one frame; a full or absent disk raises nothing.

        With an interval, the newest reading of each face in a tick becomes a row when the tick
        is over; with interval 0 every reading does at once.

        Returns
        -------
        Number of rows that have reached the file.
        """
        now, wall = readings.time_s, readings.wall
        with self._lock:
            if self._closed:
                return 0
            due = self._newest.take(readings, self._settings.interval_s)
            self._now_s = now
            written = self._append(due)
            self._keep_up(wall, now)
            return written

    def flush(self) -> None:
        """Write the rows of the current tick without waiting for its end."""
        with self._lock:
            if not self._closed:
                self._append(self._newest.flush())

    def reload(self, settings: Settings) -> None:
        """Take over new settings; the path stays that of `open`."""
        new = settings.csv
        with self._lock:
            if new.interval_s != self._settings.interval_s:
                self.flush()
                self._newest.restart()
            self._settings = new
            self._pruned_day = None

    def status(self) -> dict[str, int]:
        """Return rows written and rows lost."""
        return {"csv_rows": self.rows, "csv_dropped": self.dropped}

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

    def _append(self, due: list[Due]) -> int:
        """Write rows, those of another day into another file; return how many were written."""
        settings, written = self._settings, 0
        for day, group in groupby(due, key=lambda d: d.wall.date()):
            rows = list(group)
            blob = b"".join(format_row(*row) for row in rows)
            limit = settings.rotate_mb * 1e6
            if self._file.must_rotate(len(blob), day, limit, settings.rotate_daily) and (
                aside := self._file.rotate(self._now_s, rows[0].wall)
            ):
                self._aside.append((aside, self._now_s))
                self._tidy(None)
                self._pruned_day = None
            if self._file.append(blob, len(rows), rows[0].wall, self._now_s):
                written += len(rows)
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
