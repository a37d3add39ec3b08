"""A log as whole lines in a plain file, whatever a power cut or a rotation tool has left."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from fer_runtime.errors import DataError

_BLOCK: Final = 1 << 20
_HEADER_LIMIT: Final = 1 << 16
"""Bytes; a longer first line is no header of ours."""


@dataclass
class FileNotes:
    """What was found in one file."""

    path: Path
    rows: int = 0
    """Rows read."""
    bad_rows: int = 0
    """Rows dropped: torn, or with a value that cannot be."""
    damaged: bool = False
    """The compressed data end too early; what was before was read."""


def header_of(path: Path) -> bytes:
    """Return the first line of a log, unzipped, without its end; empty where there is none.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    with path.open("rb") as raw:
        try:
            start = _unzipped(raw).read1(_HEADER_LIMIT)  # type: ignore[attr-defined]
        except (EOFError, zlib.error, gzip.BadGzipFile):
            return b""
    return bytes(start.replace(b"\0", b"").split(b"\n", 1)[0].rstrip(b"\r"))


def whole(path: Path, scratch: Path, note: FileNotes) -> Path:
    """Return a plain file of whole lines: the log itself where it is one, else a copy.

    Parameters
    ----------
    path
        The log, plain or gzipped; told by its first bytes, for rotation tools rename.
    scratch
        Where the copy goes.
    note
        Is told of a torn last line and of compressed data that end too early.

    Raises
    ------
    OSError
        If the log cannot be read.
    DataError
        If there is no room for the copy.
    """
    with path.open("rb") as raw:
        zipped = raw.read(2) == b"\x1f\x8b"
        if not zipped:
            raw.seek(0, 2)
            size = raw.tell()
            raw.seek(max(0, size - _BLOCK))
            tail = raw.read()
            if tail.endswith(b"\n") and b"\0" not in tail:
                return path
        raw.seek(0)
        try:
            with scratch.open("wb") as out:
                _copy(_unzipped(raw), out, note)
        except OSError as error:
            if error.filename not in (None, str(scratch)):
                raise
            raise DataError(
                f"log {path}: cannot be unpacked into {scratch.parent}: {error.strerror}",
                "free some space there, or name another folder with the variable TMPDIR",
            ) from None
    return scratch


def without_half_quotes(path: Path, scratch: Path) -> tuple[Path, int]:
    """Return a copy of a plain log without lines whose quotes are not in pairs, and their number.

    A row of ours is one line, so such a line is torn.
    """
    dropped = 0
    target = scratch / "paired.csv"
    with path.open("rb") as lines, target.open("wb") as out:
        for line in lines:
            if line.count(b'"') % 2:
                dropped += 1
            else:
                out.write(line)
    return target, dropped


def _unzipped(raw: BinaryIO) -> BinaryIO:
    raw.seek(0)
    magic = raw.read(2)
    raw.seek(0)
    return gzip.GzipFile(fileobj=raw) if magic == b"\x1f\x8b" else raw  # type: ignore[return-value]


def _copy(stream: BinaryIO, out: BinaryIO, note: FileNotes) -> None:
    """Copy whole lines without NULs; a last line without an end was cut by a power loss."""
    rest = b""
    while True:
        try:
            # read1, because read() would throw away what it had when the data end too early.
            piece = stream.read1(_BLOCK)  # type: ignore[attr-defined]
        except (EOFError, zlib.error, gzip.BadGzipFile):
            note.damaged = True
            piece = b""
        if not piece:
            break
        lines, newline, tail = piece.replace(b"\0", b"").rpartition(b"\n")
        if newline:
            out.write(rest + lines + newline)
            rest = b""
        # A line of a log is no longer than this; a tail that is longer is damage.
        rest = (rest + tail)[:_HEADER_LIMIT]
    note.bad_rows += bool(rest.strip())
