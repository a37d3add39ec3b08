"""Damaged copies of a file."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np


def damaged(blob: bytes, count: int, seed: int, begin: int = 0) -> Iterator[bytes]:
    """Yield `count` damaged copies: cut, bytes changed, words replaced, holes, pieces moved.

    The first `begin` bytes stay, so that the file is still taken for what it was.
    """
    rng = np.random.default_rng(seed)
    words = (0, 1, 1000, 65_536, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF)
    for i in range(count):
        out = bytearray(blob)
        place = int(rng.integers(begin, len(out) - 70))
        length = int(rng.integers(1, 64))
        if i % 5 == 0:
            out = out[:place]
        elif i % 5 == 1:
            for _ in range(int(rng.integers(1, 4))):
                out[int(rng.integers(begin, len(out)))] = int(rng.integers(256))
        elif i % 5 == 2:
            place -= (place - begin) % 4
            out[place : place + 4] = int(rng.choice(words)).to_bytes(4, "little")
        elif i % 5 == 3:
            del out[place : place + length]
        else:
            other = int(rng.integers(begin, len(out) - 70))
            out[place : place + length] = out[other : other + length]
        yield bytes(out)
