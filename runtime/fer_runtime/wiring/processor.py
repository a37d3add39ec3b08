"""The processing loop: frames from the feed, through the pipeline, into the sinks."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ..errors import FerError, PipelineError
from ..faces.pipeline import EmotionPipeline
from ..frames.feed import Feed, StepFeed
from ..frames.jpeg import BrokenPicture, Jpeg
from ..frames.source import Frame
from ..out.rates import Histogram, Latencies, RateMeter
from ..out.sink import Sink
from ..reading import FaceReading, FrameReadings

_LOGGER = logging.getLogger(__name__)

# A frame on which the pipeline fails is left out; so many failures within so long end the
# process, for the service manager to start a clean one.
MAX_FAILURES = 5
FAILURE_WINDOW_S = 60.0
_TAKE_S = 0.1


@dataclass(frozen=True)
class Result:
    """The newest processed frame, for the window."""

    frame: Frame
    readings: tuple[FaceReading, ...]
    processing_ms: float


class FailureBudget:
    """Counts failures and says when there are too many; time is handed in."""

    def __init__(self) -> None:
        self._times: deque[float] = deque(maxlen=MAX_FAILURES)

    def spend(self, now: float) -> bool:
        """Note a failure at `now`; return whether the budget is used up."""
        self._times.append(now)
        return len(self._times) == MAX_FAILURES and now - self._times[0] <= FAILURE_WINDOW_S


class Processor:
    """Runs the pipeline over a feed in a thread of its own.

    Parameters
    ----------
    feed, pipeline
        Where frames come from and what reads them; used by this thread alone.
    sinks
        Written to after each frame, in order.
    max_frames, duration_s
        End after so many frames, or so long of the source's time; 0 never.
    clock, wall_clock
        Monotonic seconds, and aware local time.
    progress
        Called once per turn of the loop, whether or not there was a frame: the watchdog's feed.
    """

    def __init__(
        self,
        feed: Feed,
        pipeline: EmotionPipeline,
        sinks: Sequence[Sink],
        *,
        max_frames: int = 0,
        duration_s: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], datetime] = lambda: datetime.now().astimezone(),
        progress: Callable[[float], None] = lambda now: None,
    ) -> None:
        self.feed, self.pipeline = feed, pipeline
        self._sinks = list(sinks)
        self._max_frames, self._duration_s = max_frames, duration_s
        self._clock, self._wall_clock, self._progress = clock, wall_clock, progress
        self.result: Result | None = None
        """Newest result; replaced as a whole, so that it can be read from another thread."""
        self.frames = 0
        self.readings = 0
        self.labels: Counter[str] = Counter()
        self.rate = RateMeter()
        self.latency = Latencies()
        self._histogram = Histogram()
        self.failed = 0
        self.first_s: float | None = None
        """When the first frame was done, on the clock."""
        self.error: BaseException | None = None
        self.done = threading.Event()
        self.paused = False
        """Set from outside: no frames are to be expected, so the sinks finish their tick."""
        self._size = (0, 0)
        self._flushed = True
        self._done_s: float | None = None
        self._failure: Exception | None = None
        self._stop = threading.Event()
        self._budget = FailureBudget()
        self._start_wall = wall_clock()
        self._start_s: float | None = None
        self._reconfigure: Callable[[], None] | None = None
        self._thread = threading.Thread(target=self._run, name="processing", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self, timeout_s: float) -> bool:
        """Ask the loop to end; return whether it has within `timeout_s`."""
        self._stop.set()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def between_frames(self, change: Callable[[], None]) -> None:
        """Have `change` called by the loop between two frames, as nothing here is locked."""
        self._reconfigure = change

    @property
    def faces(self) -> tuple[FaceReading, ...]:
        """Readings of the newest frame."""
        return () if self.result is None else self.result.readings

    def figures(self, now: float) -> dict[str, Any]:
        """Return what the status record says of frames and faces at `now`."""
        return {
            "source": self.feed.source.name,
            "captured": self.feed.captured,
            "processed": self.frames,
            "skipped": self.feed.skipped,
            "processed_fps": round(self.rate.rate(now), 2),
            "failed": self.failed,
            "latency_ms": self.latency.percentiles(),
            "latency_histogram": self._histogram.status(),
            "last_frame_age_s": None if self._done_s is None else round(now - self._done_s, 3),
            "faces": len(self.faces),
            "readings": self.readings,
            "model": self.pipeline.classifier.name,
            "interpreter": self.pipeline.classifier.interpreter_name,
        }

    def _run(self) -> None:
        try:
            while not self._stop.is_set() and not self._finished():
                self._turn()
            if self._failure is not None and not self.frames and not self._stop.is_set():
                self.error = self._gives_up("every frame")
        except (FerError, BrokenPipeError) as error:
            self.error = error
        except BaseException as error:
            _LOGGER.exception("the processing loop ended")
            self.error = error
        finally:
            self.done.set()

    def _finished(self) -> bool:
        if self.feed.ended or self.feed.stuck:
            return True
        return bool(self._max_frames and self.frames >= self._max_frames)

    def _turn(self) -> None:
        if self._reconfigure is not None:
            change, self._reconfigure = self._reconfigure, None
            change()
        frame = self.feed.take(_TAKE_S)
        if frame is not None:
            self._flushed = False
            try:
                self._process(frame)
            except BrokenPipeError:
                raise  # nobody reads what a sink prints
            except Exception as error:
                self._fail(frame, error)
        elif self.paused and not self._flushed:
            # In this thread, as the sinks are written to by it. Readings must not wait for the
            # camera to come back.
            self._flushed = True
            self.result = None  # no picture outlives the camera's loss
            for sink in self._sinks:
                sink.flush()
        self._progress(self._clock())

    def _fail(self, frame: Frame, error: Exception) -> None:
        """Leave a frame out; a pipeline that fails too often needs a new process."""
        self._failure = error
        self.failed += 1
        if isinstance(error, FerError):
            _LOGGER.error("frame %d left out: %s", frame.index, error)
        else:
            _LOGGER.error("frame %d left out: the pipeline failed on it", frame.index,
                          exc_info=error)  # fmt: skip
        if self._budget.spend(self._clock()):
            raise self._gives_up(f"{MAX_FAILURES} frames within {FAILURE_WINDOW_S:g} s")

    def _gives_up(self, on: str) -> PipelineError:
        """Return the error that ends the run; what has run once heals in a new process."""
        last = self._failure
        text = str(last) if isinstance(last, FerError) else f"{type(last).__name__}: {last}"
        return PipelineError(f"the pipeline failed on {on}; the last time: {text}")

    def _process(self, frame: Frame) -> None:
        if self._start_s is None:
            self._start_s = frame.time_s
        elapsed = frame.time_s - self._start_s
        if self._duration_s and elapsed >= self._duration_s:
            self.feed.ended = True
            return
        started = self._clock()
        readings = self._read(frame)
        if readings is None:
            return
        ended = self._clock()
        # A clip's rows carry its own time, counted from the start of the run.
        in_step = isinstance(self.feed, StepFeed)
        wall = self._start_wall + timedelta(seconds=elapsed) if in_step else self._wall_clock()
        size = self._size
        done = FrameReadings(frame.index, frame.time_s, elapsed, wall, size, tuple(readings))
        for sink in self._sinks:
            sink.write(done)
        self.frames += 1
        self.readings += len(readings)
        self.labels.update(r.emotion for r in readings)
        self.rate.tick(ended)
        self.latency.add((ended - started) * 1000.0)
        self._histogram.add(ended - started)
        if self.first_s is None:
            self.first_s = ended
        self._done_s = ended
        self.result = Result(frame, tuple(readings), (ended - started) * 1000.0)

    def _read(self, frame: Frame) -> list[FaceReading] | None:
        """Return a frame's readings, decoding it only where it is looked at; None if broken."""
        undecoded = isinstance(frame.picture, Jpeg)
        if undecoded:
            followed = self.pipeline.follow(frame.time_s)
            if followed is not None:
                return followed
        try:
            image = frame.image
        except BrokenPicture:
            self.feed.decoded(False, self._clock())
            return None
        if undecoded:
            self.feed.decoded(True, self._clock())
        self._size = (image.shape[1], image.shape[0])
        return self.pipeline.analyze(image, frame.time_s, independent=self.feed.source.independent)
