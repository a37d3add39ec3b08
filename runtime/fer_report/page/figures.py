"""The plots: each takes the report and returns a figure of matplotlib."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np

from ..data.csv_logs import LABELS
from ..extra import need
from ..numbers import DWELL_EDGES_S, Report
from .style import (  # fmt: skip
    ACCENT,
    GRID,
    INK,
    MUTED,
    NARROW,
    STACK,
    Canvas,
    duration_axis,
    hex_color,
    legend,
    new_figure,
    percent_axis,
    png,
    rc,
    stacked,
    time_axis,
)
from .words import Words

LITTLE_S: Final = 60.0
"""Shares of an hour or weekday with less face time than this are drawn pale."""


@dataclass(frozen=True)
class Picture:
    """A drawn plot."""

    key: str
    """Name of the section it belongs to."""
    canvas: Canvas
    data: bytes
    """PNG."""

    @property
    def file_name(self) -> str:
        """Name under which it is saved."""
        return f"{self.key}{self.canvas.name}.png"


def draw(report: Report, words: Words, canvas: Canvas) -> Iterator[Picture]:
    """Draw every plot for a wide or for a narrow page."""
    for key, plot in FIGURES.items():
        with rc(canvas):
            yield Picture(key, canvas, png(plot(report, words, canvas)))


def over_time(report: Report, words: Words, canvas: Canvas) -> Any:
    """Draw shares by time, and below them the face time that they rest on."""
    bins = report.bins
    width = bins.width_s * 1000
    figure = new_figure(canvas, 4.6 if canvas.narrow else 4.4)
    top, low = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    stacked(top, bins.start_ms, bins.seconds, width * 0.96)
    percent_axis(top.yaxis, words)
    total = bins.seconds.sum(axis=1)
    low.bar(bins.start_ms, total, width * 0.96, align="edge", color=ACCENT)
    low.set_title(words.text("per_bin", width=words.width(bins.width_s)), loc="left", color=MUTED)
    duration_axis(low.yaxis, words, float(total.max()))
    low.grid(axis="y")
    time_axis(low, words, bins.start_ms[0], bins.start_ms[-1] + width, canvas)
    top.tick_params(axis="x", length=0)
    legend(figure, canvas, words)
    return figure


def week(report: Report, words: Words, canvas: Canvas) -> Any:
    """Draw shares by hour of day and by weekday."""
    if canvas.narrow:
        figure = new_figure(canvas, 6.4)
        grid = figure.subplots(4, 1, height_ratios=(3, 1, 3, 1))
        panels = [(grid[0], grid[1]), (grid[2], grid[3])]
    else:
        figure = new_figure(canvas, 3.9)
        grid = figure.subplots(2, 2, height_ratios=(3, 1), width_ratios=(5, 2))
        panels = [(grid[0, 0], grid[1, 0]), (grid[0, 1], grid[1, 1])]
    step = 6 if canvas.narrow else 3
    hours = [f"{h:02d}" for h in range(0, 24, step)]
    names = [words.weekday(d) for d in range(7)]
    ticks = [(np.arange(0, 24, step) + 0.48, hours), (np.arange(7) + 0.48, names)]
    titles = (words.text("hour_axis"), words.text("weekday").lower())
    for (top, low), seconds, tick, title in zip(
        panels, (report.hour_s, report.weekday_s), ticks, titles, strict=True
    ):
        total = seconds.sum(axis=1)
        stacked(top, np.arange(len(seconds)), seconds, 0.96, pale=total < LITTLE_S)
        percent_axis(top.yaxis, words)
        top.set_title(title, loc="left", color=INK, weight="bold")
        low.bar(np.arange(len(seconds)), total, 0.96, align="edge", color=ACCENT)
        low.set_title(words.text("face_time"), loc="left", color=MUTED)
        duration_axis(low.yaxis, words, float(total.max()))
        low.grid(axis="y")
        for axes in (top, low):
            axes.set_xlim(-0.1, len(seconds) + 0.06)
            axes.set_xticks(*tick)
        top.tick_params(axis="x", length=0, labelbottom=False)
    legend(figure, canvas, words)
    return figure


def faces(report: Report, words: Words, canvas: Canvas) -> Any:
    """Draw faces by time and the classes of dwell time."""
    bins = report.bins
    width = bins.width_s * 1000
    if canvas.narrow:
        figure = new_figure(canvas, 4.6)
        left, right = figure.subplots(2, 1)
    else:
        figure = new_figure(canvas, 2.9)
        left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    left.bar(bins.start_ms, bins.faces, width * 0.96, align="edge", color=ACCENT)
    left.set_title(
        words.text("faces_per_bin", width=words.width(bins.width_s)), loc="left", color=MUTED
    )
    left.yaxis.set_major_locator(need("matplotlib.ticker").MaxNLocator(4, integer=True))
    left.yaxis.set_major_formatter(lambda value, _: words.number(value))
    left.grid(axis="y")
    time_axis(
        left,
        words,
        bins.start_ms[0],
        bins.start_ms[-1] + width,
        canvas if canvas.narrow else NARROW,
    )
    counts = np.histogram(report.dwell_s, DWELL_EDGES_S)[0]
    share = counts / counts.sum()
    names = dwell_names(words)
    right.barh(np.arange(len(share)), share, 0.72, color=ACCENT)
    for place, value in enumerate(share):
        right.text(value + 0.01 * share.max(), place, f" {words.percent(value, 0)}", va="center",
                   color=INK, size=canvas.font_pt - 1)  # fmt: skip
    right.set_yticks(np.arange(len(share)), names)
    right.invert_yaxis()
    right.set_xticks([])
    right.set_xlim(0, share.max() * 1.18)
    right.spines["bottom"].set_visible(False)
    right.set_title(
        f"{words.text('stay')}, {words.text('share_of_faces')}", loc="left", color=MUTED
    )
    return figure


def dwell_names(words: Words) -> list[str]:
    """Return the names of the classes of dwell time."""
    edges = DWELL_EDGES_S
    names = [words.text("under", limit=words.duration(edges[1]))]
    for low, high in pairwise(edges[1:-1]):
        names.append(f"{words.duration(low)} – {words.duration(high)}")
    return [*names, words.text("over", limit=words.duration(edges[-2]))]


def valence(report: Report, words: Words, canvas: Canvas) -> Any:
    """Draw mean valence by time with its trend line."""
    bins = report.bins
    width = bins.width_s * 1000
    figure = new_figure(canvas, 2.9)
    axes = figure.subplots()
    value = bins.valence
    for sign, label in ((1, "happy"), (-1, "sad")):
        part = np.where(np.isfinite(value) & (value * sign > 0), value, 0.0)
        axes.bar(
            bins.start_ms, part, width * 0.96, align="edge", color=hex_color(label),
            edgecolor=MUTED, linewidth=0.3,
        )  # fmt: skip
    limit = max(0.2, float(np.nanmax(np.abs(value), initial=0.0)) * 1.25)
    axes.set_ylim(-limit, limit)
    axes.axhline(0, color=MUTED, linewidth=0.8)
    axes.yaxis.set_major_locator(need("matplotlib.ticker").MaxNLocator(5))
    axes.yaxis.set_major_formatter(lambda v, _: words.number(v, 1 if limit > 0.4 else 2, sign=True))
    axes.grid(axis="y")
    for place, key, align in ((0.98, "pleasant", "top"), (0.02, "unpleasant", "bottom")):
        arrow = "↑" if key == "pleasant" else "↓"
        axes.text(0.005, place, f"{arrow} {words.text(key)}", transform=axes.transAxes, va=align,
                  color=MUTED, size=canvas.font_pt - 0.5)  # fmt: skip
    if report.trend is not None:
        axes.plot(report.trend.at_ms, report.trend.values, color="white", linewidth=3.2)
        axes.plot(
            report.trend.at_ms, report.trend.values, color=INK, linewidth=1.8,
            linestyle=(0, (5, 2)), label=words.text("trend"),
        )  # fmt: skip
        axes.legend(loc="upper right", frameon=False, borderpad=0)
    time_axis(axes, words, bins.start_ms[0], bins.start_ms[-1] + width, canvas)
    return figure


def transitions(report: Report, words: Words, canvas: Canvas) -> Any:
    """Draw the matrix of label changes, in percent of each row."""
    index = [LABELS.index(label) for label in STACK]
    counts = report.transitions[np.ix_(index, index)].astype(np.float64)
    total = counts.sum(axis=1)
    share = np.divide(counts, total[:, None], out=np.zeros_like(counts), where=total[:, None] > 0)
    figure = new_figure(canvas, 3.7 if canvas.narrow else 4.2)
    axes = figure.subplots()
    top = max(float(share.max()), 0.01)
    axes.imshow(share, cmap="Blues", vmin=0, vmax=top * 1.15, aspect="auto")
    names = [words.label(label) for label in STACK]
    for row in range(len(STACK)):
        for column in range(len(STACK)):
            if row == column:
                axes.text(column, row, "·", ha="center", va="center", color=MUTED)
            elif total[row]:
                axes.text(
                    column, row, words.percent(share[row, column], 0), ha="center", va="center",
                    color="white" if share[row, column] > 0.6 * top else INK,
                    size=canvas.font_pt - (2.5 if canvas.narrow else 0.5),
                )  # fmt: skip
    rows = [f"{n} ({words.number(t)})" for n, t in zip(names, total, strict=True)]
    if canvas.narrow:
        rows = names
    axes.set_xticks(
        np.arange(len(STACK)), names, rotation=55 if canvas.narrow else 0,
        ha="left" if canvas.narrow else "center", rotation_mode="anchor",
    )  # fmt: skip
    axes.set_yticks(np.arange(len(STACK)), rows)
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.set_ylabel(words.text("from"))
    axes.set_title(words.text("to"), color=MUTED)
    for side in axes.spines.values():
        side.set_visible(False)
    axes.set_xticks(np.arange(-0.5, len(STACK)), minor=True)
    axes.set_yticks(np.arange(-0.5, len(STACK)), minor=True)
    axes.grid(which="minor", color="white", linewidth=1.5)
    axes.tick_params(which="minor", length=0)
    return figure


def coverage(report: Report, words: Words, canvas: Canvas) -> Any:
    """Draw face time by day and quarter of an hour; white where the log has no row."""
    days = len(report.days)
    figure = new_figure(canvas, float(np.clip(1.0 + 0.16 * days, 1.5, 6.0)))
    axes = figure.subplots()
    shown = np.where(report.presence_s > 0, report.presence_s, np.nan)
    colors = need("matplotlib.colors").LinearSegmentedColormap.from_list(
        "presence", ["#9cc4e4", ACCENT, "#06233f"]
    )
    colors.set_bad("#f4f5f7")
    axes.imshow(
        shown, aspect="auto", interpolation="nearest", cmap=colors, vmin=0,
        vmax=float(np.nanquantile(shown, 0.98)), extent=(0, 24, days, 0),
    )  # fmt: skip
    step = 6 if canvas.narrow else 3
    axes.set_xticks(np.arange(0, 25, step), [f"{h:02d}:00" for h in range(0, 25, step)])
    every = max(1, int(np.ceil(days / (14 if days <= 28 else 20))))
    shown_days = np.arange(0, days, every)
    axes.set_yticks(
        shown_days + 0.5,
        [
            f"{words.weekday(int((report.days[d] + 3) % 7))} "
            + words.day(float(report.days[d]) * 86_400_000, year=days > 300)
            for d in shown_days
        ],
    )
    axes.set_xlabel(words.text("time_of_day"))
    if days <= 62:
        axes.set_yticks(np.arange(days + 1), minor=True)
        axes.grid(which="minor", axis="y", color="white", linewidth=1.2)
        axes.tick_params(which="minor", length=0)
    axes.grid(axis="x", color=GRID, linewidth=0.6)
    for side in axes.spines.values():
        side.set_visible(False)
    return figure


FIGURES: Final[dict[str, Callable[[Report, Words, Canvas], Any]]] = {
    "over_time": over_time,
    "week": week,
    "faces": faces,
    "valence": valence,
    "transitions": transitions,
    "coverage": coverage,
}
"""Every plot by the name of its section, in the order of the page."""
