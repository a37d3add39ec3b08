"""Sequences of crops of one face, for the recurrent network.

A folder holds ``train/<class>/<sequence>/*`` and ``validation/<class>/<sequence>/*``; the
pictures of a sequence are taken in the order of their names. Class folders alone are both splits,
as with pictures.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fer_runtime.errors import DataError

from ..progress import Progress
from .datasets import FolderDataset, Pictures, Split
from .pictures import read_crop


def load_sequences(
    folder: str | Path,
    split: Split,
    frames: int,
    *,
    progress: Progress | None = None,
    skip_bad: bool = False,
) -> Pictures:
    """Read sequences as `Pictures` whose crops are (N, frames, 48, 48) uint8.

    Parameters
    ----------
    frames
        Frames taken evenly from each sequence; a shorter one repeats frames.
    skip_bad
        Leave sequences with unreadable pictures out.

    Raises
    ------
    DataError
        If there are no sequences, or a picture cannot be read.
    """
    items = list_sequences(folder, split)
    crops, labels, files = [], [], []
    for name, label, pictures in progress(items, f"reading {split}") if progress else items:
        try:
            crops.append(read_sequence(pictures, frames))
        except DataError:
            if not skip_bad:
                raise
            continue
        labels.append(label)
        files.append(name)
    if not crops:
        raise DataError(f"data {folder}: expected readable sequences, found none")
    return Pictures(np.stack(crops), np.asarray(labels, np.int64), files)


def list_sequences(folder: str | Path, split: Split) -> list[tuple[str, int, list[Path]]]:
    """List the sequences of a split, sorted by class and name, without reading pictures.

    Returns
    -------
    Name relative to the folder, class number, and the pictures in order, of each.

    Raises
    ------
    DataError
        If there are none, or pictures lie beside the sequences' folders.
    """
    dataset = FolderDataset(folder)
    base = f"{split}/" if dataset.has(split) else ""
    groups: dict[tuple[int, str], list[Path]] = {}
    for name, label in dataset.files(split):
        parts = name.split("/")
        if len(parts) < (4 if base else 3):
            raise DataError(
                f"data {folder}: expected {base}<class>/<sequence>/<picture>, found {name}",
                "a recurrent network learns from folders of sequences",
            )
        groups.setdefault((label, "/".join(parts[:-1])), []).append(dataset.folder / name)
    return [(name, label, sorted(paths)) for (label, name), paths in sorted(groups.items())]


def read_sequence(paths: Sequence[Path], frames: int) -> NDArray[np.uint8]:
    """Read `frames` pictures spread evenly over `paths`; a shorter sequence repeats some.

    Returns (frames, 48, 48) uint8. Raises DataError where one cannot be read.
    """
    index = np.linspace(0, len(paths) - 1, frames).round().astype(int)
    read = {i: read_crop(paths[i]) for i in sorted(set(index.tolist()))}
    return np.stack([read[i] for i in index.tolist()])
