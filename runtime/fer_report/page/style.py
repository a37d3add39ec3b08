"""The common look of the plots: sizes, colours, and where ticks go and what they say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from fer_runtime.labels import COLORS_BGR, UNCERTAIN

from .words import Words

STACK: Final = ("happy", "surprise", "neutral", UNCERTAIN, "sad", "fear", "disgust", "angry")
"""Order in a stacked bar, pleasant at the bottom; neighbours differ in lightness as well."""

HATCH: Final = (UNCERTAIN,)
"""``uncertain`` is hatched: it is no emotion, and its grey is near that of ``neutral``."""

Ticks = list[tuple[float, str]]
"""Values on an axis and what they are called; a line break begins a second line."""

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_TIME_STEPS_S: Final = (
    1, 5, 15, _MINUTE, 5 * _MINUTE, 15 * _MINUTE, 30 * _MINUTE, _HOUR, 2 * _HOUR, 3 * _HOUR,
    6 * _HOUR, 12 * _HOUR, _DAY, 2 * _DAY, 7 * _DAY, 14 * _DAY, 28 * _DAY, 91 * _DAY, 182 * _DAY,
    364 * _DAY, 5 * 364 * _DAY,
)  # fmt: skip
_DURATION_STEPS_S: Final = (
    1, 5, 10, 30, _MINUTE, 5 * _MINUTE, 10 * _MINUTE, 30 * _MINUTE, _HOUR, 2 * _HOUR, 5 * _HOUR,
    10 * _HOUR, _DAY, 2 * _DAY, 5 * _DAY, 10 * _DAY, 50 * _DAY, 500 * _DAY, 5000 * _DAY,
)  # fmt: skip


def hex_color(label: str) -> str:
    """Return a label's colour as ``#rrggbb``."""
    b, g, r = COLORS_BGR[label]
    return f"#{r:02x}{g:02x}{b:02x}"


@dataclass(frozen=True)
class Canvas:
    """A size of drawing, in pixels of CSS where it is shown as wide as it is."""

    name: str
    """Suffix of the file name."""
    width: float
    font: float
    """Size of the text."""

    @property
    def narrow(self) -> bool:
        """Whether panels go below each other instead of side by side."""
        return self.width < 600


WIDE: Final = Canvas("", 980, 13)
"""For a desktop page and for print."""
NARROW: Final = Canvas("-narrow", 380, 12)
"""For a telephone, and for two beside each other."""


def time_ticks(words: Words, first_ms: float, last_ms: float, most: int) -> Ticks:
    """Return at most about `most` ticks for local milliseconds: days, or times of day."""
    span = max(last_ms - first_ms, 1.0)
    steps = [s * 1000 for s in _TIME_STEPS_S]
    step = next((s for s in steps if span / s <= most), steps[-1])
    day = _DAY * 1000
    monday = 4 * day if step >= 7 * day else 0  # 1970-01-05; weeks are marked at their start
    places = np.arange(np.ceil((first_ms - monday) / step) * step + monday, last_ms + 1, step)
    ticks: Ticks = []
    for i, tick in enumerate(places):
        time = words.clock(tick)
        if step < _MINUTE * 1000:
            time += f":{int(tick) // 1000 % 60:02d}"
        if step >= day:
            ticks.append((tick, words.day(tick, year=span > 300 * day)))
        elif i == 0 or tick // day != places[i - 1] // day:
            ticks.append((tick, f"{time}\n{words.day(tick)}"))
        else:
            ticks.append((tick, time))
    return ticks


def duration_ticks(words: Words, highest_s: float) -> Ticks:
    """Return ticks for seconds, from 0 to beyond `highest_s`, in units that people use."""
    step = next((s for s in _DURATION_STEPS_S if highest_s / s <= 4), _DURATION_STEPS_S[-1])
    places = np.arange(0, highest_s + step, step)
    return [(0.0, "0"), *((float(t), words.duration(float(t))) for t in places[1:])]


def round_step(highest: float, most: int = 4, least: float = 0.0) -> float:
    """Return the step of 1, 2 or 5 times a power of ten that takes at most `most` to `highest`."""
    step = 10.0 ** np.floor(np.log10(max(highest, 1e-9) / most))
    return float(next(s for s in (step, 2 * step, 5 * step, 10 * step, 20 * step)
                      if highest / s <= most and s >= least))  # fmt: skip
