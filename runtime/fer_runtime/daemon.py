"""Wires source, capture, pipeline and sinks; owns signals, watchdog and shutdown.

The processing loop runs in a thread; the main thread has the window, whose calls belong
there, or waits for signals.
"""

from __future__ import annotations

import logging
import math
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import FrameType
from typing import Any

import click

from . import __version__
from .errors import FerError
from .faces.pipeline import EmotionPipeline
from .frames.feed import make_feed
from .out.csv.log import CsvLog
from .out.notify import Notifier
from .out.status import StatusWriter
from .processor import Processor, Result, Sink
from .reading import FaceReading
from .settings.schema import Settings, all_settings

_LOGGER = logging.getLogger(__name__)

# SIGTERM is honoured within a second: what has not ended by then is left behind.
_STOP_S = 0.6
_TICK_S = 0.1
# For tests of the watchdog only: FER_EDGE_FAULT=hang_after_s=5 blocks the processing loop.
_FAULT_VARIABLE = "FER_EDGE_FAULT"


@dataclass
class Summary:
    """What a run did, for the last lines on the terminal."""

    frames: int = 0
    readings: int = 0
    captured: int = 0
    skipped: int = 0
    rows: int = 0
    seconds: float = 0.0
    first_reading_s: float | None = None
    """From the start of the daemon to the first frame done."""
    latency_ms: dict[str, float] = field(default_factory=dict)
    labels: dict[str, int] = field(default_factory=dict)


class Daemon:
    """One run of the runtime.

    Parameters
    ----------
    settings
        The effective configuration.
    reload
        Reads the configuration again for SIGHUP; raises ConfigError where it is bad.
    live_line
        Receives a short line about twice a second; None for none.
    extra_sinks
        Further receivers of readings.
    demo_picture
        Where to save one annotated frame of the demo scene; None for nowhere.
    study, feedback
        Study script to lead a participant through, and the file that takes its answers and
        the window's keys 1-7; None for none.
    clock, wall_clock
        Monotonic seconds, and aware local time.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        reload: Callable[[], Settings] | None = None,
        live_line: Callable[[str], None] | None = None,
        extra_sinks: Sequence[Sink] = (),
        demo_picture: str | None = None,
        study: str | None = None,
        feedback: str | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], datetime] = lambda: datetime.now().astimezone(),
    ) -> None:
        self.settings = settings
        self._reload, self._live_line = reload, live_line
        self._clock, self._wall_clock = clock, wall_clock
        self._started_s = clock()
        self._stop = threading.Event()
        self._hup = threading.Event()
        self.summary = Summary()
        self._notifier = Notifier.from_env(os.environ)
        self._csv = CsvLog(settings.csv) if settings.csv.path else None
        self._mqtt: Any = None
        self._extra = list(extra_sinks)
        self._demo_picture = demo_picture
        self._study, self._feedback = study, feedback
        self._state = ("starting", 0.0, "")
        self._best: Result | None = None

    def stop(self) -> None:
        """Ask the run to end; safe from any thread and from a signal handler."""
        self._stop.set()

    def run(self) -> None:
        """Run until the source ends, a limit is reached, or a signal comes.

        Raises
        ------
        FerError
            Whatever ended the run; its exit code is the command line's.
        """
        settings = self.settings
        restore = self._catch_signals()
        processor: Processor | None = None
        viewer: Any = None
        feed = make_feed(settings.source, watched=settings.window.show, clock=self._clock)
        status = StatusWriter(settings.status, version=__version__, clock=self._clock)
        try:
            if settings.window.show:
                from .viewer import Viewer

                viewer = Viewer(settings, self._wall_clock, self._study, self._feedback)
                viewer.open()
            if self._csv:
                self._csv.open()
            if settings.mqtt.host:
                from .out.mqtt.sink import MqttSink

                self._mqtt = MqttSink(settings.mqtt)
                self._mqtt.start()
            pipeline = EmotionPipeline(settings)
            feed.start()
            processor = Processor(
                feed,
                pipeline,
                self._sinks(),
                max_frames=settings.run.max_frames,
                duration_s=settings.run.duration_s,
                clock=self._clock,
                wall_clock=self._wall_clock,
                progress=self._progress,
            )
            processor.start()
            self._notifier.ready()
            self._watch(processor, viewer, status)
        finally:
            self._notifier.stopping()
            if processor is not None:
                processor.stop(_STOP_S)
            feed.stop()
            self._close_sinks()
            if processor is not None:
                self._report(processor, status, final=True)
                self._summarize(processor)
                self._save_demo_picture()
            status.close()
            if viewer is not None:
                viewer.close()
            restore()
        self._raise_failures(processor)

    # -- parts of a run ---------------------------------------------------------------

    def _sinks(self) -> list[Sink]:
        sinks: list[Sink] = [fault_from(os.environ.get(_FAULT_VARIABLE, ""))]
        if self._csv:
            log = self._csv

            def write(
                readings: Sequence[FaceReading], *, wall: datetime, elapsed_s: float, now: float
            ) -> None:
                log.write(readings, wall=wall, elapsed_s=elapsed_s, now=now)

            sinks.append(write)
        if self._mqtt:
            mqtt = self._mqtt

            def publish(
                readings: Sequence[FaceReading], *, wall: datetime, elapsed_s: float, now: float
            ) -> None:
                mqtt.publish(readings, wall, now)

            sinks.append(publish)
        return sinks + self._extra

    def _watch(self, processor: Processor, viewer: Any, status: StatusWriter) -> None:
        """Attend to window, signals, capture, status and limits until the end."""
        shown_s = status_s = -math.inf
        reported = ""
        while not self._stop.is_set() and not processor.done.is_set():
            now = self._clock()
            self._state = processor.feed.supervise(now)
            if self._csv and self._state[0] != "running":
                self._csv.flush()  # the last tick must not wait for the camera to come back
            self._keep_best(processor)
            if self._hup.is_set():
                self._hup.clear()
                self._reload_settings(processor, viewer, status)
            state = self._state[0]
            # Denser at the start, for whoever has just started it and looks.
            interval_s = min(self.settings.status.interval_s, max(1.0, now - self._started_s))
            if state != reported or now - status_s >= interval_s:
                reported, status_s = state, now
                self._report(processor, status)
            if self._live_line and now - shown_s >= 0.5:
                shown_s = now
                self._live_line(self._line(processor, now))
            limit = self.settings.run.duration_s
            if limit and processor.feed.source.live and now - self._started_s >= limit:
                break
            if viewer is None:
                processor.done.wait(_TICK_S)
            elif not viewer.step(processor, self._state, now):
                break

    def _progress(self, now: float) -> None:
        """Feed the service manager's watchdog: called by the processing loop only."""
        self._notifier.watchdog(now)

    def _reload_settings(self, processor: Processor, viewer: Any, status: StatusWriter) -> None:
        if self._reload is None:
            _LOGGER.info("SIGHUP: no configuration file to read again")
            return
        self._notifier.reloading(self._clock())
        try:
            new = self._reload()
        except (FerError, click.ClickException) as error:
            _LOGGER.error("SIGHUP: the old configuration stays: %s", error)
            return
        finally:
            self._notifier.ready()
        kept = changed_but_fixed(self.settings, new)
        if kept:
            _LOGGER.warning("SIGHUP: these take a restart: %s", ", ".join(kept))
        self.settings = new
        status.reload(new.status)

        def change() -> None:
            processor.pipeline.configure(new)
            processor.feed.configure(new.source)
            if self._csv:
                self._csv.reload(new.csv)

        processor.between_frames(change)
        if viewer is not None:
            viewer.configure(new)
        logging.getLogger("fer_runtime").setLevel(new.run.log_level.upper())
        _LOGGER.info("SIGHUP: configuration read again")

    def _report(self, processor: Processor, status: StatusWriter, *, final: bool = False) -> None:
        """Write the status file and systemd's STATUS= line."""
        now = self._clock()
        state = "stopping" if final else self._state[0]
        if state == "running" and processor.pipeline.idle:
            state = "idle"
        result = processor.result
        record = {
            "state": state,
            "state_for_s": round(self._state[1], 1),
            "reason": self._state[2],
            "source": processor.feed.source.name,
            "captured": processor.feed.captured,
            "processed": processor.frames,
            "skipped": processor.feed.skipped,
            "processed_fps": round(processor.rate.rate(now), 2),
            "latency_ms": processor.latency.percentiles(),
            "last_frame_age_s": None if result is None else round(now - result.done_s, 3),
            "faces": 0 if result is None or state == "retrying" else len(result.readings),
            "readings": processor.readings,
            "csv_rows": self._csv.rows if self._csv else 0,
            "csv_dropped": self._csv.dropped if self._csv else 0,
            "model": processor.pipeline.classifier.name,
            "interpreter": processor.pipeline.classifier.interpreter_name,
        }
        full = status.write(record, now, self._wall_clock())
        if self._mqtt:
            self._mqtt.publish_status(full)
        self._notifier.status(
            f"{state}: {record['processed_fps']} fps, {record['faces']} faces, "
            f"source {record['source']}"
        )

    def _line(self, processor: Processor, now: float) -> str:
        """One short line for the terminal."""
        state, seconds, reason = self._state
        if state in ("retrying", "covered"):
            return f"source {state} for {seconds:.0f} s {reason}".rstrip()
        result = processor.result
        if result is None:
            return f"source {state} ..."
        faces = ", ".join(f"#{r.face_id} {r.emotion} {r.confidence:.0%}" for r in result.readings)
        return (
            f"frame {processor.frames}  {processor.rate.rate(now):5.1f} fps  "
            f"{processor.latency.percentiles().get('p50', 0.0):4.1f} ms  "
            f"{len(result.readings)} faces: {faces or '-'}"
        )

    def _summarize(self, processor: Processor) -> None:
        first = processor.first_s
        self.summary = Summary(
            frames=processor.frames,
            readings=processor.readings,
            captured=processor.feed.captured,
            skipped=processor.feed.skipped,
            rows=self._csv.rows if self._csv else 0,
            seconds=self._clock() - self._started_s,
            first_reading_s=None if first is None else first - self._started_s,
            latency_ms=processor.latency.percentiles(),
            labels=dict(processor.labels.most_common()),
        )

    def _save_demo_picture(self) -> None:
        if self._demo_picture and self._best is not None:
            from .screen.demo_picture import save_demo_picture

            save_demo_picture(self._demo_picture, self._best, self.settings)

    def _keep_best(self, processor: Processor) -> None:
        """Keep the demo frame with most faces, the newest of those, for its picture."""
        result = processor.result
        if self._demo_picture and result is not None:
            faces = 0 if self._best is None else len(self._best.readings)
            if len(result.readings) >= faces:
                self._best = result

    def _close_sinks(self) -> None:
        if self._csv:
            self._csv.close()
        if self._mqtt:
            self._mqtt.close(0.3)

    def _raise_failures(self, processor: Processor | None) -> None:
        if processor is None:
            return
        error = processor.error or processor.feed.error
        if processor.feed.stuck:
            error = FerError(
                f"source {processor.feed.source.name}: two reads in a row are blocked",
                "the service manager starts a new process; check the cable or the camera",
            )
        if error is None:
            return
        if not isinstance(error, FerError):
            error = FerError(f"internal error: {type(error).__name__}: {error}")
        raise error

    def _catch_signals(self) -> Callable[[], None]:
        """Install handlers where this is the main thread; return what restores the old ones."""
        if threading.current_thread() is not threading.main_thread():
            return lambda: None

        def handle(number: int, frame: FrameType | None) -> None:
            if number == getattr(signal, "SIGHUP", None):
                self._hup.set()
            else:
                self._stop.set()

        numbers = [signal.SIGTERM, signal.SIGINT]
        if hasattr(signal, "SIGHUP"):
            numbers.append(signal.SIGHUP)
        old = {number: signal.signal(number, handle) for number in numbers}

        def restore() -> None:
            for number, handler in old.items():
                signal.signal(number, handler)

        return restore


def changed_but_fixed(old: Settings, new: Settings) -> list[str]:
    """Return the keys that differ and cannot change in a running process."""
    out = []
    for key, (item, limits) in all_settings().items():
        section = key.partition(".")[0]
        a, b = (getattr(getattr(s, section), item.name) for s in (old, new))
        if a != b and not limits.reload:
            out.append(key)
    return out


def fault_from(text: str) -> Sink:
    """Return a sink that does nothing, or the fault that FER_EDGE_FAULT asks for."""
    kind, _, seconds = text.partition("=")

    def nothing(
        readings: Sequence[FaceReading], *, wall: datetime, elapsed_s: float, now: float
    ) -> None:
        return

    def hang(
        readings: Sequence[FaceReading], *, wall: datetime, elapsed_s: float, now: float
    ) -> None:
        if elapsed_s >= float(seconds):
            _LOGGER.warning("FER_EDGE_FAULT: the processing loop hangs now")
            threading.Event().wait()

    return hang if kind == "hang_after_s" else nothing
