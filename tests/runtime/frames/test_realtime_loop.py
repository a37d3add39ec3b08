"""A clip that plays like a camera begins again at its end, where it is asked to."""

from __future__ import annotations

import numpy as np
import pytest

from fer_runtime.arrays import Image
from fer_runtime.frames.paced import Paced


class Clip:
    """Three frames, all due at once."""

    name = "clip"
    live = False
    independent = False

    def __init__(self) -> None:
        self.opened = 0
        self._left = 0

    def open(self) -> None:
        self.opened += 1
        self._left = 3

    def read(self) -> Image | None:
        self._left -= 1
        return None if self._left < 0 else np.full((4, 4, 3), self._left, np.uint8)

    def time_s(self) -> float:
        return 0.0

    def describe(self) -> str:
        return "4x4"

    def close(self) -> None:
        pass


@pytest.mark.parametrize(("loop", "read"), [(False, 3), (True, 10)])
def test_paced(loop: bool, read: int) -> None:
    clip = Clip()
    source = Paced(clip, loop=loop)
    source.open()
    frames = [source.read() for _ in range(10)]
    assert sum(frame is not None for frame in frames) == read
    assert source.ended is (not loop)
    assert clip.opened == (4 if loop else 1)


def test_an_empty_clip_ends_even_in_a_loop() -> None:
    class Empty(Clip):
        def open(self) -> None:
            self.opened += 1

    clip = Empty()
    source = Paced(clip, loop=True)
    source.open()
    assert source.read() is None and source.ended and clip.opened == 1
