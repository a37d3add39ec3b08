"""All sinks of a run as one, with the records that are derived for them."""

from __future__ import annotations

import os
import socket
import threading
import uuid
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from datetime import datetime
from typing import Any, Final

from ..errors import ConfigError
from ..reading import FrameReadings, Record
from ..settings.schema import Settings
from .moments import Moments
from .sink import Sink

_PATIENCE_S: Final = 0.05
"""Longest wait of the main thread for a sink that hangs with a frame in its hand."""


class Sinks(Sink):
    """Hands readings and records to each sink in turn.

    Parameters
    ----------
    settings
        For the names and times in records.
    sinks
        Sinks beside those that `make_sinks` adds.
    run
        Name of the run, twelve hexadecimal digits; empty for one that is never used again.
    """

    def __init__(self, settings: Settings, sinks: Iterable[Sink] = (), run: str = "") -> None:
        self._sinks = list(sinks)
        self.run = run or uuid.uuid4().hex[:12]
        """Names this run of the program in every record."""
        self.moments = Moments(device_name(settings), self.run)
        # Frames and the source's state come from two threads.
        self._lock = threading.Lock()
        self._totals = self.moments.totals.status()
        self.reload(settings)

    def add(self, sinks: Iterable[Sink]) -> None:
        """Take more sinks, before `open`."""
        self._sinks += sinks

    def open(self) -> None:
        """Open all; FerError of the first that fails."""
        for sink in self._sinks:
            sink.open()

    def write(self, readings: FrameReadings) -> int:
        """Hand on one frame, then what is derived from it."""
        total = sum(sink.write(readings) for sink in self._sinks)
        with self._lock:
            self._hand_on(self.moments.frame(readings))
        return total

    def record(self, record: Record) -> None:
        """Hand on one record."""
        for sink in self._sinks:
            sink.record(record)

    def state(self, state: str, now: float, wall: datetime) -> None:
        """Note the source's state at `now` (monotonic seconds); call it a few times a second."""
        if self._lock.acquire(timeout=_PATIENCE_S):
            try:
                self._hand_on(self.moments.state(state, now, wall))
            finally:
                self._lock.release()

    def end(self, wall: datetime) -> None:
        """End the visits and the minute under way; nothing may be written after it."""
        if self._lock.acquire(timeout=_PATIENCE_S):
            try:
                self._hand_on(self.moments.end(wall))
            finally:
                self._lock.release()

    def mark(self, text: str, now: float) -> None:
        """Pass a study's marker on."""
        for sink in self._sinks:
            sink.mark(text, now)

    def flush(self) -> None:
        """Flush all."""
        for sink in self._sinks:
            sink.flush()

    def reload(self, settings: Settings) -> None:
        """Take over the settings that can change while running."""
        self.moments.max_gap_s = settings.tracker.max_gap_s
        self.moments.visit_update_s = settings.records.visit_update_s
        for sink in self._sinks:
            sink.reload(settings)

    def status(self) -> Mapping[str, Any]:
        """Return the name of the kiosk, what is derived, and the figures of all."""
        record: dict[str, Any] = {"device": self.moments.device}
        if self._lock.acquire(timeout=_PATIENCE_S):
            try:
                self._totals = self.moments.totals.status()
            finally:
                self._lock.release()
        record |= self._totals
        for sink in self._sinks:
            record = _together(record, sink.status())
        return record

    def announce(self, status: Mapping[str, Any]) -> None:
        """Hand on the status record."""
        for sink in self._sinks:
            sink.announce(status)

    def close(self) -> None:
        """Close all, also those after one that fails; its error is raised then."""
        with ExitStack() as stack:
            for sink in reversed(self._sinks):
                stack.callback(sink.close)

    def _hand_on(self, records: Iterable[Record]) -> None:
        for record in records:
            self.record(record)


def _together(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Return the figures of two sinks: of logs the newest row, and the least space for more."""
    out = {**one, **other}
    written = [r["csv_written_at"] for r in (one, other) if r.get("csv_written_at")]
    if written:
        out["csv_written_at"] = max(written, key=datetime.fromisoformat)
    free = [r["csv_free_mb"] for r in (one, other) if r.get("csv_free_mb") is not None]
    if free:
        out["csv_free_mb"] = min(free)
    return out


def device_name(settings: Settings) -> str:
    """Return the name of this kiosk in records and topics."""
    return settings.mqtt.device or socket.gethostname()


def distinct_files(settings: Settings) -> None:
    """ConfigError where two of the files that are written are one.

    The status and the metrics replace what is there: a log of that name would be gone.
    """
    csv = settings.csv
    logs = {"csv.path": csv.path, "csv.visits": csv.visits, "csv.minutes": csv.minutes}
    others = {"status.path": settings.status.path, "metrics.textfile": settings.metrics.textfile}
    keys: dict[str, list[str]] = {}
    for key, path in (logs | others).items():
        if path:
            keys.setdefault(os.path.realpath(os.path.expanduser(path)), []).append(key)
    for path, same in keys.items():
        if len(same) > 1:
            raise ConfigError(
                f"{', '.join(same)}: expected distinct files, received {path} for each"
            )


def make_sinks(settings: Settings, run: str) -> list[Sink]:
    """Return the sinks that `settings` name, not yet open; extras are imported only if used.

    Parameters
    ----------
    settings
        The effective configuration.
    run
        Name of this run of the program.

    Raises
    ------
    ConfigError
        If a setting cannot be used or its extra is not installed.
    """
    sinks: list[Sink] = []
    csv = settings.csv
    distinct_files(settings)
    if csv.path or csv.visits or csv.minutes:
        from .csv.log import CsvLog, MinuteLog, VisitLog

        if csv.path:
            sinks.append(CsvLog(csv))
        if csv.visits:
            sinks.append(VisitLog(csv))
        if csv.minutes:
            sinks.append(MinuteLog(csv))
    if settings.mqtt.host:
        from .mqtt.sink import MqttSink

        sinks.append(MqttSink(settings.mqtt, run))
    if settings.metrics.textfile:
        from .metrics.textfile import Textfile

        sinks.append(Textfile(settings.metrics.textfile))
    if settings.web.listen:
        from .web.sink import WebSink

        sinks.append(WebSink(settings.web, device_name(settings), run))
    if settings.lsl.stream:
        from .lsl import LslOutlet

        sinks.append(LslOutlet(settings.lsl))
    return sinks
