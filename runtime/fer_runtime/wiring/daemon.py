"""Wires source, capture, pipeline and sinks; owns signals, watchdog and shutdown.

The processing loop runs in a thread; the main thread has the window, whose calls belong
there, or waits for signals.
"""

from __future__ import annotations

import logging
import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import click

from .. import __version__
from ..errors import FerError
from ..faces.pipeline import EmotionPipeline
from ..frames.feed import make_feed
from ..out import fault
from ..out.fault import Fault
from ..out.sink import Sink
from ..out.sinks import Sinks, make_sinks
from ..out.status import StatusWriter
from ..out.summary import Summary, live_line
from ..settings.schema import Settings, changed_but_fixed, in_force
from .late_files import wait_for_files
from .notify import Notifier
from .processor import Processor
from .signals import Signals
from .wall import WallClock

_LOGGER = logging.getLogger(__name__)

# SIGTERM is honoured within a second: what has not ended by then is left behind.
_STOP_S = 0.6
_TICK_S = 0.1
# A main thread that has not come round for so long hangs: a window that no longer draws.
_MAIN_HANGS_S = 10.0


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
    environ
        Where the service manager is looked for; empty where there is none.
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
        environ: Mapping[str, str] = os.environ,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], datetime] | None = None,
    ) -> None:
        self.settings = settings
        self._reload, self._live_line = reload, live_line
        self._clock, self._wall_clock = clock, wall_clock or WallClock(clock)
        self._started_s = clock()
        self._signals = Signals()
        self._main_s = clock()
        self.summary = Summary()
        self._notifier = Notifier.from_env(environ)
        self._sinks = Sinks(settings, [Fault(environ.get(fault.VARIABLE, "")), *extra_sinks])
        self._demo: Any = None
        if demo_picture:
            from ..screen.demo_picture import DemoPicture

            self._demo = DemoPicture(demo_picture, settings)
        self._study, self._feedback = study, feedback
        self._serviced = bool(environ.get("NOTIFY_SOCKET"))
        self._state = ("starting", 0.0, "")

    def stop(self) -> None:
        """Ask the run to end; safe from any thread and from a signal handler."""
        self._signals.stop = True

    def run(self) -> None:
        """Run until the source ends, a limit is reached, or a signal comes.

        Raises
        ------
        FerError
            Whatever ended the run; its exit code is the command line's.
        """
        settings = self.settings
        restore = self._signals.catch()
        processor: Processor | None = None
        viewer: Any = None
        feed = make_feed(settings.source, watched=settings.window.show, clock=self._clock)
        status = StatusWriter(settings.status, version=__version__, clock=self._clock)
        try:
            # Only a service may wait: a person at a terminal is told at once.
            if self._serviced and not wait_for_files(
                settings, self._notifier, lambda: self._signals.stop, self._clock, time.sleep
            ):
                return
            if settings.window.show:
                from .viewer import Viewer

                viewer = Viewer(
                    settings, self._wall_clock, self._study, self._feedback, self._sinks.mark
                )
                viewer.open()
            self._sinks.add(make_sinks(settings, self._sinks.run))
            self._sinks.open()
            pipeline = EmotionPipeline(settings)
            feed.start()
            processor = Processor(
                feed,
                pipeline,
                [self._sinks],
                max_frames=settings.run.max_frames,
                duration_s=settings.run.duration_s,
                clock=self._clock,
                wall_clock=self._wall_clock,
                progress=self._progress,
            )
            processor.start()
            self._main_s = self._clock()
            self._notifier.ready()
            self._watch(processor, viewer, status)
        finally:
            self._notifier.stopping()
            if processor is not None:
                processor.stop(_STOP_S)
            feed.stop()
            if processor is not None:
                self._sinks.end(self._wall_clock())
                self._report(processor, status, final=True)  # while the sinks can pass it on
            self._sinks.close()
            if processor is not None:
                self._report(processor, status, final=True)
                self._summarize(processor)
                if self._demo:
                    self._demo.save()
            status.close()
            if viewer is not None:
                viewer.close()
            restore()
        self._raise_failures(processor)

    def _watch(self, processor: Processor, viewer: Any, status: StatusWriter) -> None:
        """Attend to window, signals, capture, status and limits until the end."""
        shown_s = status_s = -math.inf
        reported = ""
        while not self._signals.stop and not processor.done.is_set():
            self._main_s = now = self._clock()
            self._state = processor.feed.supervise(now)
            processor.paused = self._state[0] != "running"
            self._sinks.state(self._shown_state(processor), now, self._wall_clock())
            if self._demo and processor.result is not None:
                result = processor.result
                self._demo.offer(result.frame.image, result.readings, result.processing_ms)
            if self._signals.take_reload():
                self._reload_settings(processor, viewer, status)
            state = self._state[0]
            # Denser at the start, for whoever has just started it and looks.
            interval_s = min(self.settings.status.interval_s, max(1.0, now - self._started_s))
            if state != reported or now - status_s >= interval_s:
                reported, status_s = state, now
                self._report(processor, status)
            if self._live_line and now - shown_s >= 0.5:
                shown_s = now
                self._live_line(live_line(processor.figures(now), self._state, processor.faces))
            limit = self.settings.run.duration_s
            if limit and processor.feed.source.live and now - self._started_s >= limit:
                break
            if viewer is None:
                processor.done.wait(_TICK_S)
            elif not viewer.step(processor, self._state, now):
                break

    def _progress(self, now: float) -> None:
        """Feed the service manager's watchdog: called by the processing loop only.

        A main thread that hangs, with the window or with a reload, must not stay alive for ever
        on the strength of frames that still go through.
        """
        if now - self._main_s < _MAIN_HANGS_S:
            self._notifier.watchdog(now)

    def _reload_settings(self, processor: Processor, viewer: Any, status: StatusWriter) -> None:
        if self._reload is None:
            _LOGGER.info("SIGHUP: no configuration file to read again")
            return
        self._notifier.reloading(self._clock())
        try:
            wanted = self._reload()
        except (FerError, click.ClickException) as error:
            _LOGGER.error("SIGHUP: the old configuration stays: %s", error)
            return
        finally:
            self._notifier.ready()
        kept = changed_but_fixed(self.settings, wanted)
        if kept:
            _LOGGER.warning("SIGHUP: these take a restart: %s", ", ".join(kept))
        self.settings = new = in_force(self.settings, wanted)
        status.reload(new.status)

        def change() -> None:
            processor.pipeline.configure(new)
            processor.feed.configure(new.source)
            self._sinks.reload(new)

        processor.between_frames(change)
        if viewer is not None:
            viewer.configure(new)
        logging.getLogger("fer_runtime").setLevel(new.run.log_level.upper())
        _LOGGER.info("SIGHUP: configuration read again")

    def _report(self, processor: Processor, status: StatusWriter, *, final: bool = False) -> None:
        """Write the status file and systemd's STATUS= line."""
        now = self._clock()
        state = "stopping" if final else self._shown_state(processor)
        record = processor.figures(now) | {
            "state": state,
            "state_for_s": round(self._state[1], 1),
            "reason": self._state[2],
        }
        if state == "retrying":
            record["faces"] = 0
        record |= self._sinks.status()
        full = status.write(record, now, self._wall_clock())
        self._sinks.announce(full)
        self._notifier.status(
            f"{state}: {record['processed_fps']} fps, {record['faces']} faces, "
            f"source {record['source']}"
        )

    def _summarize(self, processor: Processor) -> None:
        first = processor.first_s
        self.summary = Summary(
            frames=processor.frames,
            readings=processor.readings,
            captured=processor.feed.captured,
            skipped=processor.feed.skipped,
            rows=self._sinks.status().get("csv_rows", 0),
            seconds=self._clock() - self._started_s,
            first_reading_s=None if first is None else first - self._started_s,
            latency_ms=processor.latency.percentiles(),
            labels=dict(processor.labels.most_common()),
        )

    def _shown_state(self, processor: Processor) -> str:
        """Return the source's state, or ``idle`` where it runs and nobody comes."""
        state = self._state[0]
        return "idle" if state == "running" and processor.pipeline.idle else state

    def _raise_failures(self, processor: Processor | None) -> None:
        if processor is None:
            return
        error = processor.error or processor.feed.error
        if processor.feed.stuck:
            error = FerError(
                f"source {processor.feed.source.name}: a blocked read stops all frames",
                "the service manager starts a new process; check the cable or the camera",
            )
        if error is None:
            return
        if not isinstance(error, (FerError, BrokenPipeError)):
            error = FerError(f"internal error: {type(error).__name__}: {error}")
        raise error
