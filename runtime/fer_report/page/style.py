"""The common look of the plots: sizes, colours, axes of time, the legend in words."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fer_runtime.labels import COLORS_BGR, UNCERTAIN

from ..data.csv_logs import LABELS
from ..extra import need
from .words import Words

INK: Final = "#1f2933"
MUTED: Final = "#5b6673"
GRID: Final = "#dfe3e8"
ACCENT: Final = "#0b5394"
"""Blue for what is not an emotion; 7 : 1 on white."""

STACK: Final = ("happy", "surprise", "neutral", UNCERTAIN, "sad", "fear", "disgust", "angry")
"""Order in a stacked bar, pleasant at the bottom; neighbours differ in lightness as well."""

HATCH: Final = {UNCERTAIN: "////"}
"""``uncertain`` is hatched: it is no emotion, and its grey is near that of ``neutral``."""


def hex_color(label: str) -> str:
    """Return a label's colour as ``#rrggbb``."""
    b, g, r = COLORS_BGR[label]
    return f"#{r:02x}{g:02x}{b:02x}"


@dataclass(frozen=True)
class Canvas:
    """A size of picture; text keeps its size, so that both can be read where they are shown."""

    name: str
    """Suffix of the file name."""
    width_in: float
    """Width in inches."""
    dpi: int
    """Pixels per inch."""
    font_pt: float
    """Size of the text in points."""

    @property
    def narrow(self) -> bool:
        """Whether panels go below each other instead of side by side."""
        return self.width_in < 6


WIDE: Final = Canvas("", 9.6, 150, 10.0)
"""For a desktop page and for print."""
NARROW: Final = Canvas("-narrow", 4.0, 190, 9.0)
"""For a telephone."""


def new_figure(canvas: Canvas, height_in: float) -> Any:
    """Return an empty figure of matplotlib; without pyplot, so no window system is touched."""
    return need("matplotlib.figure").Figure(
        figsize=(canvas.width_in, height_in),
        dpi=canvas.dpi,
        facecolor="white",
        layout="constrained",
    )


def rc(canvas: Canvas) -> Any:
    """Return the context in which a figure of this project is made."""
    size = canvas.font_pt
    return need("matplotlib").rc_context(
        {
            "font.size": size,
            "font.family": "DejaVu Sans",
            "axes.titlesize": size,
            "axes.labelsize": size,
            "axes.labelcolor": MUTED,
            "axes.edgecolor": GRID,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": False,
            "axes.axisbelow": True,
            "grid.color": GRID,
            "grid.linewidth": 0.8,
            "text.color": INK,
            "xtick.color": MUTED,
            "ytick.color": MUTED,
            "xtick.labelsize": size - 0.5,
            "ytick.labelsize": size - 0.5,
            "xtick.major.size": 3,
            "ytick.major.size": 0,
            "hatch.linewidth": 0.6,
        }
    )


def png(figure: Any) -> bytes:
    """Return a figure as a PNG without a date or a program's name in it."""
    buffer = io.BytesIO()
    figure.savefig(
        buffer, format="png", metadata={"Software": None}, pil_kwargs={"compress_level": 6}
    )
    return buffer.getvalue()


def stacked(axes: Any, x: NDArray[Any], seconds: NDArray[np.float64], width: float,
            pale: NDArray[np.bool_] | None = None) -> None:  # fmt: skip
    """Draw stacked bars of the share of each label.

    Parameters
    ----------
    axes
        Axes of matplotlib.
    x
        (n,) left edges.
    seconds
        (n, 8) face time by label in the order of `data.csv_logs.LABELS`; empty rows stay empty.
    width
        Width of a bar.
    pale
        (n,) bars that rest on little; drawn pale.
    """
    total = seconds.sum(axis=1)
    some = total > 0
    share = seconds[some] / total[some, None]
    faint = np.zeros(len(x), np.bool_) if pale is None else pale
    foot = np.zeros(int(some.sum()))
    polygons = need("matplotlib.collections").PolyCollection
    for label in STACK:
        part = share[:, LABELS.index(label)]
        for which, alpha in ((~faint[some], 1.0), (faint[some], 0.35)):
            if which.any():
                left, low, high = x[some][which], foot[which], (foot + part)[which]
                corners = np.stack(
                    [np.stack([left, low], -1), np.stack([left + width, low], -1),
                     np.stack([left + width, high], -1), np.stack([left, high], -1)], axis=1
                )  # fmt: skip
                # One collection, not hundreds of bars: it draws several times as fast.
                axes.add_collection(polygons(
                    corners, facecolor=hex_color(label), alpha=alpha, hatch=HATCH.get(label),
                    edgecolor="white", linewidth=0.4 if len(x) <= 60 else 0.0,
                ))  # fmt: skip
        foot = foot + part
    axes.set_ylim(0, 1)


def legend(figure: Any, canvas: Canvas, words: Words) -> None:
    """Put the names of all labels above the plots, in the order of the stack."""
    patch = need("matplotlib.patches").Patch
    handles = [
        patch(facecolor=hex_color(k), hatch=HATCH.get(k), edgecolor="white", label=words.label(k))
        for k in STACK
    ]
    figure.legend(
        handles=handles, loc="outside upper left", ncols=4 if canvas.narrow else 8,
        frameon=False, handlelength=1.1, handleheight=1.1, columnspacing=1.2, handletextpad=0.5,
        borderpad=0, fontsize=canvas.font_pt - 0.5,
    )  # fmt: skip


def time_axis(axes: Any, words: Words, first_ms: float, last_ms: float, canvas: Canvas) -> None:
    """Label an x axis of local milliseconds with days or times of day."""
    span = max(last_ms - first_ms, 1.0)
    most = 4 if canvas.narrow else 9
    minute, hour, day = 60_000, 3_600_000, 86_400_000
    steps = [
        1000, 5000, 15_000, minute, 5 * minute, 15 * minute, 30 * minute, hour, 2 * hour,
        3 * hour, 6 * hour, 12 * hour, day, 2 * day, 7 * day, 14 * day, 28 * day, 91 * day,
        182 * day, 364 * day, 5 * 364 * day,
    ]  # fmt: skip
    step = next((s for s in steps if span / s <= most), steps[-1])
    monday = 4 * day if step >= 7 * day else 0  # 1970-01-05; weeks are marked at their start
    ticks = np.arange(np.ceil((first_ms - monday) / step) * step + monday, last_ms + 1, step)
    labels = []
    for i, tick in enumerate(ticks):
        time = words.clock(tick)
        if step < minute:
            time += f":{int(tick) // 1000 % 60:02d}"
        if step >= day:
            labels.append(words.day(tick, year=span > 300 * day))
        elif i == 0 or tick // day != ticks[i - 1] // day:
            labels.append(f"{time}\n{words.day(tick)}")
        else:
            labels.append(time)
    axes.set_xticks(ticks, labels)
    axes.set_xlim(first_ms, last_ms)


def percent_axis(axis: Any, words: Words) -> None:
    """Label an axis of shares in percent."""
    ticks = np.asarray([0, 0.25, 0.5, 0.75, 1.0])
    axis.set_ticks(ticks, [words.percent(t, 0) for t in ticks])


def duration_axis(axis: Any, words: Words, highest_s: float) -> None:
    """Label an axis of seconds, from 0 to `highest_s`, in units that people use."""
    minute, hour, day = 60, 3600, 86400
    steps = [1, 5, 10, 30, minute, 5 * minute, 10 * minute, 30 * minute, hour, 2 * hour, 5 * hour,
             10 * hour, day, 2 * day, 5 * day, 10 * day, 50 * day, 500 * day]  # fmt: skip
    step = next((s for s in steps if highest_s / s <= 4), steps[-1])
    ticks = np.arange(0, highest_s + step, step)
    axis.set_ticks(ticks, ["0", *(words.duration(t) for t in ticks[1:])])
