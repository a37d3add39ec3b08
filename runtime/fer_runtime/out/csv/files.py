"""The files of a CSV log: damage repaired, names of rotated ones, compression, retention."""

from __future__ import annotations

import contextlib
import gzip
import logging
import os
import re
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from ...errors import DataError
from .row import READINGS, Table

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


def repair(descriptor: int, path: Path, table: Table = READINGS) -> int:
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
        if not name.exists() and not name.with_name(name.name + ".gz").exists():
            return name
        number += 1


def rotated_files(path: Path) -> list[Path]:
    """Return the rotated files that belong to the log `path`, oldest first."""
    pattern = re.compile(
        re.escape(path.stem) + r"-(\d{8}-\d{6})(?:-(\d+))?" + re.escape(path.suffix) + r"(?:\.gz)?"
    )
    found = []
    try:
        names = os.listdir(path.parent)
    except OSError:
        return []
    for name in names:
        if match := pattern.fullmatch(name):
            found.append((match[1], int(match[2] or 1), path.parent / name))
    return [file for _, _, file in sorted(found)]


def prune(path: Path, keep_files: int, keep_days: int, wall: datetime | None) -> None:
    """Delete rotated files beyond what is to be kept.

    Parameters
    ----------
    path
        The log.
    keep_files
        Newest files kept; 0 all.
    keep_days
        Days since its last row that a file is kept; 0 for ever.
    wall
        The present time, or None where the clock is not to be trusted: no file is then
        deleted for its age.
    """
    files = rotated_files(path)
    # A file and its copy that is being compressed are one.
    names = list(dict.fromkeys(file.name.removesuffix(".gz") for file in files))
    surplus = set(names[: max(0, len(names) - keep_files)]) if keep_files else set()
    for file in files:
        try:
            age_s = 0.0 if wall is None else wall.timestamp() - file.stat().st_mtime
            old = bool(keep_days) and age_s > keep_days * 86_400
            if old or file.name.removesuffix(".gz") in surplus:
                file.unlink()
                _LOGGER.info("%s: deleted, %s", file, "too old" if old else "too many files")
        except OSError as error:
            _LOGGER.warning("%s: cannot be deleted: %s", file, error.strerror)


def clean_up(path: Path) -> None:
    """Delete half-written compressed files that an interrupted process left behind."""
    for file in path.parent.glob(f"{glob_escape(path.stem)}-*.gz.tmp"):
        with contextlib.suppress(OSError):
            file.unlink()


def glob_escape(text: str) -> str:
    """Escape what has a meaning in a glob pattern."""
    return re.sub(r"([*?[])", r"[\1]", text)


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
    except (OSError, EOFError) as error:
        with contextlib.suppress(OSError):
            partial.unlink()
        _LOGGER.warning("%s: stays uncompressed: %s", file, error)
        return False


def _compress_into(file: Path, partial: Path, stop: threading.Event) -> None:
    stat = file.stat()
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, MODE)
    with os.fdopen(descriptor, "wb") as raw, file.open("rb") as source:
        with gzip.GzipFile(file.name, "wb", 6, raw, stat.st_mtime) as packed:
            while not stop.is_set() and (piece := source.read(_CHUNK)):
                packed.write(piece)
        raw.flush()
        os.fsync(raw.fileno())
    # Retention counts from the last row, not from the compression.
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

    @property
    def busy(self) -> bool:
        """Whether a job is running."""
        return self._thread is not None and self._thread.is_alive()

    def start(self, job: Callable[[], None]) -> bool:
        """Run `job` in the background; return False, without it, while another runs."""
        if self.busy:
            return False
        self._thread = threading.Thread(target=job, name=self._name, daemon=True)
        self._thread.start()
        return True

    def join(self, timeout_s: float) -> None:
        """Wait for the running job, but not for ever."""
        if self._thread is not None:
            self._thread.join(timeout_s)
