"""CSV logs to arrays: many files, rotated, gzipped, torn, with the tail a power cut leaves.

A bad row is dropped and counted, never a reason to give up the others; a file that is no log
at all is an error. Files are read in blocks, so memory grows with the arrays alone (about 70
bytes a row), not with the text (about 150).
"""

from __future__ import annotations

import csv
import gzip
import io
import math
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from ..labels import EMOTIONS, UNCERTAIN
from .extra import need
from .timestamps import parse_times

LABELS: Final = (*EMOTIONS, UNCERTAIN)
"""What a row's ``emotion`` may be; `Readings.emotion` is an index into this."""

_INTEGERS: Final = ("frame", "face_id")
_FLOATS: Final = ("elapsed_s", "confidence", *(f"p_{e}" for e in EMOTIONS))
COLUMNS: Final = ("timestamp", *_INTEGERS, *_FLOATS, "emotion", "model")
"""Columns that the report reads; others may be there or not, in any order."""

_BLOCK: Final = 4 << 20
"""Bytes parsed at once; larger gains no speed."""

_LINE_LIMIT: Final = 1 << 16
"""Bytes; a longer line is no row of ours."""

_SUFFIXES: Final = (".csv", ".csv.gz")


@dataclass(frozen=True)
class Readings:
    """One entry per row of the logs, in the order of the files and of their rows."""

    utc_ms: NDArray[np.int64]
    """(N,) milliseconds since 1970-01-01 UTC."""
    offset_min: NDArray[np.int16]
    """(N,) minutes that the kiosk's local time was ahead of UTC."""
    elapsed_s: NDArray[np.float64]
    """(N,) seconds since the start of the run, monotonic."""
    frame: NDArray[np.int64]
    """(N,) number of the frame within the run."""
    face_id: NDArray[np.int64]
    """(N,) number of the face within the run."""
    emotion: NDArray[np.int8]
    """(N,) index into `LABELS`."""
    confidence: NDArray[np.float32]
    """(N,) smoothed probability of the label, 0–1."""
    probabilities: NDArray[np.float32]
    """(N, 7) raw probabilities in the order of `labels.EMOTIONS`."""
    source: NDArray[np.int32]
    """(N,) number of the file."""

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.utc_ms)

    def take(self, rows: NDArray[Any]) -> Readings:
        """Return the rows that an index or mask array names."""
        return Readings(*(getattr(self, f.name)[rows] for f in fields(self)))


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


def find_logs(paths: Iterable[Path]) -> list[Path]:
    """Return the log files that are meant: files as they are, folders by their ``*.csv[.gz]``.

    Raises
    ------
    DataError
        If a path does not exist or a folder holds no log.
    """
    found: dict[Path, Path] = {}
    for path in paths:
        if path.is_dir():
            inside = sorted(p for p in path.iterdir() if p.name.endswith(_SUFFIXES) and p.is_file())
            if not inside:
                raise DataError(
                    f"folder {path}: expected logs (*.csv, *.csv.gz), received none",
                    "give the folder or the files that csv.path of the configuration names",
                )
        elif path.exists():
            inside = [path]
        else:
            raise DataError(
                f"log {path}: expected a file or a folder, received a path that does not exist",
                "check csv.path in the configuration",
            )
        for item in inside:
            found.setdefault(item.resolve(), item)
    return list(found.values())


def read_logs(paths: Iterable[Path]) -> tuple[Readings, list[FileNotes], list[str]]:
    """Read many logs.

    Returns
    -------
    readings
        All rows, file after file.
    notes
        One entry per file.
    models
        Names of the models that wrote the rows, sorted.

    Raises
    ------
    DataError
        If a file cannot be read or is not a log of ours, or if no file holds a row.
    """
    notes: list[FileNotes] = []
    parts: list[Readings] = []
    models: set[str] = set()
    for number, path in enumerate(find_logs(paths)):
        note = FileNotes(path)
        notes.append(note)
        try:
            with path.open("rb") as raw:
                for part, names in _read(_unzipped(raw), note, number):
                    parts.append(part)
                    models |= names
        except OSError as error:
            reason = error.strerror or str(error)
            hint = "ask for membership in the group fer-edge" if error.errno == 13 else ""
            raise DataError(f"log {path}: cannot be read: {reason}", hint) from None
    if not sum(len(p) for p in parts):
        raise DataError(
            f"expected at least one row of readings, received none in {len(notes)} file(s)",
            "the service writes a row only while it sees a face",
        )
    joined = []
    for field in fields(Readings):
        joined.append(np.concatenate([getattr(p, field.name) for p in parts]))
    return Readings(*joined), notes, sorted(models)


def _unzipped(raw: BinaryIO) -> BinaryIO:
    """Go by the first bytes, not by the name: rotation tools rename."""
    magic = raw.read(2)
    raw.seek(0)
    return gzip.GzipFile(fileobj=raw) if magic == b"\x1f\x8b" else raw  # type: ignore[return-value]


def _read(stream: BinaryIO, note: FileNotes, number: int) -> Iterator[tuple[Readings, set[str]]]:
    header: list[str] | None = None
    for block in _blocks(stream, note):
        if header is None:
            first, _, block = block.partition(b"\n")
            header = _header(first, note.path)
        if block:
            yield _parse(block, header, note, number)


def _blocks(stream: BinaryIO, note: FileNotes) -> Iterator[bytes]:
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


def _header(line: bytes, path: Path) -> list[str]:
    names = line.decode("utf-8", "replace").lstrip("\ufeff").strip().split(",")
    missing = [c for c in COLUMNS if c not in names]
    if missing:
        shown = "".join(c if c.isprintable() else "?" for c in ",".join(names)[:60])
        raise DataError(
            f"log {path}: expected a header with {', '.join(missing[:4])}"
            f"{' …' if len(missing) > 4 else ''}, received '{shown}'",
            "give a CSV written by fer-runtime --csv, unchanged by a spreadsheet",
        )
    return names


def _parse(
    block: bytes, header: list[str], note: FileNotes, number: int
) -> tuple[Readings, set[str]]:
    """Parse whole lines; where a line resists, drop the bad ones and parse the rest."""
    try:
        table = _table(block, header)
    except (ValueError, OverflowError):
        table = _table(_good_lines(block, header, note), header)
    utc_ms, offset_min, valid = parse_times(table["timestamp"].to_numpy(object))
    emotion = np.full(len(table), -1, np.int8)
    categories = table["emotion"].cat
    codes = np.asarray(
        [LABELS.index(c) if c in LABELS else -1 for c in categories.categories], np.int8
    )
    known = categories.codes.to_numpy() >= 0
    emotion[known] = codes[categories.codes.to_numpy()[known]]
    probabilities = np.stack(
        [table[f"p_{e}"].to_numpy(np.float32) for e in EMOTIONS], axis=1
    )  # (n, 7)
    confidence = table["confidence"].to_numpy(np.float32)
    elapsed = table["elapsed_s"].to_numpy(np.float64)
    valid &= (emotion >= 0) & np.isfinite(elapsed) & (confidence >= 0) & (confidence <= 1)
    valid &= ((probabilities >= 0) & (probabilities <= 1)).all(axis=1)
    valid &= table["model"].notna().to_numpy()
    readings = Readings(
        utc_ms,
        offset_min,
        elapsed,
        table["frame"].to_numpy(np.int64),
        table["face_id"].to_numpy(np.int64),
        emotion,
        confidence,
        probabilities,
        np.full(len(table), number, np.int32),
    )
    names = {str(m) for m in table["model"][valid].unique()}
    if not valid.all():
        note.bad_rows += int((~valid).sum())
        readings = readings.take(valid)
    note.rows += len(readings)
    return readings, names


def _table(block: bytes, header: list[str]) -> Any:
    kinds: dict[str, Any] = dict.fromkeys(_INTEGERS, "int64") | dict.fromkeys(_FLOATS, "float64")
    kinds |= {"timestamp": object, "emotion": "category", "model": "category"}
    return need("pandas").read_csv(
        io.BytesIO(block),
        header=None,
        names=header,
        usecols=list(COLUMNS),
        dtype=kinds,
        index_col=False,
        encoding_errors="replace",
        on_bad_lines="error",
    )


def _good_lines(block: bytes, header: list[str], note: FileNotes) -> bytes:
    """Keep the lines that are whole rows. Slow, and only for a block that holds a bad one."""
    places = {name: header.index(name) for name in COLUMNS}
    kept: list[bytes] = []
    for line in block.splitlines():
        if not line.strip():
            continue
        values = next(csv.reader([line.decode("utf-8", "replace")]), [])
        if values == header:
            continue  # logs joined with cat
        try:
            if len(values) != len(header):
                raise ValueError
            for name in _INTEGERS:
                if abs(int(values[places[name]])) >= 1 << 62:
                    raise ValueError
            for name in _FLOATS:
                if not math.isfinite(float(values[places[name]])):
                    raise ValueError
        except ValueError:
            note.bad_rows += 1
        else:
            kept.append(line)
    return b"\n".join(kept) + b"\n" if kept else b""
