"""Which kind of records a file holds: readings, visits or minutes, told by its columns."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from fer_runtime.errors import FerError
from fer_runtime.out.csv.row import MINUTES, VISITS, Table

from ..extra import need
from .paths import are_parquet
from .repair import FileNotes, header_of, nothing_left

READINGS: Final = "readings"
KINDS: Final = (READINGS, "visits", "minutes")
"""From the one that says most to the one that says least."""

TABLES: Final[dict[str, Table]] = {"visits": VISITS, "minutes": MINUTES}


def chosen(files: Sequence[Path]) -> tuple[str, list[Path], list[Path]]:
    """Return the kind of a report, the files that it rests on and those left out.

    Visits and minutes tell the same time again as the readings that they come from, and a log of
    readings does not say of which kiosk it is; so one kind counts: the first of `KINDS` that is
    there.
    """
    if are_parquet(files):
        # Partitions of one archive are alike: one file of each tells.
        of_root: dict[Path, str] = {}
        kinds = []
        for file in files:
            root = next((p.parent for p in file.parents if p.name.startswith("device=")), file)
            if root not in of_root:
                of_root[root] = _kind(_parquet_columns(file))
            kinds.append(of_root[root])
    else:
        kinds = [_csv_kind(file) for file in files]
    kind = min(filter(None, kinds), key=KINDS.index, default=READINGS)
    used = [f for f, k in zip(files, kinds, strict=True) if k in ("", kind)]
    return kind, used, [f for f, k in zip(files, kinds, strict=True) if k not in ("", kind)]


def _kind(names: Sequence[str]) -> str:
    """Return the kind; readings also where it is none, which reading them then says."""
    there = set(names) | {"device"}  # of Parquet it may be the folder's name
    return next((k for k, t in TABLES.items() if there.issuperset(t.columns)), READINGS)


def _csv_kind(path: Path) -> str:
    """Return the kind; empty where nothing is left of the file that could tell."""
    try:
        if nothing_left(path, FileNotes(path)):
            return ""
        line = header_of(path)
    except OSError:
        return READINGS
    return _kind(next(csv.reader([line]), []))


def _parquet_columns(path: Path) -> list[str]:
    duckdb = need("duckdb")
    try:
        with duckdb.connect() as con:
            found = con.execute("SELECT name FROM parquet_schema(?)", [str(path)]).fetchall()
    except (duckdb.Error, FerError):
        return []
    return [str(name) for (name,) in found]
