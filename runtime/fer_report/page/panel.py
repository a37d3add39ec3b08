"""One pair of axes on a drawing: from values to places, bars, ticks and titles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fer_runtime.labels import LABELS

from .style import HATCH, STACK, Ticks, hex_color
from .svg import Drawing
from .words import Words

TICK_GAP = 6.0
"""Between an axis and what its ticks say."""


@dataclass
class Panel:
    """A rectangle of a drawing with an axis each way."""

    drawing: Drawing
    left: float
    top: float
    right: float
    bottom: float
    across: tuple[float, float]
    """Values at the left and the right edge."""
    up: tuple[float, float]
    """Values at the bottom and the top."""

    def x(self, value: NDArray[np.float64] | float) -> NDArray[np.float64]:
        """Return the place of a value across."""
        low, high = self.across
        return np.asarray(
            self.left + (np.asarray(value, np.float64) - low) / (high - low)
            * (self.right - self.left)
        )  # fmt: skip

    def y(self, value: NDArray[np.float64] | float) -> NDArray[np.float64]:
        """Return the place of a value upwards."""
        low, high = self.up
        return np.asarray(
            self.bottom - (np.asarray(value, np.float64) - low) / (high - low)
            * (self.bottom - self.top)
        )  # fmt: skip

    def boxes(
        self, start: NDArray[np.float64], width: float, low: NDArray[np.float64] | float,
        high: NDArray[np.float64],
    ) -> NDArray[np.float64]:  # fmt: skip
        """Return (n, 4) boxes of bars from their starts and their two ends."""
        low = np.broadcast_to(np.asarray(low, np.float64), np.shape(high))
        return np.stack([self.x(start), self.y(high), self.x(start + width), self.y(low)], axis=1)

    def bars(self, start: NDArray[np.float64], width: float, high: NDArray[np.float64]) -> None:
        """Draw bars of one colour from 0."""
        self.drawing.boxes(self.boxes(start, width, 0.0, high), "plot")

    def stacked(
        self, start: NDArray[np.float64], width: float, seconds: NDArray[np.float64],
        pale: NDArray[np.bool_] | None = None,
    ) -> None:  # fmt: skip
        """Draw stacked bars of the share of each label.

        Parameters
        ----------
        start
            (n,) left edges.
        width
            Width of a bar.
        seconds
            (n, 8) face time by label in the order of `labels.LABELS`; empty rows stay
            empty.
        pale
            (n,) bars that rest on little; drawn pale.
        """
        total = seconds.sum(axis=1)
        some = total > 0
        share = seconds[some] / total[some, None]
        faint = np.zeros(len(start), np.bool_) if pale is None else pale
        foot = np.zeros(int(some.sum()))
        line = "0.6" if len(start) <= 60 else "0"
        for label in STACK:
            high = foot + share[:, LABELS.index(label)]
            boxes = self.boxes(start[some], width, foot, high)
            for which, more in ((~faint[some], {}), (faint[some], {"opacity": ".35"})):
                for fill in (hex_color(label), *(["url(#hatch)"] if label in HATCH else [])):
                    self.drawing.boxes(boxes[which], "bar", fill=fill, stroke_width=line, **more)
            foot = high

    def y_axis(self, ticks: Ticks, grid: bool = True) -> None:
        """Draw ticks at the left, with lines across."""
        low, high = min(self.up), max(self.up)
        for value, name in ticks:
            if low <= value <= high:
                place = float(self.y(value))
                if grid:
                    self.drawing.line((self.left, self.right), (place, place), "grid")
                half = 0.36 * self.drawing.canvas.font
                self.drawing.text(self.left - TICK_GAP, place + half, name, at="end")

    def x_axis(self, ticks: Ticks, names: bool = True) -> None:
        """Draw the lower edge, with ticks below it."""
        self.drawing.line((self.left, self.right), (self.bottom, self.bottom), "axis")
        if not names:
            return
        font, width = self.drawing.canvas.font, self.drawing.canvas.width
        for value, name in ticks:
            place = float(self.x(value))
            self.drawing.line((place, place), (self.bottom, self.bottom + 4), "axis")
            half = self.drawing.text_width(max(name.split("\n"), key=len)) / 2
            inside = min(max(place, half), width - half)
            for i, part in enumerate(name.split("\n")):
                y = self.bottom + TICK_GAP + font * (1 + 1.2 * i)
                self.drawing.text(inside, y, part, at="middle")

    def title(self, text: str, strong: bool = False) -> None:
        """Write what it shows above it."""
        kind = "ink strong" if strong else ""
        self.drawing.text(self.left, self.top - 8, text, kind)


def percent_ticks(words: Words) -> Ticks:
    """Return ticks for shares."""
    return [(t, words.percent(t, 0)) for t in (0.0, 0.25, 0.5, 0.75, 1.0)]


def legend(drawing: Drawing, words: Words) -> float:
    """Write the names of all labels at the top, in the order of the stack; return its height."""
    font, columns = drawing.canvas.font, 4 if drawing.canvas.narrow else 8
    names = [words.label(label) for label in STACK]
    widths = [font * 2 + max(drawing.text_width(n) for n in names[i::columns])
              for i in range(columns)]  # fmt: skip
    room = drawing.canvas.width
    scale = min(1.0, room / sum(widths))
    for i, (label, name) in enumerate(zip(STACK, names, strict=True)):
        x = sum(widths[: i % columns]) * scale
        y = 3 + i // columns * font * 1.6
        box = np.asarray([[x, y, x + font, y + font]])
        for fill in (hex_color(label), *(["url(#hatch)"] if label in HATCH else [])):
            drawing.boxes(box, fill=fill)
        drawing.text(x + 1.4 * font, y + 0.86 * font, name, "ink")
    return 3 + font * 1.6 * (len(STACK) // columns)
