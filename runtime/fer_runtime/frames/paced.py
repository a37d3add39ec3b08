"""A file played like a camera, for ``--realtime``."""

from __future__ import annotations

import time

from ..arrays import Image
from .jpeg import Jpeg
from .source import Source


class Paced:
    """Another source played at its own rate, as a camera would: for ``--realtime``."""

    live = True
    independent = False

    def __init__(self, inner: Source, *, loop: bool = False) -> None:
        self.inner, self.name = inner, inner.name
        self.ended = False
        self._loop = loop
        self._start_s = 0.0
        self._index = 0

    def open(self) -> None:
        """Open the inner source and start its clock."""
        self.inner.open()
        self._start_s, self._index, self.ended = time.monotonic(), 0, False

    def read(self) -> Image | Jpeg | None:
        """Return the next frame when it is due."""
        frame = self.inner.read()
        if frame is None and self._loop and self._index:
            self.open()
            frame = self.inner.read()
        if frame is None:
            self.ended = True
            return None
        wait = self._start_s + self.inner.time_s() - time.monotonic()
        if wait > 0:
            time.sleep(wait)
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
