"""Which pictures are copies of each other: the same photograph, mirrored, recompressed, marked."""

from __future__ import annotations

import hashlib
from collections import defaultdict

import cv2
import numpy as np
from numpy.typing import NDArray

_GRID = 12
_BITS = _GRID * _GRID
_MAX_DISTANCE = 8
"""Bits of 144 in which two pictures may differ. In FER-2013 pairs at 8 are one photograph with
another crop or a watermark; those at 10 still are, but nobody looked further."""
_PARTS = _MAX_DISTANCE + 1
"""Of nine parts, eight differing bits leave one equal: only pictures that share it are compared."""
_MIN_BITS = 16
"""A hash with fewer bits of one kind says nothing: a white picture resembles a black one."""
_POPCOUNT = np.array([bin(n).count("1") for n in range(256)], np.uint8)


def duplicate_groups(crops: NDArray[np.uint8]) -> list[list[int]]:
    """Return the numbers of pictures that are copies of each other, single ones included.

    Compared is the difference hash (which of two neighbouring cells of a 12×13 grid is brighter)
    of each picture with that of the others and of their mirror images. Flat pictures, in which
    those bits are noise, and sequences are compared by their pixels.

    Parameters
    ----------
    crops
        (N, h, w) uint8, or sequences (N, T, h, w).

    Returns
    -------
    Ascending numbers, in the order of each group's first.
    """
    leader = np.arange(len(crops))
    same: dict[bytes, int] = {}
    hashed: list[int] = []
    bits: list[NDArray[np.bool_]] = []
    for index, crop in enumerate(crops):
        found = None if crop.ndim == 3 or int(np.ptp(crop)) < 8 else _bits(crop)
        if found is None or not _MIN_BITS <= int(found.sum()) <= _BITS - _MIN_BITS:
            leader[index] = same.setdefault(hashlib.sha256(crop.tobytes()).digest(), index)
        else:
            hashed.append(index)
            bits += [found, _bits(crop[:, ::-1])]
    if hashed:
        for one, two in _near(np.array(bits)):
            _join(leader, hashed[one], hashed[two])
    groups: dict[int, list[int]] = defaultdict(list)
    for index in range(len(crops)):
        groups[_first(leader, index)].append(index)
    return list(groups.values())


def _bits(crop: NDArray[np.uint8]) -> NDArray[np.bool_]:
    cells = cv2.resize(crop, (_GRID + 1, _GRID), interpolation=cv2.INTER_AREA).astype(np.int16)
    return np.asarray(cells[:, 1:] > cells[:, :-1]).ravel()


def _near(bits: NDArray[np.bool_]) -> set[tuple[int, int]]:
    """Return pairs of pictures at most `_MAX_DISTANCE` apart.

    Row 2 i of `bits` (2 N, 144) is picture i, row 2 i + 1 its mirror image.
    """
    packed = np.packbits(bits, axis=1)
    pairs: set[tuple[int, int]] = set()
    for part in range(_PARTS):
        # Every ninth bit: neighbours say nearly the same, and parts of them would hold crowds.
        key = np.packbits(bits[:, part::_PARTS], axis=1).view(np.uint16).ravel()
        order = np.argsort(key, kind="stable")
        key = key[order]
        step = 1
        while True:
            at = np.flatnonzero(key[step:] == key[:-step]) if step < len(key) else key[:0]
            if not len(at):
                break
            one, two = order[at], order[at + step]
            # Two mirror images differ as the two pictures do.
            fresh = (one % 2 == 0) | (two % 2 == 0)
            one, two = one[fresh], two[fresh]
            apart = _POPCOUNT[packed[one] ^ packed[two]].sum(axis=1, dtype=np.uint16)
            close = apart <= _MAX_DISTANCE
            pairs.update(zip((one[close] // 2).tolist(), (two[close] // 2).tolist(), strict=True))
            step += 1
    return {(one, two) for one, two in pairs if one != two}


def _first(leader: NDArray[np.int64], index: int) -> int:
    while leader[index] != index:
        leader[index] = leader[leader[index]]
        index = int(leader[index])
    return index


def _join(leader: NDArray[np.int64], one: int, two: int) -> None:
    one, two = _first(leader, one), _first(leader, two)
    leader[max(one, two)] = min(one, two)
