"""Reads fer2013.csv, the challenge's original file."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fer_runtime.errors import DataError, UsageError
from fer_runtime.labels import EMOTIONS
from fer_runtime.model.crop import CROP_SIZE

from ..progress import Progress
from .class_folders import ORDERS

USAGES: Final = {"Training": "train", "PublicTest": "validation"}
"""Splits of the file that are used; PrivateTest is left alone."""
_PIXELS = CROP_SIZE * CROP_SIZE

Rows = tuple[NDArray[np.uint8], NDArray[np.int64], list[str]]
"""Crops (N, 48, 48) grey, class numbers (N,) in the order of EMOTIONS, names."""


def read_fer2013_csv(
    path: Path,
    usages: Mapping[str, str],
    progress: Progress | None = None,
    skip_bad: bool = False,
) -> dict[str, Rows]:
    """Read the rows whose ``Usage`` is a key of `usages`, by the value of that key.

    Raises
    ------
    DataError
        If the file cannot be read, lacks a column, or a row is not 2,304 pixels of 0–255 and an
        emotion of 0–6; the line is named. Bad rows are left out with `skip_bad`.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, skipinitialspace=True)
            missing = {"emotion", "pixels", "Usage"} - set(reader.fieldnames or ())
            if missing:
                raise DataError(
                    f"data {path}: expected columns emotion, pixels, Usage, found "
                    f"{', '.join(reader.fieldnames or ()) or 'none'}"
                )
            rows = [(n, row) for n, row in enumerate(reader) if row["Usage"] in usages]
    except FileNotFoundError:
        raise DataError(f"data {path}: no such file") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"data {path}: cannot be read: {error}") from None
    found: dict[str, list[tuple[str, int, NDArray[np.uint8]]]] = {}
    for number, row in progress(rows, f"reading {path.name}") if progress else rows:
        split = usages[row["Usage"]]
        try:
            label = _class_number(row["emotion"])
            pixels = np.asarray(row["pixels"].split(), np.int64)
            if pixels.size != _PIXELS or pixels.min() < 0 or pixels.max() > 255:
                raise ValueError(f"{pixels.size} pixels")
        except (ValueError, IndexError, AttributeError, TypeError) as error:
            if skip_bad:
                continue
            raise DataError(
                f"data {path} row {number}: expected an emotion of 0-6 and {_PIXELS} pixels of "
                f"0-255, received {error}",
                "mend the row or give --skip-bad",
            ) from None
        crop = pixels.astype(np.uint8).reshape(CROP_SIZE, CROP_SIZE)
        found.setdefault(split, []).append((f"{split}/{number}", label, crop))
    return {
        split: (
            np.stack([crop for _, _, crop in items]),
            np.asarray([label for _, label, _ in items], np.int64),
            [name for name, _, _ in items],
        )
        for split, items in found.items()
    }


def is_csv(path: str | Path) -> bool:
    """Tell a file like fer2013.csv from a folder of pictures, by its name."""
    return Path(path).suffix.lower() == ".csv"


def refuse_face_search(path: str | Path) -> None:
    """Raise UsageError where faces are to be looked for in rows that are faces already."""
    if is_csv(path):
        raise UsageError(
            f"--detect-faces: expected a folder of whole photographs, received {path}, whose rows "
            "are faces cut out already",
            "leave it out",
        )


def _class_number(text: str) -> int:
    number = int(text)
    if number < 0:  # a list would be read from its end
        raise IndexError(f"emotion {number}")
    return EMOTIONS.index(ORDERS["challenge"][number])
