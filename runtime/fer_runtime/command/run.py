"""One run from the command line: daemon, terminal lines, the last summary."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import click

from ..arrays import PICTURE_SUFFIXES
from ..errors import OutputError
from ..labels import label_name
from ..out.sink import Sink
from ..out.summary import Summary
from ..reading import FrameReadings
from ..settings.schema import Settings
from ..wiring.daemon import Daemon
from .console import not_printed


class LiveLine:
    """A line on the terminal that is written over; where there is none, one a second."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._turn = 0
        self._width = 0

    def __call__(self, text: str) -> None:
        """Show `text`."""
        if self._terminal:
            self._width = max(self._width, len(text))
            sys.stderr.write(f"\r{text.ljust(self._width)}")
            sys.stderr.flush()
        elif self._turn % 2 == 0:
            # Into a file on a full disk, or for a reader that has gone: readings go on.
            with suppress(OSError):
                print(text, file=sys.stderr, flush=True)
        self._turn += 1

    def end(self) -> None:
        """Leave the line."""
        if self._terminal and self._turn:
            sys.stderr.write("\n")


def run(
    settings: Settings,
    reload: Callable[[], Settings],
    live_line: bool,
    demo_picture: str | None,
    study: str | None,
    feedback: str | None,
) -> int:
    """Run the daemon until it ends and print what it did; return the exit code."""
    line = LiveLine() if live_line else None
    one_picture = _is_picture(settings.source.source)
    extra = [PicturePrinter(settings.window.language)] if one_picture else []
    daemon = Daemon(
        settings,
        reload=reload,
        live_line=line,
        extra_sinks=extra,
        demo_picture=demo_picture,
        study=study,
        feedback=feedback,
    )
    try:
        daemon.run()
    finally:
        if line:
            line.end()
    if live_line and not one_picture:
        with suppress(OSError):
            print(summary_text(daemon.summary, settings), file=sys.stderr)
    for printer in extra:
        if printer.failure:
            raise printer.failure
    return 0


def _is_picture(source: str) -> bool:
    return Path(source).suffix.lower() in PICTURE_SUFFIXES and os.path.isfile(source)


class PicturePrinter(Sink):
    """Prints each face of a picture on a line of standard output."""

    def __init__(self, language: str) -> None:
        self._language = language
        self.failure: OutputError | None = None
        """Why it could not be printed: no reason to leave the picture out of the other sinks."""

    def write(self, readings: FrameReadings) -> int:
        """Print the faces of one picture; return how many."""
        lines = [] if readings.faces else ["no face found"]
        for r in readings.faces:
            x, y, w, h = r.box
            name = label_name(r.emotion, self._language)
            lines.append(
                f"face {r.face_id}: {name} {r.confidence:.0%} at {x},{y} {w}x{h} "
                f"(detection {r.detection_score:.2f}, model {r.model})"
            )
        try:
            click.echo("\n".join(lines))
        except BrokenPipeError:
            raise  # a reader that has gone is no failure
        except OSError as error:
            self.failure = not_printed(error)
        return len(readings.faces)


def summary_text(summary: Summary, settings: Settings) -> str:
    """Return the last lines of a run."""
    rate = summary.frames / summary.seconds if summary.seconds else 0.0
    total = sum(summary.labels.values())
    shares = ", ".join(f"{k} {v / total:.0%}" for k, v in summary.labels.items())
    p = summary.latency_ms
    lines = [
        f"{summary.frames} frames in {summary.seconds:.1f} s ({rate:.1f} fps; "
        f"{summary.captured} captured, {summary.skipped} skipped)",
    ]
    if p:
        lines.append(f"per frame {p['p50']:.1f} ms median, {p['p95']:.1f} ms p95")
    if summary.first_reading_s is not None:
        lines.append(f"first frame done {summary.first_reading_s:.2f} s after the start")
    lines.append(f"{summary.readings} readings" + (f": {shares}" if shares else ""))
    if settings.csv.path:
        lines.append(f"{summary.rows} rows in {settings.csv.path}")
    return "\n".join(lines)
