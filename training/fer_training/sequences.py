"""Sequences of crops of one face, for the recurrent network.

A folder holds ``train/<class>/<sequence>/*`` and ``validation/<class>/<sequence>/*``; the
pictures of a sequence are taken in the order of their names.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fer_runtime.errors import DataError

from .datasets import FolderDataset, Pictures, Progress, Split
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
    dataset = FolderDataset(folder)
    groups: dict[tuple[str, int], list[str]] = {}
    for name, label in dataset.files(split):
        parts = name.split("/")
        if len(parts) < 4:
            raise DataError(
                f"data {folder}: expected {split}/<class>/<sequence>/<picture>, found {name}",
                "a recurrent network learns from folders of sequences",
            )
        groups.setdefault(("/".join(parts[:-1]), label), []).append(name)
    items = sorted(groups.items(), key=lambda item: (item[0][1], item[0][0]))
    crops, labels, files = [], [], []
    for (name, label), pictures in progress(items, f"reading {split}") if progress else items:
        try:
            crops.append(_sequence([dataset.folder / p for p in sorted(pictures)], frames))
        except DataError:
            if not skip_bad:
                raise
            continue
        labels.append(label)
        files.append(name)
    if not crops:
        raise DataError(f"data {folder}: expected readable sequences, found none")
    return Pictures(np.stack(crops), np.asarray(labels, np.int64), files)


def _sequence(paths: list[Path], frames: int) -> NDArray[np.uint8]:
    index = np.linspace(0, len(paths) - 1, frames).round().astype(int)
    read = {i: read_crop(paths[i]) for i in sorted(set(index.tolist()))}
    return np.stack([read[i] for i in index.tolist()])  # (frames, 48, 48)
