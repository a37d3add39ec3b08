"""The plots: each takes the report and returns a drawing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from fer_runtime.labels import LABELS

from ..numbers import DWELL_EDGES_S, Report
from .coverage import coverage
from .panel import Panel, legend, percent_ticks
from .style import (
    STACK,
    Canvas,
    Ticks,
    duration_ticks,
    hex_color,
    round_step,
    time_ticks,
)
from .svg import Drawing
from .words import Words

LITTLE_S: Final = 60.0
"""Shares of an hour or weekday with less face time than this are drawn pale."""
_BAR: Final = 0.96
"""Width of a bar; the rest is air."""


@dataclass(frozen=True)
class Picture:
    """A drawn plot."""

    key: str
    """Name of the section it belongs to."""
    drawing: Drawing

    @property
    def narrow(self) -> bool:
        """Whether it is for a narrow page."""
        return self.drawing.canvas.narrow

    @property
    def file_name(self) -> str:
        """Name under which it is saved."""
        return f"{self.key}{self.drawing.canvas.name}.svg"


def draw(report: Report, words: Words, canvas: Canvas) -> list[Picture]:
    """Draw every plot for a wide or for a narrow page."""
    return [Picture(key, plot(report, words, canvas)) for key, plot in FIGURES.items()]


def over_time(report: Report, words: Words, canvas: Canvas) -> Drawing:
    """Draw shares by time, and below them the face time that they rest on."""
    bins = report.bins
    start, width = bins.start_ms.astype(np.float64), bins.width_s * 1000
    drawing = Drawing(canvas, 438)
    top, left = legend(drawing, words) + 12, _axis_width(canvas)
    across = (float(start[0]), float(start[-1]) + width)
    upper = Panel(drawing, left, top, canvas.width - 6, 286, across, (0, 1))
    upper.y_axis(percent_ticks(words), grid=False)
    upper.stacked(start, width * _BAR, bins.seconds)
    total = bins.seconds.sum(axis=1)
    ticks = duration_ticks(words, float(total.max()))
    lower = Panel(drawing, left, 322, canvas.width - 6, 396, across, (0, ticks[-1][0]))
    lower.title(words.text("per_bin", width=words.width(bins.width_s)))
    lower.y_axis(ticks)
    lower.bars(start, width * _BAR, total)
    lower.x_axis(time_ticks(words, *across, 4 if canvas.narrow else 9))
    return drawing


def week(report: Report, words: Words, canvas: Canvas) -> Drawing:
    """Draw shares by hour of day and by weekday."""
    hours: Ticks = [(h + 0.48, f"{h:02d}") for h in range(0, 24, 6 if canvas.narrow else 3)]
    days: Ticks = [(d + 0.48, words.weekday(d)) for d in range(7)]
    drawing = Drawing(canvas, 696 if canvas.narrow else 356)
    top, axis = legend(drawing, words) + 28, _axis_width(canvas)
    middle = canvas.width * 0.68
    places = [(axis, middle, top), (middle + axis + 14, canvas.width - 6, top)]
    if canvas.narrow:
        places = [(axis, canvas.width - 6, top), (axis, canvas.width - 6, top + 330)]
    for (left, right, y), seconds, ticks, title in zip(
        places, (report.hour_s, report.weekday_s), (hours, days),
        (words.text("hour_axis"), words.text("weekday").lower()), strict=True,
    ):  # fmt: skip
        total, start = seconds.sum(axis=1), np.arange(len(seconds), dtype=np.float64)
        across = (-0.1, len(seconds) + 0.06)
        upper = Panel(drawing, left, y, right, y + 180, across, (0, 1))
        upper.title(title, strong=True)
        upper.y_axis(percent_ticks(words), grid=False)
        upper.stacked(start, _BAR, seconds, pale=total < LITTLE_S)
        upper.x_axis(ticks, names=False)
        times = duration_ticks(words, float(total.max()))
        lower = Panel(drawing, left, y + 212, right, y + 268, across, (0, times[-1][0]))
        lower.title(words.text("face_time"))
        lower.y_axis(times)
        lower.bars(start, _BAR, total)
        lower.x_axis(ticks)
    return drawing


def faces(report: Report, words: Words, canvas: Canvas) -> Drawing:
    """Draw faces by time and the classes of dwell time."""
    bins = report.bins
    start, width = bins.start_ms.astype(np.float64), bins.width_s * 1000
    drawing = Drawing(canvas, 480 if canvas.narrow else 268)
    right = canvas.width - 6 if canvas.narrow else canvas.width * 0.56
    across = (float(start[0]), float(start[-1]) + width)
    step = round_step(float(bins.faces.max()), least=1.0)
    ticks = np.arange(0, float(bins.faces.max()) + step, step)
    left = Panel(drawing, _axis_width(canvas), 26, right, 226, across, (0, float(ticks[-1])))
    left.title(words.text("faces_per_bin", width=words.width(bins.width_s)))
    left.y_axis([(float(t), words.number(float(t))) for t in ticks])
    left.bars(start, width * _BAR, bins.faces.astype(np.float64))
    left.x_axis(time_ticks(words, *across, 4))
    counts = np.histogram(report.dwell_s, DWELL_EDGES_S)[0]
    share, names = counts / counts.sum(), dwell_names(words)
    begin = 0.0 if canvas.narrow else right + 30
    x = begin + max(drawing.text_width(n) for n in names) + 8
    y, high, room = (296, 19, canvas.width - x - 52) if canvas.narrow else (26, 22, 0)
    room = room or canvas.width - x - 56
    title = f"{words.text('stay')}, {words.text('share_of_faces')}"
    drawing.text(0 if canvas.narrow else x, y - 8, title)
    ends = x + room * share / share.max()
    rows = y + high * np.arange(len(share))
    drawing.boxes(np.stack([np.full(len(share), x), rows + 3, ends, rows + high - 3], 1), "plot")
    for name, value, end, row in zip(names, share, ends, rows, strict=True):
        base = row + high / 2 + 0.36 * canvas.font
        drawing.text(x - 8, base, name, at="end")
        drawing.text(float(end) + 6, base, words.percent(float(value), 0), "ink")
    return drawing


def dwell_names(words: Words) -> list[str]:
    """Return the names of the classes of dwell time."""
    edges = DWELL_EDGES_S
    names = [words.text("under", limit=words.duration(edges[1]))]
    for low, high in pairwise(edges[1:-1]):
        names.append(f"{words.duration(low)} – {words.duration(high)}")
    return [*names, words.text("over", limit=words.duration(edges[-2]))]


def valence(report: Report, words: Words, canvas: Canvas) -> Drawing:
    """Draw mean valence by time with its trend line."""
    bins = report.bins
    start, width = bins.start_ms.astype(np.float64), bins.width_s * 1000
    value = np.where(np.isfinite(bins.valence), bins.valence, 0.0)
    limit = max(0.2, float(np.abs(value).max()) * 1.25)
    drawing = Drawing(canvas, 290)
    across = (float(start[0]), float(start[-1]) + width)
    panel = Panel(drawing, _axis_width(canvas), 28, canvas.width - 6, 246, across, (-limit, limit))
    step = round_step(limit, 2)
    places = np.arange(-np.floor(limit / step), np.floor(limit / step) + 1) * step
    digits = 1 if step >= 0.1 else 2
    panel.y_axis([(float(v), words.number(float(v), digits, sign=True)) for v in places])
    for sign, label in ((1, "happy"), (-1, "sad")):
        part = np.where(value * sign > 0, value, 0.0)
        boxes = panel.boxes(start, width * _BAR, np.minimum(part, 0.0), np.maximum(part, 0.0))
        drawing.boxes(boxes, "bar", fill=hex_color(label))
    zero = float(panel.y(0.0))
    drawing.line((panel.left, panel.right), (zero, zero), "axis")
    drawing.text(panel.left + 4, panel.top + 4, f"↑ {words.text('pleasant')}")
    drawing.text(panel.left + 4, panel.bottom - 6, f"↓ {words.text('unpleasant')}")
    if report.trend is not None:
        x, y = panel.x(report.trend.at_ms.astype(np.float64)), panel.y(report.trend.values)
        drawing.line(x.tolist(), y.tolist(), "halo")
        drawing.line(x.tolist(), y.tolist(), "trend")
        name = words.text("trend")
        key = panel.right - drawing.text_width(name) - 46
        drawing.line((key, key + 36), (14, 14), "trend")
        drawing.text(key + 44, 14 + 0.36 * canvas.font, name, "ink")
    panel.x_axis(time_ticks(words, *across, 4 if canvas.narrow else 9))
    return drawing


def transitions(report: Report, words: Words, canvas: Canvas) -> Drawing:
    """Draw the matrix of label changes, in percent of each row."""
    index = [LABELS.index(label) for label in STACK]
    counts = report.transitions[np.ix_(index, index)].astype(np.float64)
    total = counts.sum(axis=1)
    share = np.divide(counts, total[:, None], out=np.zeros_like(counts), where=total[:, None] > 0)
    names = [words.label(label) for label in STACK]
    drawing = Drawing(canvas, 366 if canvas.narrow else 392)
    rows = names if canvas.narrow else [
        f"{n} ({words.number(t)})" for n, t in zip(names, total, strict=True)
    ]  # fmt: skip
    corner = f"{words.text('from')} ↓ {words.text('to')} →"
    left = max(drawing.text_width(r) for r in (*rows, corner)) + 12
    top = 0.72 * max(drawing.text_width(n) for n in names) + 34 if canvas.narrow else 52.0
    right = canvas.width - (16 if canvas.narrow else 0)
    wide, high = (right - left) / len(STACK), (drawing.height - top) / len(STACK)
    drawing.text(left - 8, top - 10, corner, at="end")
    largest = max(float(share.max()), 0.01)
    for row, name in enumerate(rows):
        middle = top + (row + 0.5) * high + 0.36 * canvas.font
        drawing.text(left - 8, middle, name, "ink", at="end")
        x = left + (row + 0.5) * wide
        if canvas.narrow:
            drawing.text(x, top - 8, names[row], turn=-50)
        else:
            drawing.text(x, top - 10, names[row], "ink", at="middle")
        for column in range(len(STACK)):
            x, y = left + column * wide, top + row * high
            depth = 0.06 + 0.84 * share[row, column] / largest if total[row] else 0.06
            drawing.boxes(np.asarray([[x + 1, y + 1, x + wide - 1, y + high - 1]]), "plot",
                          opacity=f"{0.03 if row == column else depth:.2f}")  # fmt: skip
            if row == column:
                drawing.text(x + wide / 2, middle, "·", at="middle")
            elif total[row]:
                said = words.percent(float(share[row, column]), 0)
                kind = "over" if depth > 0.55 else "ink"
                drawing.text(x + wide / 2, middle, said, kind, at="middle")
    return drawing


def _axis_width(canvas: Canvas) -> float:
    """Return the room for what the ticks at the left say, such as ``12 h 30 min``."""
    return 58.0 if canvas.narrow else 64.0


FIGURES: Final[dict[str, Callable[[Report, Words, Canvas], Drawing]]] = {
    "over_time": over_time,
    "week": week,
    "faces": faces,
    "valence": valence,
    "transitions": transitions,
    "coverage": coverage,
}
"""Every plot by the name of its section, in the order of the page."""
