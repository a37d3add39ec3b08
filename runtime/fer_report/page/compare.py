"""Two parts of the logs side by side on one page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fer_runtime.labels import LABELS

from ..numbers import Report
from . import html
from .figures import FIGURES, Picture
from .page import Origin, band, card_values, caveats, foot, period
from .sections import Sections, local_ms
from .style import STACK
from .words import Words


@dataclass(frozen=True)
class Side:
    """One of the two."""

    name: str
    """What the user called it: a device, or a period."""
    report: Report
    pictures: Sequence[Picture]
    """Its plots for a narrow page: two of them fit beside each other."""


def render(sides: tuple[Side, Side], words: Words, origin: Origin, title: str = "") -> str:
    """Return the page.

    Parameters
    ----------
    sides
        The two parts.
    words
        Its language.
    origin
        Where the rows come from.
    title
        Heading; the two names if empty.
    """
    a, b = sides
    heading = title or words.text("compare_title", a=a.name, b=b.name)
    lead = " · ".join(f"{s.name}: {period(s.report, words)}" for s in sides)
    body = band(heading, lead, "") + '<main class="wrap after-band">\n'
    body += html.section(
        "compare", words.text("compare"), html.paragraph(words.text("compare_text")),
        _table(sides, words),
    )  # fmt: skip
    for key in FIGURES:
        body += html.section(key, words.text(key), _pair(key, sides, words))
    body += caveats(words, origin)
    rows, runs = a.report.rows + b.report.rows, a.report.runs + b.report.runs
    return html.document(heading, words.language, body + foot(rows, runs, words, origin))


def _pair(key: str, sides: tuple[Side, Side], words: Words) -> str:
    out = ['<div class="pair">']
    for side in sides:
        parts = Sections(side.report, side.pictures, words)
        shares = ", ".join(
            f"{words.label(k).lower()} {words.percent(parts.share(k), 0)}" for k in parts.ranked
        )
        alt = words.text("compare_alt", section=words.text(key), name=side.name, shares=shares)
        out.append(f"<div><h3>{html.escape(side.name)}</h3>")
        drawn = any(p.key == key for p in side.pictures)
        if key == "transitions" and not side.report.transitions.any():
            out.append(html.paragraph(words.text("transitions_none")))
        elif drawn:
            out.append(html.figure(parts.pictures_of(key), alt))
        out.append("</div>")
    return "".join([*out, "</div>"])


def _table(sides: tuple[Side, Side], words: Words) -> str:
    reports = [s.report for s in sides]
    values = [card_values(r, words) for r in reports]
    rows: list[tuple[str, ...]] = []
    moments = [
        words.text(
            "period_short",
            first=words.day(local_ms(r.first), year=True),
            last=words.day(local_ms(r.last), year=True),
        )
        for r in reports
    ]
    rows.append((words.text("coverage"), *moments, ""))
    for key in ("faces", "time", "dwell", "most", "valence"):
        rows.append((words.text(f"card_{key}"), values[0][key], values[1][key], ""))
    steps = [reports[1].valence - reports[0].valence]
    rows[-1] = (*rows[-1][:3], words.number(steps[0], 2, sign=True))
    for label in STACK:
        a, b = (float(r.shares[LABELS.index(label)]) for r in reports)
        change = words.number((b - a) * 100, 1, sign=True)
        rows.append((words.label(label), words.percent(a), words.percent(b), f"{change} pp"))
    gaps = [words.number(len(r.gaps)) for r in reports]
    days = [words.number(int(np.count_nonzero(r.presence_s.sum(axis=1)))) for r in reports]
    rows.insert(1, (words.text("days_with_rows"), *days, ""))
    rows.append((words.text("gaps_count", limit=words.duration(reports[0].gap_limit_s)), *gaps, ""))
    head = (words.text("measure"), *(s.name for s in sides), words.text("difference"))
    return html.table(head, rows)
