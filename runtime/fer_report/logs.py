"""CSV logs to arrays: many files, rotated, gzipped, torn, with the tail a power cut leaves.

A bad row is dropped and counted, never a reason to give up the others; a file that is no log
at all is an error. Files are read in blocks, so memory grows with the arrays alone (about 70
bytes a row), not with the text (about 150).
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from fer_runtime.errors import DataError
from fer_runtime.labels import EMOTIONS, UNCERTAIN

from .blocks import FileNotes, unzipped, whole_lines
from .extra import need
from .timestamps import parse_times

LABELS: Final = (*EMOTIONS, UNCERTAIN)
"""What a row's ``emotion`` may be; `Readings.emotion` is an index into this."""

_INTEGERS: Final = ("frame", "face_id")
_FLOATS: Final = ("elapsed_s", "confidence", *(f"p_{e}" for e in EMOTIONS))
COLUMNS: Final = ("timestamp", *_INTEGERS, *_FLOATS, "emotion", "model")
"""Columns that the report reads; others may be there or not, in any order."""

_LATEST_MS: Final = 4_102_444_800_000
"""2100-01-01 UTC."""

FACE_LIMIT: Final = 1 << 32
"""No run counts as many faces."""

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
                for part, names in _read(unzipped(raw), note, number):
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


def _read(stream: BinaryIO, note: FileNotes, number: int) -> Iterator[tuple[Readings, set[str]]]:
    header: list[str] | None = None
    for block in whole_lines(stream, note):
        if header is None:
            first, _, block = block.partition(b"\n")
            header = _header(first, note.path)
        if block:
            yield _parse(block, header, note, number)


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
    face_id, frame = table["face_id"].to_numpy(np.int64), table["frame"].to_numpy(np.int64)
    # A damaged digit must neither stretch the page over centuries nor join two faces.
    valid &= (utc_ms >= 0) & (utc_ms < _LATEST_MS) & (elapsed >= 0) & (elapsed < _LATEST_MS / 1000)
    valid &= (frame >= 0) & (face_id >= 0) & (face_id < FACE_LIMIT)
    readings = Readings(
        utc_ms,
        offset_min,
        elapsed,
        frame,
        face_id,
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
