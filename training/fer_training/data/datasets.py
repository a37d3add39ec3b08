"""Pictures with labels from a folder or from fer2013.csv; NumPy and OpenCV only.

A folder holds ``train/<class>/*`` and ``validation/<class>/*``; ``val``, ``valid`` and ``test``
are taken for validation where there is no such folder.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fer_runtime.errors import DataError
from fer_runtime.labels import EMOTIONS

from ..progress import Progress, plural
from .class_folders import SPLIT_NAMES, class_folders, pictures_below, split_folder
from .csv_data import USAGES, is_csv, read_fer2013_csv
from .ferplus import Votes, VotesTable
from .pictures import read_crop

Split = Literal["train", "validation"]


@dataclass(frozen=True)
class Pictures:
    """Crops with labels; every array has one entry for each picture."""

    crops: NDArray[np.uint8]
    """(N, h, w) uint8 grey, 0–255; (N, h, w, 3) for a colour model."""
    labels: NDArray[np.int64]
    """(N,) class numbers in the order of EMOTIONS."""
    files: list[str]
    """Names relative to the data folder, with forward slashes: ``train/happy/a.jpg``."""
    votes: Votes | None = None
    """(N, 10) FER+ votes, see `ferplus`; None where there are none."""

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, index: NDArray[Any]) -> Pictures:
        """Return the pictures at `index` (numbers or a mask)."""
        where = np.flatnonzero(index) if index.dtype == np.bool_ else index
        return Pictures(
            self.crops[where],
            self.labels[where],
            [self.files[i] for i in where],
            None if self.votes is None else self.votes[where],
        )

    def class_counts(self) -> dict[str, int]:
        """Return how many pictures each emotion has."""
        counts = np.bincount(self.labels, minlength=len(EMOTIONS))
        return {e: int(n) for e, n in zip(EMOTIONS, counts, strict=True)}


class FolderDataset:
    """A folder of class folders.

    Parameters
    ----------
    folder
        Holds ``train/<class>/*`` and, if there is one, ``validation/<class>/*``; or class
        folders alone, which then are both. ``ferplus_votes.csv`` in it is taken as FER+ votes.
    votes
        Another table of FER+ votes.
    order
        Of folders named 0 to 6, see `class_folders.ORDERS`.

    Raises
    ------
    DataError
        If the folder or its class folders are missing.
    """

    def __init__(
        self, folder: str | Path, votes: str | Path | None = None, order: str = ""
    ) -> None:
        self.folder, self._order = Path(folder), order
        if not self.folder.is_dir():
            raise DataError(
                f"data {folder}: expected a folder with train/<class>/ and validation/<class>/, "
                f"found {'a file' if self.folder.exists() else 'nothing'}"
            )
        self._votes = VotesTable.find(self.folder, votes)

    def files(self, split: Split) -> list[tuple[str, int]]:
        """Return (name relative to the folder, class number), sorted by class and name.

        Raises DataError where a class folder is unknown or there are no pictures.
        """
        base = self._base(split)
        found: list[tuple[str, int]] = []
        for folder, emotion in class_folders(base, self._order):
            label = EMOTIONS.index(emotion)
            found += [
                (p.relative_to(self.folder).as_posix(), label) for p in pictures_below(folder)
            ]
        if not found:
            rows = self.folder / "fer2013.csv"
            remedy = f"put them in {base}/<class>/ with a class of {', '.join(EMOTIONS)}"
            raise DataError(
                f"data {base}: expected pictures in class folders, found none",
                f"it holds a fer2013.csv: give {rows}" if rows.is_file() else remedy,
            )
        return sorted(found, key=lambda item: (item[1], item[0]))

    def has(self, split: Split) -> bool:
        """Tell whether there is a folder of that split."""
        return split_folder(self.folder, SPLIT_NAMES[split]) is not None

    @property
    def has_votes(self) -> bool:
        """Whether there are FER+ votes for train."""
        return self._votes.of([name for name, _ in self.files("train")]) is not None

    def labels(self, split: Split) -> Pictures:
        """Return names, labels and votes of a split with crops of no size: nothing is read."""
        files = self.files(split)
        names = [name for name, _ in files]
        empty = np.zeros((len(files), 0, 0), np.uint8)
        return self._with_votes(Pictures(empty, np.asarray([k for _, k in files]), names))

    def load(
        self,
        split: Split,
        *,
        crop: Callable[[Path], NDArray[np.uint8]] = read_crop,
        progress: Progress | None = None,
        skip_bad: bool = False,
        limit: int = 0,
        seed: int = 0,
    ) -> Pictures:
        """Read every picture of a split.

        Parameters
        ----------
        crop
            Turns a file into a crop; DataError where it cannot.
        progress
            Shows how far it is.
        skip_bad
            Leave unreadable pictures out instead of failing at the first.
        limit
            Only so many pictures, an equal share of each class drawn with `seed`; 0 for all.
        """
        files = self.files(split)
        if limit:
            labels = np.asarray([label for _, label in files])
            files = [files[i] for i in balanced(labels, limit, seed)]
        crops, kept, bad = [], [], []
        for name, label in progress(files, f"reading {split}") if progress else files:
            try:
                crops.append(crop(self.folder / name))
                kept.append((name, label))
            except DataError as error:
                bad.append(str(error))
        if bad and not skip_bad:
            # data-check looks for no faces, so it cannot list the photographs without one.
            listing = "list them with fer-train data-check, " if crop is read_crop else ""
            raise DataError(
                f"{bad[0]} ({len(bad)} such picture{plural(len(bad))} in {split})",
                f"{listing}move them away, or give --skip-bad",
            )
        if not kept:
            raise DataError(f"data {self._base(split)}: expected readable pictures, found none")
        names = [name for name, _ in kept]
        labels = np.asarray([k for _, k in kept], np.int64)
        return self._with_votes(Pictures(np.stack(crops), labels, names))

    def _with_votes(self, pictures: Pictures) -> Pictures:
        return replace(pictures, votes=self._votes.of(pictures.files))

    def _base(self, split: Split) -> Path:
        if found := split_folder(self.folder, SPLIT_NAMES[split]):
            return found
        if any(split_folder(self.folder, names) for names in SPLIT_NAMES.values()):
            raise DataError(f"data {self.folder}: expected a folder {split}/, found none")
        return self.folder


class CsvDataset:
    """The challenge's original ``fer2013.csv``: emotion, pixels, Usage.

    Training is the split ``train``, PublicTest ``validation``; PrivateTest is left alone.

    Parameters
    ----------
    path
        The file.
    votes
        FER+ votes whose ``file`` is ``train/<row>`` or ``validation/<row>``, the row counted
        from 0 in the whole file; without it ``ferplus_votes.csv`` beside the file.
    """

    folder: Path
    """Folder of the file."""

    def __init__(self, path: str | Path, votes: str | Path | None = None) -> None:
        self.path = Path(path)
        self.folder = self.path.parent
        self._votes = VotesTable.find(self.folder, votes)
        self._splits: dict[str, Pictures] | None = None

    @property
    def has_votes(self) -> bool:
        """Whether there are FER+ votes for rows."""
        return self._votes.names_rows

    def has(self, split: Split) -> bool:
        """Tell whether the file has rows of that split."""
        return split in self._read()

    def load(
        self,
        split: Split,
        *,
        progress: Progress | None = None,
        skip_bad: bool = False,
        limit: int = 0,
        seed: int = 0,
        **_: Any,
    ) -> Pictures:
        """Return the pictures of a split; parameters as in `FolderDataset.load`."""
        splits = self._read(progress, skip_bad)
        if split not in splits:
            raise DataError(f"data {self.path}: expected rows of {split}, found none")
        pictures = splits[split]
        if limit:
            pictures = pictures.take(balanced(pictures.labels, limit, seed))
        return replace(pictures, votes=self._votes.of(pictures.files))

    def _read(
        self, progress: Progress | None = None, skip_bad: bool = False
    ) -> dict[str, Pictures]:
        if self._splits is None:
            rows = read_fer2013_csv(self.path, USAGES, progress, skip_bad)
            self._splits = {split: Pictures(*parts) for split, parts in rows.items()}
        return self._splits


Dataset = FolderDataset | CsvDataset


def open_dataset(path: str | Path, votes: str | Path | None = None, order: str = "") -> Dataset:
    """Open a folder, `order` being that of folders named 0 to 6, or a fer2013.csv."""
    if is_csv(path):
        return CsvDataset(path, votes)
    return FolderDataset(path, votes, order)


def balanced(labels: NDArray[Any], count: int, seed: int = 0) -> NDArray[np.int64]:
    """Draw about `count` pictures with an equal share of each class.

    Parameters
    ----------
    labels
        (N,) class numbers.
    count
        How many; a class that has too few gives all it has and the others make up for it.
    seed
        Which ones.

    Returns
    -------
    (M,) numbers of pictures, ascending; M is `count`, or N if that is less.
    """
    rng = np.random.default_rng(seed)
    pools = [rng.permutation(np.flatnonzero(labels == k)) for k in np.unique(labels)]
    pools.sort(key=len)
    chosen: list[NDArray[np.int64]] = []
    left = min(count, len(labels))
    for place, pool in enumerate(pools):
        share = min(len(pool), round(left / (len(pools) - place)))
        chosen.append(pool[:share])
        left -= share
    return np.sort(np.concatenate(chosen)).astype(np.int64)
