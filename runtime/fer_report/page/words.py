"""Numbers, times and labels the way a reader of English or Spanish writes them."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

from fer_runtime.labels import label_name

from .english import ENGLISH
from .spanish import SPANISH

TEXTS: Final[dict[str, dict[str, str]]] = {"en": ENGLISH, "es": SPANISH}
"""Every sentence by language and key."""

_MONTHS: Final = {
    "en": ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
    "es": ["ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sep", "oct", "nov", "dic"],
}
_WEEKDAYS: Final = {
    "en": ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"],
    "es": ["lun", "mar", "mié", "jue", "vie", "sáb", "dom"],
}
_NARROW: Final = "\u202f"
"""Narrow no-break space, which ISO 80000 puts between groups of digits and before units."""


class Words:
    """Formats everything the page and the plots say.

    Parameters
    ----------
    language
        ``en`` or ``es``.
    """

    def __init__(self, language: str) -> None:
        self.language = language

    def text(self, key: str, **values: Any) -> str:
        """Return a sentence of `TEXTS` with its values put in."""
        return TEXTS[self.language][key].format(**values)

    def label(self, label: str) -> str:
        """Return an emotion's name with a capital letter."""
        name = label_name(label, self.language)
        return name[0].upper() + name[1:]

    def weekday(self, number: int) -> str:
        """Return the short name of a weekday, 0 Monday."""
        return _WEEKDAYS[self.language][number]

    def number(self, value: float, digits: int = 0, sign: bool = False) -> str:
        """Return `value` rounded to `digits`; an en dash where it is not a number."""
        if not math.isfinite(value):
            return "–"
        text = f"{value:{'+' if sign else ''},.{digits}f}"
        if float(text.replace(",", "")) == 0:
            text = text.lstrip("+-")
        decimal = "," if self.language == "es" else "."
        swap = {",": _NARROW, ".": decimal, "-": "−"}
        return "".join(swap.get(c, c) for c in text)

    def percent(self, share: float, digits: int = 1) -> str:
        """Return a share, 0–1, in percent."""
        space = _NARROW if self.language == "es" else ""
        return f"{self.number(share * 100, digits)}{space}%"

    def duration(self, seconds: float) -> str:
        """Return a length of time in the two largest units that say something."""
        if not math.isfinite(seconds):
            return "–"
        if seconds < 59.95:
            digits = 0 if seconds >= 9.95 or abs(seconds - round(seconds)) < 0.05 else 1
            return f"{self.number(seconds, digits)}{_NARROW}s"
        minutes = round(seconds / 60)
        if minutes < 60:
            rest = round(seconds) % 60
            whole = round(seconds) // 60
            return f"{whole}{_NARROW}min" + (f" {rest}{_NARROW}s" if rest and whole < 10 else "")
        hours, minutes = divmod(minutes, 60)
        if hours < 48:
            return f"{hours}{_NARROW}h" + (f" {minutes}{_NARROW}min" if minutes else "")
        days, hours = divmod(round(seconds / 3600), 24)
        return f"{self.number(days)}{_NARROW}d" + (f" {hours}{_NARROW}h" if hours else "")

    def width(self, seconds: int) -> str:
        """Return the width of a piece of time, to be put after "per"."""
        names = {3600: "hour", 86400: "day", 7 * 86400: "week", 28 * 86400: "month"}
        name = names.get(seconds)
        return self.text(f"unit_{name}") if name else self.duration(seconds)

    def day(self, local_ms: float, year: bool = False) -> str:
        """Return a local day, such as ``2 Mar`` or ``2 Mar 2026``."""
        date = np.datetime64(round(local_ms), "ms").astype("datetime64[D]").item()
        text = f"{date.day} {_MONTHS[self.language][date.month - 1]}"
        return f"{text} {date.year}" if year else text

    def clock(self, local_ms: float) -> str:
        """Return a local time of day, such as ``14:05``."""
        minutes = round(local_ms) // 60_000 % 1440
        return f"{minutes // 60:02d}:{minutes % 60:02d}"

    def moment(self, local_ms: float) -> str:
        """Return weekday, day and time, such as ``Mon 2 Mar 2026, 14:05``."""
        weekday = self.weekday((round(local_ms) // 86_400_000 + 3) % 7)
        return f"{weekday} {self.day(local_ms, year=True)}, {self.clock(local_ms)}"
