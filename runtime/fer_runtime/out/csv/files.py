"""The files of a CSV log: damage repaired, names of rotated ones, compression."""

from __future__ import annotations

import contextlib
import gzip
import logging
import os
import re
import threading
import zlib
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

from ...errors import DataError
from .row import Table

_LOGGER = logging.getLogger(__name__)

_CHUNK = 1 << 18
# Longer than any row; what follows the last newline is damage, however long it is.
_ROW_MAX = 1 << 13
MODE = 0o640
"""Permissions of the files: the owner writes, the group reads, nobody else."""


def older_table(descriptor: int, table: Table) -> Table | None:
    """Return which earlier version's table a file begins with; None for none of them."""
    for older in table.before():
        if read_at(descriptor, 0, len(older.header)) == older.header:
            return older
    return None


def repair(descriptor: int, path: Path, table: Table) -> int:
    """Make an existing log fit to be appended to; return its size in bytes.

    A power cut can leave a torn last row or a tail of NUL bytes; both are cut off. A file
    whose header is torn becomes empty.

    Raises
    ------
    DataError
        If the file begins with anything but our header; it is left as it is.
    """
    header = table.header
    size = os.fstat(descriptor).st_size
    start = read_at(descriptor, 0, min(size, len(header)))
    if start != header:
        bare = start.rstrip(b"\0")
        torn = size <= len(header) and header.startswith(bare)
        if torn or (not bare and _only_nul(descriptor)):
            os.ftruncate(descriptor, 0)
            return 0
        first = start.split(b"\n", 1)[0].decode("utf-8", "replace")
        if start.startswith(header[:-1] + b"\r"):
            first = "the header with Windows line ends"
        raise DataError(
            f"{path}: expected a log that begins with {header[:40].decode()}..., "
            f"received {first[:60]!r}",
            f"move it away or give {table.setting} another name",
        )
    good = _whole_end(descriptor, size, table)
    if good < size:
        os.ftruncate(descriptor, good)
        _LOGGER.warning("%s: the last %d bytes were torn and are cut off", path, size - good)
    return good


def _whole_end(descriptor: int, size: int, table: Table) -> int:
    """Return where the last whole row ends; at least the header's length."""
    first = len(table.header)
    end = size
    while end > first:  # the NUL tail
        start = max(first, end - _CHUNK)
        kept = read_at(descriptor, start, end - start).rstrip(b"\0")
        end = start + len(kept)
        if kept:
            break
    while end > first:
        start = max(first - 1, end - _ROW_MAX)
        tail = read_at(descriptor, start, end - start)
        if not tail.endswith(b"\n"):
            newline = tail.rfind(b"\n")
            end = start + newline + 1 if newline >= 0 else start
            continue
        before = tail.rfind(b"\n", 0, -1)
        if before >= 0 and table.is_whole(tail[before + 1 : -1]):
            break
        end = start + before + 1 if before >= 0 else start
    return max(end, first)


def read_at(descriptor: int, offset: int, count: int) -> bytes:
    """Read `count` bytes at `offset`; pread is missing on Windows."""
    os.lseek(descriptor, offset, os.SEEK_SET)
    data = b""
    while len(data) < count:
        piece = os.read(descriptor, count - len(data))
        if not piece:
            break
        data += piece
    return data


def write_all(descriptor: int, blob: bytes, size: int) -> None:
    """Append `blob` to a file of `size` bytes: all of it, or nothing and OSError."""
    left = memoryview(blob)
    try:
        while left:
            left = left[os.write(descriptor, left) :]
    except OSError:
        os.ftruncate(descriptor, size)
        raise


def _only_nul(descriptor: int) -> bool:
    os.lseek(descriptor, 0, os.SEEK_SET)
    while piece := os.read(descriptor, _CHUNK):
        if piece.strip(b"\0"):
            return False
    return True


def first_row(descriptor: int, table: Table) -> bytes:
    """Return the first row of a log, without its newline; empty where there is none."""
    return read_at(descriptor, len(table.header), _ROW_MAX).split(b"\n", 1)[0]


def rotated_path(path: Path, began: datetime) -> Path:
    """Return a free name for `path` when it is put aside: ``log-20261122-000000.csv``.

    The time is that of the file's first row. ``-2``, ``-3`` and so on follow where a file of
    that name, compressed or not, is there already.
    """
    stamp = began.strftime("%Y%m%d-%H%M%S")
    number = 1
    while True:
        extra = "" if number == 1 else f"-{number}"
        name = path.with_name(f"{path.stem}-{stamp}{extra}{path.suffix}")
        # Not Path.exists, which raises where a disk that fails does not answer.
        if not os.path.exists(name) and not os.path.exists(f"{name}.gz"):
            return name
        number += 1


def _pattern(path: Path, more: str) -> re.Pattern[str]:
    """Match the names of files that `path` was put aside as, with `more` at the end."""
    stem, suffix = re.escape(path.stem), re.escape(path.suffix)
    return re.compile(stem + r"-(\d{8}-\d{6})(?:-(\d+))?" + suffix + more)


def rotated_files(path: Path) -> list[Path]:
    """Return the rotated files that belong to the log `path`, oldest first."""
    pattern = _pattern(path, r"(?:\.gz)?")
    found = []
    try:
        names = os.listdir(path.parent)
    except OSError:
        return []
    for name in names:
        if match := pattern.fullmatch(name):
            found.append((match[1], int(match[2] or 1), path.parent / name))
    return [file for _, _, file in sorted(found)]


def named_day(path: Path, file: Path) -> date:
    """Return the local date in the name of a rotated file; the first of all where it is none."""
    match = _pattern(path, r"(?:\.gz)?").fullmatch(file.name)
    try:
        return datetime.strptime(match[1], "%Y%m%d-%H%M%S").date() if match else date.min
    except ValueError:
        return date.min


def clean_up(path: Path) -> None:
    """Delete half-written compressed files that an interrupted process left behind."""
    pattern = _pattern(path, r"\.gz\.tmp")
    for file in path.parent.glob("*.gz.tmp"):
        if pattern.fullmatch(file.name):  # log-hall.csv has log-hall-...: not that of log.csv
            with contextlib.suppress(OSError):
                file.unlink()


def compress_rotated(path: Path, stop: threading.Event) -> None:
    """Compress all rotated files that are not yet; stops between chunks when `stop` is set."""
    for file in rotated_files(path):
        if stop.is_set():
            return
        if file.suffix != ".gz":
            compress(file, stop)


def compress(file: Path, stop: threading.Event) -> bool:
    """Replace `file` by ``file.gz``; return whether that is done.

    The compressed copy is written under another name, forced onto the disk and renamed; only
    then is the original deleted. An existing ``file.gz`` is kept unless it has this content.
    """
    target = file.with_name(file.name + ".gz")
    partial = file.with_name(target.name + ".tmp")
    try:
        if not target.exists():
            _compress_into(file, partial, stop)
            if stop.is_set():
                partial.unlink()
                return False
            os.rename(partial, target)
            _sync_folder(file.parent)
        elif not _same_content(file, target):
            _LOGGER.warning("%s: kept beside %s, which has other content", file, target.name)
            return False
        file.unlink()
        return True
    except (OSError, EOFError, zlib.error) as error:
        with contextlib.suppress(OSError):
            partial.unlink()
        _LOGGER.warning("%s: stays uncompressed: %s", file, error)
        return False


def _compress_into(file: Path, partial: Path, stop: threading.Event) -> None:
    stat = file.stat()
    with contextlib.suppress(FileNotFoundError):
        partial.unlink()
    # Never through a link that somebody has planted under this name.
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    descriptor = os.open(partial, flags | getattr(os, "O_NOFOLLOW", 0), MODE)
    with os.fdopen(descriptor, "wb") as raw, file.open("rb") as source:
        with gzip.GzipFile(file.name, "wb", 6, raw, stat.st_mtime) as packed:
            while not stop.is_set() and (piece := source.read(_CHUNK)):
                packed.write(piece)
        raw.flush()
        os.fsync(raw.fileno())
    # Retention counts from when it was put aside, not from the compression.
    with contextlib.suppress(OSError):
        os.utime(partial, (stat.st_atime, stat.st_mtime))


def _same_content(file: Path, packed: Path) -> bool:
    with file.open("rb") as one, gzip.open(packed, "rb") as other:
        while True:
            piece = one.read(_CHUNK)
            if piece != other.read(_CHUNK):
                return False
            if not piece:
                return True


def _sync_folder(folder: Path) -> None:
    """Force a rename onto the disk; a folder cannot be opened on Windows."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Lane:
    """A background thread for one kind of slow work, at most one job at a time."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._thread: threading.Thread | None = None
        self._failing = False

    @property
    def busy(self) -> bool:
        """Whether a job is running."""
        return self._thread is not None and self._thread.is_alive()

    def start(self, job: Callable[[], None]) -> bool:
        """Run `job` in the background.

        Returns False, without it, while another runs or where the system has no thread left:
        that puts slow work off, and is no reason to stop reading faces.
        """
        if self.busy:
            return False
        thread = threading.Thread(target=job, name=self._name, daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            if not self._failing:
                _LOGGER.warning("%s is put off: %s", self._name, error)
            self._failing = True
            return False
        self._thread, self._failing = thread, False
        return True

    def join(self, timeout_s: float) -> None:
        """Wait for the running job, but not for ever."""
        if self._thread is not None:
            self._thread.join(timeout_s)
