"""The bytes of a log as whole lines, whatever a power cut or a rotation tool has left."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

_BLOCK: Final = 4 << 20
"""Bytes parsed at once; larger gains no speed."""

_LINE_LIMIT: Final = 1 << 16
"""Bytes; a longer line is no row of ours."""


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


def unzipped(raw: BinaryIO) -> BinaryIO:
    """Go by the first bytes, not by the name: rotation tools rename."""
    magic = raw.read(2)
    raw.seek(0)
    return gzip.GzipFile(fileobj=raw) if magic == b"\x1f\x8b" else raw  # type: ignore[return-value]


def whole_lines(stream: BinaryIO, note: FileNotes) -> Iterator[bytes]:
    """Yield whole lines, some megabytes at a time, without NULs."""
    parts: list[bytes] = []
    size = 0
    first = True
    while True:
        try:
            # read1, because read() would throw away what it had when the data end too early.
            piece = stream.read1(1 << 18)  # type: ignore[attr-defined]
        except (EOFError, zlib.error, gzip.BadGzipFile):
            note.damaged = True
            piece = b""
        if not piece:
            break
        parts.append(piece)
        size += len(piece)
        if size >= _BLOCK or (first and b"\n" in piece):
            text = b"".join(parts).replace(b"\0", b"")
            whole, newline, rest = text.rpartition(b"\n")
            if newline:
                yield whole + newline
            elif first:
                break  # no line of a log is as long as this
            first = False
            parts, size = [rest[:_LINE_LIMIT]], len(rest[:_LINE_LIMIT])
    rest = b"".join(parts).replace(b"\0", b"")
    whole, newline, torn = rest.rpartition(b"\n")
    if newline:
        yield whole + newline
    elif first and torn:
        yield torn[:_LINE_LIMIT] + b"\n"  # a single line: the header, or no log at all
        return
    # A last line without an end was cut by a power loss: its last number may be, too.
    note.bad_rows += bool(torn.strip())
