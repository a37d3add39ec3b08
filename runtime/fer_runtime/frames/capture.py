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
from .jpeg import Jpeg
from .paced import Paced
from .patience import Patience
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
        """Whether a blocked reader cannot be worked around: only a new process helps."""
        self._make_source = make_source
        self._clock = clock
        self._health = SourceHealth(settings, clock())
        self._frame: Frame | None = None
        self._fresh = threading.Condition()
        self._stop = threading.Event()
        self._patience = Patience(settings.retry_s)
        self._due_s = clock()
        self._generation = 0
        self._abandoned: threading.Thread | None = None
        self._frame_s = clock()
        self._broken_s: float | None = None
        self._shown_state = "starting"
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread."""
        self._generation += 1
        self._health.opening()
        self._due_s = self._frame_s = self._clock()
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

    def decoded(self, good: bool, now: float) -> None:
        """Take note whether a picture that was taken could be decoded.

        One that cannot is left out; where none can be for ``lost_after_s``, the source is lost.
        """
        with self._fresh:
            if good:
                self._broken_s = None
            elif self._broken_s is None:
                self._broken_s = now

    def supervise(self, now: float) -> tuple[str, float, str]:
        """Look after the thread; to be called a few times a second.

        Returns
        -------
        The state, for how many seconds it has lasted, and the reason where it is lost.
        """
        with self._fresh:
            if self._health.check(now):
                self._patience.lost(now)
            if not self._stop.is_set() and not self.ended:
                self._watch_readers(now)
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

    def _watch_readers(self, now: float) -> None:
        """Replace a blocked reader once; give up where that does not bring frames back.

        A thread that is blocked in a read cannot be ended, and the camera is its own: V4L2 lets
        one handle stream, and a second one of this process is told that the device is busy. So
        failed attempts to open are no sign of life while it is there, and a second blocked
        reader beside it means that there would be ever more. A file is no camera: it waits until
        its next frame is due.
        """
        if isinstance(self.source, Paced):
            return
        s = self.settings
        # An address may take as long to open as it has been allowed.
        limit_s = max(s.stuck_after_s, s.open_timeout_s + s.read_timeout_s + 1.0)
        left_behind = self._abandoned is not None and self._abandoned.is_alive()
        if left_behind and now - self._frame_s >= limit_s:
            self.stuck = True
        if self.stuck or now - self._due_s < limit_s:
            return
        if left_behind:
            self.stuck = True
            return
        _LOGGER.error(
            "source %s: a read has been blocked for %.0f s; starting a second reader",
            self.source.name,
            now - self._due_s,
        )
        self._health.lost("a read is blocked", now)
        self._patience.lost(now)
        self._abandoned = self._thread
        self.source = self._make_source()
        self.start()

    def _run(self, generation: int, source: Source) -> None:
        try:
            self._work(generation, source)
        except Exception as error:
            if self._over(generation):
                return
            # A fault of the program, and no state of the camera: opening again is no remedy.
            _LOGGER.debug("the capture thread ended", exc_info=True)
            text = f"source {source.name}: internal error: {type(error).__name__}: {error}"
            with self._fresh:
                self.error, self.ended = FerError(text), True
                self._fresh.notify_all()

    def _work(self, generation: int, source: Source) -> None:
        """Open, read, and open again, until told to stop."""
        while not self._over(generation):
            try:
                source.open()
            except FerError as error:
                self._failed(generation, str(error), error)
            else:
                with self._fresh:
                    if not self._over(generation):
                        self._health.opened(self._clock())
                self._read_all(generation, source)
                source.close()
            if self._over(generation):
                return
            if self.ended:
                break
            pause_s = self._patience.pause_s()
            self._due_s = self._clock() + pause_s
            self._stop.wait(pause_s)

    def _read_all(self, generation: int, source: Source) -> None:
        taken_s = -math.inf
        while not self._over(generation):
            try:
                image = source.read()
            except FerError as error:
                self._failed(generation, str(error), error)
                return
            now = self._clock()
            if self._over(generation):
                return
            self._due_s = now
            if image is None:
                if isinstance(source, Paced) and source.ended:
                    with self._fresh:
                        self.ended = True
                        self._fresh.notify_all()
                else:
                    self._failed(generation, "it delivers no frame", None)
                return
            if isinstance(image, Jpeg) and not image.whole:
                self.decoded(False, now)
                image = None
            bad_s = self._broken_s
            if bad_s is not None and now - bad_s >= self.settings.lost_after_s:
                self.decoded(True, now)
                self._failed(generation, "its pictures cannot be decoded", None)
                return
            if image is None:
                continue
            with self._fresh:
                self.captured += 1
                self._frame_s = now
                new = self._health.frame(image, now, may_repeat=isinstance(source, Paced))
                lost = self._health.state == "retrying"
                if lost:
                    self._patience.lost(now)
                else:
                    self._patience.delivered(now)
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

    def _failed(self, generation: int, reason: str, error: FerError | None) -> None:
        with self._fresh:
            if self._over(generation):
                return  # what a reader that was left behind finds out is past
            now = self._clock()
            self._health.lost(reason, now)
            self._patience.lost(now)
            self._log_change()
            # A file does not come back as a camera does.
            if not self.settings.reconnect or isinstance(self.source, Paced):
                self.ended = True
                self.error = error or CameraLost(f"source {self.source.name}: {reason}")
            self._fresh.notify_all()

    def _over(self, generation: int) -> bool:
        return self._stop.is_set() or generation != self._generation

    def _log_change(self) -> None:
        """One line per change of state or reason, not one per attempt."""
        state, name = self._health.state, self.source.name
        if state == "retrying":
            if not self._patience.is_new(self._health.reason) or self._patience.flapping:
                if self._patience.flapping and self._shown_state != "flapping":
                    self._shown_state = "flapping"
                    _LOGGER.warning(
                        "source %s: it comes and goes (%s); trying less often",
                        name, self._health.reason,
                    )  # fmt: skip
                return
            what = "still lost" if self._shown_state == state else "lost"
            self._shown_state = state
            _LOGGER.warning("source %s: %s (%s); retrying", name, what, self._health.reason)
            return
        if state == self._shown_state or self._patience.flapping:
            return
        self._shown_state = state
        if state == "running":
            _LOGGER.info("source %s: running, %s", name, self.source.describe())
        elif state == "covered":
            _LOGGER.warning("source %s: covered (black, unchanging picture)", name)
