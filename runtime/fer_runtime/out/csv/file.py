"""The file that a CSV log is being written to: locked, followed, rotated, never torn."""

from __future__ import annotations

import errno
import logging
import math
import os
import shutil
import stat
from datetime import date, datetime
from pathlib import Path

import filelock

from ...errors import FerError, OutputError, disk_fails
from . import files, retention
from .files import Lane
from .place import check_place
from .row import Table

_LOGGER = logging.getLogger(__name__)

_RETRY_S = 1.0
"""Pause between two attempts to write to a full or read-only disk."""
_ROTATE_RETRY_S = 60.0
_SERVICE = (
    " (the service may write into its log folder only; for another one: "
    "systemctl edit fer-runtime, [Service], ReadWritePaths=FOLDER)"
)


class CsvFile:
    """An open CSV file to which whole rows are appended.

    Parameters
    ----------
    path
        Where it is; its folder must exist.
    table
        What its rows are.

    Attributes
    ----------
    writable
        Whether the last attempt to write succeeded.
    free_mb
        MB (10⁶ bytes) left on its disk when rows were last forced onto it; None if unknown.
    """

    def __init__(self, path: str | Path, table: Table) -> None:
        self._table = table
        self.path = Path(os.path.realpath(Path(path).expanduser()))
        # Threads come and go around the log; the lock belongs to all of them.
        self._lock = filelock.FileLock(f"{self.path}.lock", timeout=0, thread_local=False)
        self._fd = -1
        self._size = 0
        self._began: datetime | None = None
        self._retry_s = self._rotate_s = -math.inf
        self._lost = 0
        self._locked = self.writable = False
        self._syncing = Lane("csv-sync")
        self.free_mb: float | None = None

    def open(self) -> None:
        """Lock the file and make it ready: header checked or written, torn tail cut off.

        Raises
        ------
        OutputError
            If the folder is missing or not writable, or another process has the file. A disk
            that is full or failing is no reason: it is waited for, as when that comes later.
        DataError
            If the file is there and is not a log of ours.
        """
        try:
            self._take_lock()
            self._open()
        except OSError as error:
            if not self._is_of_the_disk(error):
                self._lock.release()
                raise self._refusal(error) from None
            self._warn(error)
        except FerError:
            self._lock.release()
            raise
        else:
            self.writable = True
        self._measure()

    def append(self, blob: bytes, rows: int, wall: datetime, now: float) -> bool:
        """Append whole rows of one day; return whether they have reached the file.

        Parameters
        ----------
        blob
            The rows, each with its newline.
        rows
            How many they are.
        wall
            Aware local time of the first of them.
        now
            Monotonic time in seconds; decides when a full disk is tried again.
        """
        if not self.writable and now - self._retry_s < _RETRY_S:
            self._lost += rows
            return False
        try:
            self._follow()
            files.write_all(self._fd, blob, self._size)
        except (OSError, FerError) as error:
            if self.writable:
                self._warn(error)
            self.writable, self._retry_s = False, now
            self._lost += rows
            return False
        self._size += len(blob)
        self._began = self._began or wall
        if not self.writable:
            _LOGGER.warning("%s: written again; %d rows were dropped", self.path, self._lost)
        self.writable, self._lost = True, 0
        return True

    def must_rotate(self, more: int, day: date, limit_bytes: float, daily: bool) -> bool:
        """Return whether rows of `day`, `more` bytes long, belong into a new file."""
        if self._began is None:
            return False
        full = limit_bytes > 0 and self._size + more > limit_bytes
        return full or (daily and day != self._began.date())

    def rotate(self, now: float, wall: datetime) -> Path | None:
        """Put the file aside and return its new name; None where it stays one file."""
        if self._began is None or self._fd < 0 or now - self._rotate_s < _ROTATE_RETRY_S:
            return None
        target = files.rotated_path(self.path, self._began)
        self._close_descriptor()  # Windows renames no open file
        try:
            os.rename(self.path, target)
        except FileNotFoundError:
            pass  # deleted beneath us: there is nothing to put aside
        except OSError as error:
            self._rotate_s = now
            _LOGGER.warning("%s: stays one file: %s", self.path, error.strerror)
            return None
        else:
            retention.put_aside(self.path, target, wall)
        return target

    def sync(self, *, wait: bool) -> None:
        """Force rows onto the disk, in the background unless `wait`."""
        if self._fd < 0 or (not wait and self._syncing.busy):
            return
        try:
            descriptor = os.dup(self._fd)
        except OSError as error:
            _LOGGER.warning("%s: cannot be forced onto the disk: %s", self.path, error.strerror)
            return

        def force() -> None:
            try:
                os.fsync(descriptor)
            except OSError as error:
                _LOGGER.warning("%s: cannot be forced onto the disk: %s", self.path, error.strerror)
            finally:
                os.close(descriptor)
            self._measure()  # here, as a hung disk does not answer this either

        if wait:
            force()
        elif not self._syncing.start(force):
            os.close(descriptor)

    def close(self, timeout_s: float) -> None:
        """Force rows onto the disk, waiting no longer than `timeout_s`, and let go of it."""
        self.sync(wait=False)
        self._syncing.join(timeout_s)
        self._close_descriptor()
        if self._lost:
            _LOGGER.warning("%s: %d rows could not be written", self.path, self._lost)
        self._lock.release()

    def retry_now(self) -> None:
        """Have the next `append` try the disk whatever the last attempt said."""
        self._retry_s = -math.inf

    def _warn(self, error: OSError | FerError) -> None:
        reason = str(error)
        if isinstance(error, OSError):
            reason = f"{error.strerror}{_SERVICE if error.errno == errno.EROFS else ''}"
        _LOGGER.warning("%s: rows are dropped until it can be written: %s", self.path, reason)

    def _is_of_the_disk(self, error: OSError) -> bool:
        """Return whether waiting may help: a place that has never taken a log is a mistake."""
        return disk_fails(error) or (error.errno == errno.EROFS and os.path.exists(self.path))

    def _measure(self) -> None:
        try:
            self.free_mb = round(shutil.disk_usage(self.path.parent).free / 1e6, 2)
        except OSError:
            self.free_mb = None

    def _take_lock(self) -> None:
        folder = self.path.parent
        if not folder.is_dir():
            raise OutputError(
                f"{self.path}: the folder {folder} does not exist", f"mkdir -p {folder}"
            )
        check_place(self.path, self._table.setting)
        try:
            self._lock.acquire()
        except filelock.Timeout:
            # Where no lock file can be made, the package waits for one all the same.
            if not os.path.exists(self._lock.lock_file):
                reason = "no file can be made in its folder"
                raise self._refusal(OSError(errno.EACCES, reason)) from None
            raise OutputError(
                f"{self.path}: another process writes to it (lock {self._lock.lock_file})",
                "stop it, if it is the service with: systemctl stop fer-runtime; "
                f"or give {self._table.setting} another name",
            ) from None
        except NotImplementedError:
            # Some network file systems know no locks.
            _LOGGER.warning("%s: no locks here; nothing else may write to it", folder)
        self._locked = True

    def _refusal(self, error: OSError) -> OutputError:
        hint = _SERVICE if error.errno == errno.EROFS else ""
        return OutputError(
            f"{self.path}: cannot be written: {error.strerror}{hint}",
            f"free or mount the disk, or give {self._table.setting} a place that can be written",
        )

    def _open(self) -> None:
        """Open or create the file; leaves `_fd` and `_size` valid, or raises."""
        fd = self._opened()
        try:
            older = files.older_table(fd, self._table)
            if older is not None:
                # Rows of two versions in one file could be read by nobody.
                began = self._prepare(fd, older)[1]
                os.close(fd)  # Windows renames no open file
                fd = -1
                if began is None:
                    os.unlink(self.path)
                else:
                    target = files.rotated_path(self.path, began)
                    os.rename(self.path, target)
                    _LOGGER.info("%s: written by an earlier version; now %s", self.path, target)
                fd = self._opened()
            size, began = self._prepare(fd, self._table)
            if not size:
                files.write_all(fd, self._table.header, 0)
                size = len(self._table.header)
        except BaseException:
            if fd >= 0:
                os.close(fd)
            raise
        self._fd, self._size, self._began = fd, size, began

    def _opened(self) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
        fd = os.open(self.path, flags, files.MODE)
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            raise OutputError(f"{self.path}: expected a file, received a device or pipe")
        return fd

    def _prepare(self, fd: int, table: Table) -> tuple[int, datetime | None]:
        """Repair a file; return its size and the time of its first row, None without one."""
        size = files.repair(fd, self.path, table)
        first = files.first_row(fd, table) if size else b""
        if not first:
            return size, None
        fallback = datetime.fromtimestamp(os.fstat(fd).st_mtime).astimezone()
        return size, table.row_time(first) or fallback

    def _follow(self) -> None:
        """Open the file again where it was deleted, moved, cut, or is not open."""
        if not self._locked:
            self._take_lock()
        if self._fd >= 0:
            mine = os.fstat(self._fd)
            try:
                same = os.path.samestat(mine, os.stat(self.path))
            except FileNotFoundError:
                same = False
            if same and mine.st_size == self._size:
                return
            self._close_descriptor()
        self._open()

    def _close_descriptor(self) -> None:
        # The system lets go of it whatever it answers: closed again, it could be another file's.
        fd, self._fd = self._fd, -1
        try:
            if fd >= 0:
                os.close(fd)
        except OSError as error:
            _LOGGER.warning("%s: rows may be lost as it is closed: %s", self.path, error.strerror)
