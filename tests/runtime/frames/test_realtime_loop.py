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
    source = Paced(clip, loop=loop, clock=lambda: 0.0, sleep=lambda s: None)
    source.open()
    frames = [source.read() for _ in range(10)]
    assert sum(frame is not None for frame in frames) == read
    assert source.ended is (not loop)
    assert clip.opened == (4 if loop else 1)


@pytest.mark.parametrize(
    ("count", "shown_s"),
    [(1, [0.0, 1.0, 2.0, 3.0]), (2, [0.0, 0.5, 1.0, 1.5]), (3, [0.0, 0.5, 1.0, 1.5])],
)
def test_the_last_frame_of_a_round_has_its_time_too(count: int, shown_s: list[float]) -> None:
    class Timed(Clip):
        def open(self) -> None:
            self._left = count

        def time_s(self) -> float:
            return 0.5 * (count - 1 - self._left)

    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    source = Paced(Timed(), loop=True, clock=lambda: now[0], sleep=sleep)
    source.open()
    shown = []
    for _ in shown_s:
        assert source.read() is not None
        shown.append(now[0])
    assert shown == shown_s


def test_an_empty_clip_ends_even_in_a_loop() -> None:
    class Empty(Clip):
        def open(self) -> None:
            self.opened += 1

    clip = Empty()
    source = Paced(clip, loop=True)
    source.open()
    assert source.read() is None and source.ended and clip.opened == 1
