"""Draws in a process of its own beside this one: half of a short report is drawing."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from ..extra import need
from ..numbers import Report
from .figures import Picture, draw
from .style import NARROW, WIDE, Canvas
from .words import Words


class Painter:
    """Draws plots; its second process gets ready while this one still counts."""

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None
        if (os.cpu_count() or 1) > 1:
            # Not a fork: the engine has threads.
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(1, mp_context=context)
            self._ready: Future[None] | None = self._pool.submit(_get_ready)

    def draw(
        self, tasks: list[tuple[Report, Canvas]], words: Words, drawn: Callable[[], None]
    ) -> list[list[Picture]]:
        """Draw the plots of reports.

        Parameters
        ----------
        tasks
            Each a report and the page it is for; the last one is drawn by the other process.
        words
            Their language.
        drawn
            Called after each plot drawn here.

        Returns
        -------
        The plots of each task.
        """
        here, there = (tasks[:-1], tasks[-1:]) if self._pool else (tasks, [])
        try:
            futures = [self._pool.submit(_draw, *t, words) for t in there] if self._pool else []
            out = [_draw_here(*t, words, drawn) for t in here]
            out += [f.result() for f in futures]
        except (BrokenProcessPool, OSError):
            # No memory or no semaphores for a second process.
            out = [_draw_here(*t, words, drawn) for t in tasks]
        return out

    def __enter__(self) -> Painter:
        """Nothing more to do: it got ready when it was made."""
        return self

    def __exit__(self, *error: object) -> None:
        """End the other process."""
        if self._pool:
            self._pool.shutdown(wait=False, cancel_futures=True)


def both(report: Report) -> list[tuple[Report, Canvas]]:
    """Return the tasks of one report's page."""
    return [(report, WIDE), (report, NARROW)]


def _draw_here(
    report: Report, canvas: Canvas, words: Words, drawn: Callable[[], None]
) -> list[Picture]:
    out = []
    for picture in draw(report, words, canvas):
        out.append(picture)
        drawn()
    return out


def _draw(report: Report, canvas: Canvas, words: Words) -> list[Picture]:
    return list(draw(report, words, canvas))


def _get_ready() -> None:
    for module in ("figure", "backends.backend_agg", "collections", "patches", "ticker"):
        need(f"matplotlib.{module}")
