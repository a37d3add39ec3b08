"""The capture thread: newest frame only, reconnect, freeze and stall detection.

``read()`` may return False while the device says it is open, block for ever, or go on
returning the old frame. None of these is trusted: `SourceHealth` decides from what arrives
and when, on a clock that is handed in.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ..arrays import Image
from ..errors import CameraLost, FerError
from ..settings.schema import SourceSettings
from .sources import Paced, Source

_LOGGER = logging.getLogger(__name__)

# A closed shutter or a covered lens: hardly any light, and no detail at all.
_DARK_LEVEL = 16
_DARK_SPREAD = 4


@dataclass(frozen=True)
class Frame:
    """One picture with its time."""

    image: Image
    """(H, W, 3) uint8 BGR."""
    index: int
    """Number of the frame since the start, from 0."""
    time_s: float
    """When it was captured: monotonic seconds for live sources, the clip's time for files."""


class SourceHealth:
    """Decides whether a live source is running, covered or lost. No clock of its own.

    States: ``starting``, ``running``, ``covered`` (identical black frames: a closed shutter,
    not a loss) and ``retrying``.
    """

    def __init__(self, settings: SourceSettings, now: float) -> None:
        self._settings = settings
        self.state = "starting"
        self.since_s = now
        """When the state began."""
        self.reason = ""
        """Why it is lost."""
        self._frame_s = now
        self._changed_s = now
        self._last: Image | None = None
        self._frozen = False

    def opened(self, now: float) -> None:
        """Note that the source has been opened (again); it counts once a frame has come."""
        self._frame_s = now
        if not self._frozen:
            # A frozen source stays lost until its picture changes, even when opened again.
            self._changed_s, self._last = now, None

    def frame(self, image: Image, now: float, *, may_repeat: bool = False) -> bool:
        """Take a frame; return whether it is a new picture worth processing.

        With `may_repeat` identical pictures are taken as new ones, as a clip may hold them.
        """
        self._frame_s = now
        if may_repeat:
            self._become("running", now)
            return True
        same = self._last is not None and same_picture(image, self._last)
        dark = is_dark(image)
        if not same:
            self._changed_s, self._last = now, image
        frozen = self._settings.frozen_after_s
        if dark and same:
            if now - self._changed_s >= 1.0:
                self._become("covered", now)
            return False
        if same and frozen and now - self._changed_s >= frozen:
            self._frozen = True
            self.lost(f"the same picture for {frozen:g} s", now)
            return False
        if not same:
            self._frozen = False
            self._become("running", now)
        return not same

    def lost(self, reason: str, now: float) -> None:
        """Note that the source does not deliver."""
        self.reason = reason
        self._become("retrying", now)

    def check(self, now: float) -> bool:
        """Return whether the source is lost at `now`: no frame for ``lost_after_s``."""
        if self.state != "retrying" and now - self._frame_s >= self._settings.lost_after_s:
            self.lost(f"no frame for {self._settings.lost_after_s:g} s", now)
        return self.state == "retrying"

    def _become(self, state: str, now: float) -> None:
        if state != self.state:
            self.state, self.since_s = state, now
        if state != "retrying":
            self.reason = ""


def same_picture(a: Image, b: Image) -> bool:
    """Tell whether two frames are identical, byte for byte."""
    # A sparse look settles nearly every case; sensor noise differs everywhere.
    if a.shape != b.shape or not np.array_equal(a[::16, ::16], b[::16, ::16]):
        return False
    return np.array_equal(a, b)


def is_dark(image: Image) -> bool:
    """Tell whether a frame is as good as black, with no detail."""
    sample = image[::8, ::8]
    return int(sample.max()) < _DARK_LEVEL + _DARK_SPREAD and float(sample.mean()) < _DARK_LEVEL


class Capture:
    """Reads a live source in a thread and keeps its newest frame only.

    Parameters
    ----------
    make_source
        Makes the live source; each reading thread has one of its own, so that one that is
        stuck can be left behind.
    settings
        Timeouts and limits.
    clock
        Monotonic seconds.
    """

    def __init__(
        self,
        make_source: Callable[[], Source],
        settings: SourceSettings,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.source, self.settings = make_source(), settings
        self.captured = 0
        """Frames read."""
        self.skipped = 0
        """New frames that were overwritten before anybody took them."""
        self.ended = False
        """Whether the source has come to its end or, with ``reconnect`` off, is lost."""
        self.error: FerError | None = None
        """Why it ended, where that was a failure."""
        self.stuck = False
        """Whether a second reader in a row is blocked: only a new process helps."""
        self._make_source = make_source
        self._clock = clock
        self._health = SourceHealth(settings, clock())
        self._frame: Frame | None = None
        self._fresh = threading.Condition()
        self._stop = threading.Event()
        self._beat_s = clock()
        self._generation = 0
        self._abandoned = 0
        self._shown_state = "starting"
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread."""
        self._generation += 1
        self._beat_s = self._clock()
        self._thread = threading.Thread(
            target=self._run, args=(self._generation, self.source), name="capture", daemon=True
        )
        self._thread.start()

    def take(self, timeout_s: float) -> Frame | None:
        """Return the newest frame not taken yet, waiting for it; None where none came."""
        with self._fresh:
            if self._frame is None:
                self._fresh.wait(timeout_s)
            frame, self._frame = self._frame, None
            return frame

    def supervise(self, now: float) -> tuple[str, float, str]:
        """Look after the thread; to be called a few times a second.

        Returns
        -------
        The state, for how many seconds it has lasted, and the reason where it is lost.
        """
        with self._fresh:
            self._health.check(now)
            if now - self._beat_s >= self.settings.stuck_after_s and not self._stop.is_set():
                self._replace_reader(now)
            health = self._health
            self._log_change()
            return health.state, max(0.0, now - health.since_s), health.reason

    def configure(self, settings: SourceSettings) -> None:
        """Take over the rate limit; the rest belongs to the open source."""
        self.settings = replace(self.settings, max_fps=settings.max_fps)

    def stop(self, timeout_s: float = 0.3) -> bool:
        """Ask the thread to end; return whether it has. A blocked read is left behind."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout_s)
            return not self._thread.is_alive()
        return True

    def _replace_reader(self, now: float) -> None:
        """Abandon a reader that is stuck, once; after that the process must go."""
        if self._abandoned:
            self.stuck = True
            return
        self._abandoned += 1
        _LOGGER.error(
            "source %s: a read has been blocked for %.0f s; starting a second reader",
            self.source.name,
            now - self._beat_s,
        )
        self._health.lost("a read is blocked", now)
        self.source = self._make_source()
        self.start()

    def _run(self, generation: int, source: Source) -> None:
        """Open, read, and open again, until told to stop."""
        while not self._over(generation):
            try:
                source.open()
            except FerError as error:
                self._failed(str(error), error)
            else:
                with self._fresh:
                    self._health.opened(self._clock())
                self._read_all(generation, source)
                source.close()
            if self._over(generation):
                return
            self._beat_s = self._clock()
            if self.ended:
                break
            self._stop.wait(self.settings.retry_s)

    def _read_all(self, generation: int, source: Source) -> None:
        taken_s = -math.inf
        while not self._over(generation):
            try:
                image = source.read()
            except FerError as error:
                self._failed(str(error), error)
                return
            now = self._clock()
            if self._over(generation):
                return
            self._beat_s = now
            if image is None:
                if isinstance(source, Paced) and source.ended:
                    with self._fresh:
                        self.ended = True
                        self._fresh.notify_all()
                else:
                    self._failed("it delivers no frame", None)
                return
            with self._fresh:
                self.captured += 1
                new = self._health.frame(image, now, may_repeat=isinstance(source, Paced))
                if self._health.state == "running":
                    self._abandoned = 0
                lost = self._health.state == "retrying"
                # A tenth of tolerance, or a camera at 15 fps would give every second frame.
                min_gap = 0.9 / self.settings.max_fps if self.settings.max_fps else 0.0
                if new and not lost and now - taken_s >= min_gap:
                    taken_s = now
                    if self._frame is not None:
                        self.skipped += 1
                    self._frame = Frame(image, self.captured - 1, now)
                    self._fresh.notify_all()
                self._log_change()
            if lost:
                return  # frozen: open it again

    def _failed(self, reason: str, error: FerError | None) -> None:
        with self._fresh:
            self._health.lost(reason, self._clock())
            self._log_change()
            if not self.settings.reconnect:
                self.ended = True
                self.error = error or CameraLost(f"source {self.source.name}: {reason}")
            self._fresh.notify_all()

    def _over(self, generation: int) -> bool:
        return self._stop.is_set() or generation != self._generation

    def _log_change(self) -> None:
        """One line per change of state, not one per attempt."""
        state = self._health.state
        if state == self._shown_state:
            return
        self._shown_state = state
        if state == "running":
            _LOGGER.info("source %s: running, %s", self.source.name, self.source.describe())
        elif state == "covered":
            _LOGGER.warning("source %s: covered (black, unchanging picture)", self.source.name)
        elif state == "retrying":
            _LOGGER.warning("source %s: lost (%s); retrying", self.source.name, self._health.reason)
