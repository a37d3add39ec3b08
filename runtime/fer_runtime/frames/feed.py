"""How frames reach the processing loop: newest only (live) or one after the other (in step)."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from ..errors import FerError
from ..settings.frames import SourceSettings
from .capture import Capture
from .make import make_source
from .source import ALONE_S, Frame, Source


class Feed(Protocol):
    """What the processing loop asks for frames."""

    source: Source
    captured: int
    skipped: int
    ended: bool
    error: FerError | None
    stuck: bool

    def start(self) -> None:
        """Open the source, or begin trying to."""
        ...

    def take(self, timeout_s: float) -> Frame | None:
        """Return the next frame, or None where there is none within `timeout_s`."""
        ...

    def decoded(self, good: bool, now: float) -> None:
        """Take note whether a picture that was taken could be decoded."""
        ...

    def supervise(self, now: float) -> tuple[str, float, str]:
        """Return the source's state, for how long, and why where it is lost."""
        ...

    def configure(self, settings: SourceSettings) -> None:
        """Take over the settings that can change while running."""
        ...

    def stop(self, timeout_s: float = 0.3) -> bool:
        """Release the source; return whether nothing is left behind."""
        ...


class StepFeed:
    """Reads a file, folder or the demo in step: every frame once, on the clip's own time.

    Parameters
    ----------
    source
        Opened by `start` and read by whoever calls `take`.
    loop
        Begin again at the end; the time goes on.
    pace
        Give frames out no faster than the clip's own rate, for a person who watches.
    clock
        Monotonic seconds, for `pace`.
    """

    skipped = 0
    stuck = False

    def __init__(
        self,
        source: Source,
        *,
        loop: bool = False,
        pace: bool = False,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.source = source
        self.captured = 0
        self.ended = False
        self.error: FerError | None = None
        self._loop, self._pace, self._clock, self._sleep = loop, pace, clock, sleep
        self._start_s: float | None = None
        self._in_round = 0
        self._round_s = self._time_s = self._gap_s = 0.0
        self._ahead: Frame | None = None

    def start(self) -> None:
        """Open the source; its errors are raised here."""
        self.source.open()

    def take(self, timeout_s: float) -> Frame | None:
        """Read the next frame; the end sets `ended`."""
        frame = self._ahead or self._read()
        self._ahead = None
        if frame is None or not self._pace:
            return frame
        if self._start_s is None:
            self._start_s = self._clock()
        wait = self._start_s + frame.time_s - self._clock()
        if wait > timeout_s:  # not yet due: come back, so that a stop is noticed
            self._sleep(timeout_s)
            self._ahead = frame
            return None
        if wait > 0:
            self._sleep(wait)
        return frame

    def decoded(self, good: bool, now: float) -> None:
        """Files are decoded when read."""

    def supervise(self, now: float) -> tuple[str, float, str]:
        """Say that a file is always running."""
        return "running", 0.0, ""

    def configure(self, settings: SourceSettings) -> None:
        """Files have nothing that can change."""

    def stop(self, timeout_s: float = 0.3) -> bool:
        """Close the source."""
        self.source.close()
        return True

    def _read(self) -> Frame | None:
        while True:
            image = self.source.read()
            if image is None and self._loop and self._in_round:
                # The last frame of a round stays as long as the one before it did.
                self._round_s = self._time_s + (self._gap_s or ALONE_S)
                self.source.open()
                self._in_round = 0
                continue
            if image is None:
                self.ended = True
                return None
            self._in_round += 1
            self.captured += 1
            time_s = self._round_s + self.source.time_s()
            self._gap_s, self._time_s = time_s - self._time_s, time_s
            return Frame(image, self.captured - 1, time_s)


def make_feed(
    settings: SourceSettings, *, watched: bool, clock: Callable[[], float] = time.monotonic
) -> Feed:
    """Build the feed for the source that the settings name.

    Parameters
    ----------
    settings
        Source and its limits.
    watched
        Whether a person looks at it in a window: files then play at their own rate.
    clock
        Monotonic seconds.
    """
    source = make_source(settings)
    if source.live:
        return Capture(lambda: make_source(settings), settings, clock)
    pace = watched and not source.independent
    return StepFeed(source, loop=settings.loop, pace=pace, clock=clock)
