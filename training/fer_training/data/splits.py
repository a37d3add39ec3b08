"""Duplicates among pictures, and a held-out share of train that has none; NumPy and OpenCV."""

from __future__ import annotations

import hashlib
from collections import defaultdict

import cv2
import numpy as np
from numpy.typing import NDArray

from .datasets import Pictures

_GRID = 12


def fingerprint(crop: NDArray[np.uint8]) -> bytes:
    """Return a hash that copies share, also recompressed, rescaled or mirrored ones.

    It is the difference hash (which of two neighbouring cells of a 12×13 grid is brighter) of
    the picture or of its mirror image, whichever sorts first; flat pictures, in which those
    bits are noise, are told apart by their pixels.

    Parameters
    ----------
    crop
        (h, w) uint8, or a sequence (T, h, w).
    """
    if crop.ndim == 3 or int(np.ptp(crop)) < 8:
        return hashlib.sha256(crop.tobytes()).digest()
    cells = cv2.resize(crop, (_GRID + 1, _GRID), interpolation=cv2.INTER_AREA).astype(np.int16)
    one = np.packbits(cells[:, 1:] > cells[:, :-1]).tobytes()
    mirrored = cells[:, ::-1]
    two = np.packbits(mirrored[:, 1:] > mirrored[:, :-1]).tobytes()
    return min(one, two)


def duplicate_groups(crops: NDArray[np.uint8]) -> list[list[int]]:
    """Return the numbers of pictures that are copies of each other, single ones included."""
    groups: dict[bytes, list[int]] = defaultdict(list)
    for index, crop in enumerate(crops):
        groups[fingerprint(crop)].append(index)
    return list(groups.values())


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
