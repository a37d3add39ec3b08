"""A log as whole lines in a plain file, whatever a power cut or a rotation tool has left."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from fer_runtime.errors import DataError

_BLOCK: Final = 1 << 20
_ZIPPED: Final = 1 << 16
"""Compressed bytes at a time; they may become a thousand times as many."""
_STEP: Final = 256
_GZIP: Final = 31
"""Makes zlib expect a header of gzip, and look at its checksum."""
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


def header_of(path: Path) -> str:
    """Return the first line of a log, unzipped, without its end; empty where there is none.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    start = b""
    with path.open("rb") as raw, suppress(EOFError, zlib.error):
        for piece in _pieces(raw):
            start += piece.replace(b"\0", b"")
            if b"\n" in start or len(start) >= _HEADER_LIMIT:
                break
    line = start[:_HEADER_LIMIT].split(b"\n", 1)[0]
    return line.decode("utf-8-sig", "replace").strip()


def nothing_left(path: Path, note: FileNotes) -> bool:
    """Return whether a file holds no whole line, as a power cut leaves one, and note its damage.

    It is empty, has zeros alone, or its compressed data end within the header: no reason to do
    without the other files.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    with path.open("rb") as raw:
        zipped = raw.read(2) == b"\x1f\x8b"
        try:
            for piece in _pieces(raw):
                if (b"\n" in piece) if zipped else piece.strip(b"\0"):
                    return False
            if zipped:
                return False  # whole, and yet no line: not written by us
            note.bad_rows = int(raw.tell() > 0)
        except (EOFError, zlib.error):
            note.damaged = True
    return True


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
        try:
            with scratch.open("wb") as out:
                _copy(_pieces(raw), out, note)
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


def _pieces(raw: BinaryIO) -> Iterator[bytes]:
    """Yield the bytes of a log, unzipped where it is zipped; every byte before damage.

    Raises
    ------
    EOFError, zlib.error
        If compressed data end too early or are damaged.
    """
    raw.seek(0)
    data = raw.read(_ZIPPED)
    if not data.startswith(b"\x1f\x8b"):
        while data:
            yield data
            data = raw.read(_BLOCK)
        return
    stream = zlib.decompressobj(_GZIP)
    while data:
        kept = stream.copy()
        try:
            out = stream.decompress(data)
        except zlib.error:
            # It throws away what it had; once more, in steps, as far as it goes.
            for i in range(0, len(data), _STEP):
                yield kept.decompress(data[i : i + _STEP])
            raise
        yield out
        data = b""
        if stream.eof:
            # Another member, or padding of a tape.
            data = stream.unused_data.lstrip(b"\0")
            while not data and (block := raw.read(_ZIPPED)):
                data = block.lstrip(b"\0")
            if not data:
                return
            stream = zlib.decompressobj(_GZIP)
        data = data or raw.read(_ZIPPED)
    raise EOFError


def _copy(pieces: Iterator[bytes], out: BinaryIO, note: FileNotes) -> None:
    """Copy whole lines without NULs; a last line without an end was cut by a power loss."""
    rest = b""
    try:
        for piece in pieces:
            text = piece.replace(b"\0", b"")
            whole_lines = text.rfind(b"\n") + 1
            if whole_lines:
                out.write(rest)
                out.write(memoryview(text)[:whole_lines])
                rest = b""
            # A line of a log is no longer than this; a tail that is longer is damage.
            rest = (rest + text[whole_lines:])[:_HEADER_LIMIT]
    except (EOFError, zlib.error):
        note.damaged = True
    note.bad_rows += bool(rest.strip())
