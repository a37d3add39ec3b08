"""A held-out share of train that has no copy left in it."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from .copies import duplicate_groups
from .datasets import Pictures


def hold_out(
    pictures: Pictures, share: float, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Split train into what is learned from and what is judged on.

    The held-out part has `share` of each class, each picture once, and no copy of it stays in
    the other part; the spare copies are in neither.

    Returns
    -------
    Numbers of the pictures to learn from and of those held out, ascending.
    """
    groups = duplicate_groups(pictures.crops)
    order = np.random.default_rng([seed, 1]).permutation(len(groups))
    counts = np.bincount(pictures.labels)
    wanted = np.maximum(1, np.round(counts * share)).astype(int) * (counts > 1)
    held: list[int] = []
    gone: set[int] = set()
    for number in order:
        group = groups[number]
        label = pictures.labels[group[0]]
        # Copies with two different labels say nothing about which is right.
        if wanted[label] > 0 and len({int(pictures.labels[i]) for i in group}) == 1:
            wanted[label] -= 1
            held.append(group[0])
            gone.update(group)
    learned = [i for i in range(len(pictures)) if i not in gone]
    return np.asarray(learned, np.int64), np.sort(np.asarray(held, np.int64))


def data_digest(train: Pictures) -> str:
    """Return the SHA-256 over names and pixels of the pictures, so that another set is noticed."""
    digest = hashlib.sha256("\n".join(train.files).encode())
    digest.update(train.crops.tobytes())
    return digest.hexdigest()
