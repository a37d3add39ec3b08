"""FER+ votes: what ten people called each picture, their majority and their distribution.

Barsoum et al. 2016, "Training Deep Networks for Facial Expression Recognition with
Crowd-Sourced Label Distribution". Columns: the eight classes of `heads.FERPLUS_CLASSES`, then
``unknown`` and ``not_face``.
"""

from __future__ import annotations

import csv
import logging
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fer_runtime.errors import DataError

from ..nets.heads import FERPLUS_CLASSES, FERPLUS_TO_EMOTIONS

VOTE_COLUMNS = (*FERPLUS_CLASSES, "unknown", "not_face")
VOTES_NAME = "ferplus_votes.csv"
"""File that is looked for in the data folder."""
_MAX_UNUSABLE = 5
"""Pictures with more votes for unknown and not-a-face together are left out."""
_STRONG = 6
"""Votes, of ten, for one class that make a strong majority."""

Votes = NDArray[np.int64]

_LOGGER = logging.getLogger(__name__)
_ROW = re.compile(r"(train|validation)/\d+")


@dataclass(frozen=True)
class Majority:
    """What most people say; every array has one entry for each picture."""

    labels: NDArray[np.int64]
    """Class number in the order of EMOTIONS; -1 where the picture is left out."""
    strong: NDArray[np.bool_]
    """At least six of ten people say so; False where the picture is left out."""

    @property
    def usable(self) -> NDArray[np.bool_]:
        """Where there is a label."""
        return np.asarray(self.labels >= 0)


def counted_votes(votes: Votes) -> Votes:
    """Drop votes of 1 or less: (N, 10) to (N, 8), without unknown and not-a-face."""
    emotions = votes[:, : len(FERPLUS_CLASSES)]
    return np.where(emotions > 1, emotions, 0)


def _recognisable(votes: Votes) -> NDArray[np.bool_]:
    unusable = votes[:, len(FERPLUS_CLASSES) :].sum(axis=1)
    return np.asarray((unusable <= _MAX_UNUSABLE) & (counted_votes(votes).sum(axis=1) > 0))


def majority(votes: Votes) -> Majority:
    """Return the majority of each picture.

    Votes of 1 or less are dropped; left out are pictures with more than 5 votes for unknown or
    not-a-face, without any vote left, or with contempt first. The first class wins a tie.

    Parameters
    ----------
    votes
        (N, 10), columns as `VOTE_COLUMNS`; a row of zeros is a picture without votes.
    """
    counted = counted_votes(votes)
    first = counted.argmax(axis=1)
    to_emotion = np.full(len(FERPLUS_CLASSES), -1)
    for emotion, column in enumerate(FERPLUS_TO_EMOTIONS):
        to_emotion[column] = emotion
    labels = np.where(_recognisable(votes), to_emotion[first], -1).astype(np.int64)
    strong = (counted.max(axis=1, initial=0) >= _STRONG) & (labels >= 0)
    return Majority(labels, np.asarray(strong))


def distribution(votes: Votes) -> NDArray[np.float32]:
    """Return the share of each class: (N, 8) float32, rows summing to 1 or, left out, 0."""
    counted = counted_votes(votes) * _recognisable(votes)[:, np.newaxis]
    return np.asarray(counted / np.maximum(counted.sum(axis=1, keepdims=True), 1), np.float32)


def read_votes(path: str | Path) -> dict[str, tuple[int, ...]]:
    """Read a table of votes: ``file`` (relative to the data folder) and the ten columns.

    Raises
    ------
    DataError
        If the file cannot be read or a row is not ten whole numbers; the line is named.
    """
    path = Path(path)
    votes: dict[str, tuple[int, ...]] = {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            missing = [c for c in ("file", *VOTE_COLUMNS) if c not in (reader.fieldnames or ())]
            if missing:
                raise DataError(f"votes {path}: expected a column {missing[0]!r}, found none")
            for row in reader:
                try:
                    values = tuple(int(row[c]) for c in VOTE_COLUMNS)
                except (TypeError, ValueError):
                    raise DataError(
                        f"votes {path} line {reader.line_num}: expected ten whole numbers"
                    ) from None
                votes[row["file"]] = values
    except FileNotFoundError:
        raise DataError(f"votes {path}: no such file") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"votes {path}: cannot be read: {error}") from None
    return votes


def votes_of(files: list[str], votes: dict[str, tuple[int, ...]]) -> Votes:
    """Return (N, 10) votes of `files`; zeros where a file has none."""
    none = (0,) * len(VOTE_COLUMNS)
    table = [votes.get(name, none) for name in files]
    return np.asarray(table, np.int64).reshape(-1, len(VOTE_COLUMNS))


@dataclass
class VotesTable:
    """The votes for a set of pictures: a table that was asked for, or the one beside them."""

    path: Path | None
    """None where there is no table."""
    asked: bool
    """It was asked for, so it must be this set's."""
    _told: bool = False

    @classmethod
    def find(cls, folder: Path, votes: str | Path | None) -> VotesTable:
        """Take `votes`, or ``ferplus_votes.csv`` in `folder` where there is one."""
        own = folder / VOTES_NAME
        return cls(Path(votes) if votes else own if own.is_file() else None, bool(votes))

    @property
    def names_rows(self) -> bool:
        """Whether the table is that of a fer2013.csv: its names are numbers of rows."""
        return self.path is not None and any(map(_ROW.fullmatch, read_votes(self.path)))

    def of(self, files: list[str]) -> Votes | None:
        """Return (N, 10) votes; None without a table, or where the one beside names none of them.

        A table for fer2013.csv may lie beside folders of pictures, and the other way round.

        Raises
        ------
        DataError
            If the table cannot be read, or was asked for and names none of them.
        """
        if self.path is None:
            return None
        votes = votes_of(files, read_votes(self.path))
        if votes.any() or not files:
            return votes
        said = f"votes {self.path}: expected rows such as {files[0]}, found none of {len(files):,}"
        if self.asked:
            raise DataError(said, "fer-train votes makes the table for these pictures")
        if not self._told:
            _LOGGER.warning("%s: the table is not used", said)
        self._told = True
        return None
