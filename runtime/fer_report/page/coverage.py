"""The calendar of face time: a row for each day, a cell for each quarter of an hour."""

from __future__ import annotations

from typing import Final

import numpy as np

from ..numbers import Report
from .style import Canvas
from .svg import Drawing, number
from .words import Words

_LEVELS: Final = 6
"""Depths of colour; more could not be told apart."""
_QUARTERS: Final = 96


def coverage(report: Report, words: Words, canvas: Canvas) -> Drawing:
    """Draw face time by day and quarter of an hour; empty where the log has no row."""
    days = len(report.days)
    body = float(np.clip(16.0 * days, 24.0, 540.0))
    drawing = Drawing(canvas, body + 52)
    every = max(1, int(np.ceil(days / (14 if days <= 28 else 20))))
    shown = range(0, days, every)
    names = [
        f"{words.weekday(int((report.days[d] + 3) % 7))} "
        + words.day(float(report.days[d]) * 86_400_000, year=days > 300)
        for d in shown
    ]
    left, right, top = max(drawing.text_width(n) for n in names) + 12, canvas.width - 20, 4.0
    row, quarter = body / days, (right - left) / _QUARTERS
    for hour in range(0, 25, 6 if canvas.narrow else 3):
        x = left + hour * 4 * quarter
        drawing.line((x, x), (top, top + body), "grid")
        drawing.text(x, top + body + 6 + canvas.font, f"{hour:02d}:00", at="middle")
    for d, name in zip(shown, names, strict=True):
        drawing.text(left - 8, top + (d + 0.5) * row + 0.36 * canvas.font, name, at="end")
    drawing.text((left + right) / 2, drawing.height - 6, words.text("time_of_day"), at="middle")
    # A line as thick as the row for each stretch of one depth: a year is some hundred kilobytes.
    air = 1.0 if days <= 62 else 0.0
    place = f"translate({number(left)} {number(top)}) scale({quarter:.6g} {row:.6g})"
    for level, lines in enumerate(_stretches(report), 1):
        drawing.path(lines, "cell", transform=place, opacity=f"{0.2 + 0.8 * level / _LEVELS:.2f}",
                     stroke_width=f"{1 - air / row:.3g}")  # fmt: skip
    return drawing


def _stretches(report: Report) -> list[str]:
    """Return for each depth the stretches that have it: paths, a unit a quarter and a day."""
    seconds = report.presence_s
    some = seconds > 0
    # The darkest is for the busiest 2 %, or a single crowd would make all the rest pale.
    most = float(np.quantile(seconds[some], 0.98)) if some.any() else 1.0
    level = np.where(some, np.clip(np.ceil(seconds / most * _LEVELS), 1, _LEVELS), 0).astype(int)
    paths: list[list[str]] = [[] for _ in range(_LEVELS)]
    for day in np.flatnonzero(some.any(axis=1)).tolist():
        values = level[day]
        cuts = np.flatnonzero(np.diff(values)) + 1
        for begin, end in zip([0, *cuts.tolist()], [*cuts.tolist(), _QUARTERS], strict=True):
            if values[begin]:
                paths[values[begin] - 1].append(f"M{begin} {day}.5h{end - begin}")
    return ["".join(p) for p in paths]
