"""The capture thread: newest frame only, reconnect, freeze and stall detection."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import replace

from ..errors import CameraLost, FerError
from ..settings.frames import SourceSettings
from .health import SourceHealth
from .paced import Paced
from .source import Frame, Source

_LOGGER = logging.getLogger(__name__)


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
