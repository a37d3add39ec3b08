"""A file played like a camera, for ``--realtime``."""

from __future__ import annotations

import time
from collections.abc import Callable

from ..arrays import Image
from .jpeg import Jpeg
from .source import ALONE_S, Source


class Paced:
    """Another source played at its own rate, as a camera would: for ``--realtime``."""

    live = True
    independent = False

    def __init__(
        self,
        inner: Source,
        *,
        loop: bool = False,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.inner, self.name = inner, inner.name
        self.ended = False
        self._loop, self._clock, self._sleep = loop, clock, sleep
        self._start_s = self._time_s = self._gap_s = 0.0
        self._index = 0

    def open(self) -> None:
        """Open the inner source and start its clock."""
        self.inner.open()
        self._start_s, self._index, self.ended = self._clock(), 0, False
        self._time_s = self._gap_s = 0.0

    def read(self) -> Image | Jpeg | None:
        """Return the next frame when it is due."""
        frame = self.inner.read()
        if frame is None and self._loop and self._index:
            # The last frame of a round stays as long as the one before it did.
            self._wait(self._time_s + (self._gap_s or ALONE_S))
            self.open()
            frame = self.inner.read()
        if frame is None:
            self.ended = True
            return None
        time_s = self.inner.time_s()
        self._gap_s, self._time_s = time_s - self._time_s, time_s
        self._wait(time_s)
        self._index += 1
        return frame

    def time_s(self) -> float:
        """Return the inner source's time."""
        return self.inner.time_s()

    def describe(self) -> str:
        """Describe; see `Source.describe`."""
        return f"{self.inner.describe()}, in real time"

    def close(self) -> None:
        """Close the inner source."""
        self.inner.close()

    def _wait(self, due_s: float) -> None:
        wait = self._start_s + due_s - self._clock()
        if wait > 0:
            self._sleep(wait)
