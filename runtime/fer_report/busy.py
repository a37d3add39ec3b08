"""A bar on the terminal while something takes its time; nothing where nobody looks."""

from __future__ import annotations

import sys
import threading
import time
from types import TracebackType
from typing import TextIO

_PAUSE_S = 0.2
_WIDTH = 24


class Busy:
    """Shows how far the work is, what is being done, and for how long.

    Parameters
    ----------
    steps
        How many steps there are.
    stream
        Where to; standard error unless given. Only a terminal gets a bar.
    """

    def __init__(self, steps: int, stream: TextIO | None = None) -> None:
        self.steps, self.done, self.doing = max(1, steps), 0, ""
        self._stream = stream or sys.stderr
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Busy:
        """Begin."""
        if self._stream.isatty():
            self._begin = time.monotonic()
            self._thread = threading.Thread(target=self._draw, daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End, and leave an empty line."""
        self._stop.set()
        if self._thread:
            self._thread.join()
            self._stream.write("\r\033[K")
            self._stream.flush()

    def step(self, doing: str = "") -> None:
        """Count a step as done; say what comes next."""
        self.done += 1
        self.doing = doing or self.doing

    def line(self, seconds: float) -> str:
        """Return the bar as text after so many seconds."""
        full = min(_WIDTH, _WIDTH * self.done // self.steps)
        bar = "█" * full + "░" * (_WIDTH - full)
        return f"{bar} {self.doing} · {seconds:.0f} s"

    def _draw(self) -> None:
        # Nothing for what is done at once.
        while not self._stop.wait(_PAUSE_S):
            self._stream.write("\r\033[K" + self.line(time.monotonic() - self._begin))
            self._stream.flush()
