"""Makes ``ferplus_votes.csv`` from FER+'s own ``fer2013new.csv``.

That table has a row for each row of the challenge's ``fer2013.csv`` and no names of pictures. For
a ``fer2013.csv`` the rows' numbers are the names; for a folder of pictures, whose names nobody
keeps, each picture is looked for among the rows of ``fer2013.csv`` by its pixels.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_runtime.errors import DataError

from ..nets.heads import FERPLUS_CLASSES
from ..progress import Progress
from .csv_data import USAGES, read_fer2013_csv
from .datasets import FolderDataset, Split
from .ferplus import VOTE_COLUMNS

_CELLS: Final = 8
"""Rows and columns of the thumbnails that are compared first."""
_MOST: Final = 10.0
"""Mean difference, in grey levels, up to which two pictures are the same one, JPEG included."""


def rows_of_csv(path: Path) -> dict[str, list[str]]:
    """Read ``fer2013new.csv``: ten votes by ``train/<row>`` or ``validation/<row>``.

    Raises
    ------
    DataError
        If the file cannot be read, lacks a column, or a vote is no whole number.
    """
    names = ["Usage", *FERPLUS_CLASSES, "unknown", "NF"]
    votes: dict[str, list[str]] = {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, skipinitialspace=True)
            missing = [name for name in names if name not in (reader.fieldnames or ())]
            if missing:
                raise DataError(
                    f"votes {path}: expected FER+'s fer2013new.csv with a column "
                    f"{missing[0]!r}, found none"
                )
            for number, row in enumerate(reader):
                if row["Usage"] in USAGES:
                    values = [row[name] for name in names[1:]]
                    if not all((value or "").isdecimal() for value in values):
                        raise DataError(
                            f"votes {path} line {reader.line_num}: expected ten whole numbers"
                        )
                    votes[f"{USAGES[row['Usage']]}/{number}"] = values
    except FileNotFoundError:
        raise DataError(f"votes {path}: no such file") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"votes {path}: cannot be read: {error}") from None
    return votes


def names_of_folder(
    data: FolderDataset, rows: Path, progress: Progress | None = None
) -> dict[str, str]:
    """Find each picture of a folder among the rows of ``fer2013.csv``.

    Returns
    -------
    Name of the row, ``train/17``, by name of the picture; those that are not found are left out.

    Raises
    ------
    DataError
        If that is all of them, or the file cannot be read.
    """
    known = read_fer2013_csv(rows, USAGES, progress)
    found: dict[str, str] = {}
    splits: tuple[Split, ...] = ("train", "validation")
    for split in splits:
        if split not in known or not data.has(split):
            continue
        pictures = data.load(split, progress=progress, skip_bad=True)
        table, _labels, names = known[split]
        thumbs, rows_thumbs = _thumbnails(pictures.crops), _thumbnails(table)
        lengths = (rows_thumbs**2).sum(axis=1)
        for start in range(0, len(thumbs), 512):
            part = thumbs[start : start + 512]
            # |a - b|² without |a|², which is the same for all b.
            nearest = (lengths - 2.0 * part @ rows_thumbs.T).argmin(axis=1)
            for i, row in enumerate(nearest, start):
                gap = np.abs(pictures.crops[i].astype(np.int16) - table[row]).mean()
                if gap <= _MOST:
                    found[pictures.files[i]] = names[row]
    if not found:
        raise DataError(f"data {data.folder}: expected pictures of {rows}, found none of them")
    return found


def _thumbnails(crops: NDArray[np.uint8]) -> NDArray[np.float32]:
    small = [cv2.resize(c, (_CELLS, _CELLS), interpolation=cv2.INTER_AREA) for c in crops]
    return np.asarray(small, np.float32).reshape(len(crops), -1)


def table_text(votes: dict[str, list[str]], names: dict[str, str] | None) -> str:
    """Return the table that `ferplus.read_votes` reads; `names` gives rows by picture."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["file", *VOTE_COLUMNS])
    for picture, row in (names or {name: name for name in votes}).items():
        if row in votes:
            writer.writerow([picture, *votes[row]])
    return out.getvalue()
