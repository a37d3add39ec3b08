"""The rows of a feedback file that say what a face showed, and what it was called."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fer_runtime.errors import DataError
from fer_runtime.labels import EMOTIONS, UNCERTAIN

NO_FACE: Final = "no face"
"""Stands for an empty ``predicted``: no face was seen during the trial."""

OUTCOMES: Final = (*EMOTIONS, UNCERTAIN, NO_FACE)
"""What an answer may be: the columns of the confusion matrix."""

NEEDED: Final = ("kind", "participant", "real", "predicted", "reaction_s")
"""Columns without which a file is no feedback file; ``p_angry`` … are used where they are."""


@dataclass(frozen=True)
class Answer:
    """One row with a true and a predicted label."""

    kind: str
    participant: str
    real: str
    predicted: str
    """One of `OUTCOMES`."""
    likeliest: str
    """Emotion with the highest raw probability; empty where no face was seen."""
    reaction_s: float | None


def rows_of(path: Path) -> Iterator[dict[str, str]]:
    """Yield the rows of a feedback file; torn ones come out short and are counted as bad."""
    try:
        text = path.read_bytes().replace(b"\0", b"").decode("utf-8-sig", "replace")
    except OSError as error:
        raise DataError(
            f"feedback file {path}: cannot be read: {error.strerror}", "check --feedback"
        ) from None
    lines = text.splitlines()
    header = next(csv.reader(lines[:1]), [])
    missing = [name for name in NEEDED if name not in header]
    if missing:
        shown = "".join(c if c.isprintable() else "?" for c in ",".join(header)[:60])
        raise DataError(
            f"feedback file {path}: expected a header with {', '.join(missing)}, "
            f"received '{shown}'",
            "give a file written by fer-runtime --feedback or --study, as it is",
        )
    for line in lines[1:]:
        try:
            values = next(csv.reader([line]), [])
        except csv.Error:  # far too long
            values = [line]
        if values and values != header:
            whole = len(values) == len(header)
            yield dict(zip(header, values, strict=True)) if whole else {}


def answer_of(row: dict[str, str]) -> Answer | None:
    """Return what a row says, None where it cannot be."""
    predicted = row.get("predicted", "") or NO_FACE
    if row.get("kind") not in ("study", "key") or row["real"] not in EMOTIONS:
        return None
    if predicted not in OUTCOMES:
        return None
    try:
        raw = [float(row[f"p_{e}"]) for e in EMOTIONS]
        likeliest = EMOTIONS[raw.index(max(raw))]
    except (KeyError, ValueError):
        likeliest = ""
    try:
        reaction = float(row["reaction_s"])
    except ValueError:
        reaction = math.nan
    return Answer(
        row["kind"],
        row["participant"],
        row["real"],
        predicted,
        likeliest,
        reaction if math.isfinite(reaction) else None,
    )
