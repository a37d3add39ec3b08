"""The report as one HTML page: nothing outside it is needed, and no script."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from fer_runtime import __version__
from fer_runtime.labels import EMOTIONS

from ..data.repair import FileNotes
from ..numbers import Report
from . import html
from .figures import Picture
from .sections import Sections, local_ms
from .words import Words


@dataclass(frozen=True)
class Origin:
    """What the page says of where its rows come from."""

    notes: Sequence[FileNotes] = field(default_factory=list)
    """What was found in each file."""
    models: Sequence[str] = ()
    """Models that wrote the rows."""
    duplicates: int = 0
    """Rows dropped because another file has them, too."""
    undated: int = 0
    """Rows dropped because the kiosk's clock was not set."""


def render(
    report: Report, pictures: Sequence[Picture], words: Words, origin: Origin, title: str = ""
) -> str:
    """Return the page.

    Parameters
    ----------
    report
        Its figures.
    pictures
        The plots of `figures.draw`.
    words
        Its language.
    origin
        Where the rows come from.
    title
        Heading; a general one if empty.
    """
    parts = Sections(report, pictures, words)
    body = _head(parts, title or words.text("title")) + '<main class="wrap">\n' + _cards(parts)
    for part in (
        parts.shares, parts.over_time, parts.week, parts.faces, parts.valence, parts.transitions,
        parts.coverage,
    ):  # fmt: skip
        body += part()
    body += caveats(words, origin) + foot(report.rows, report.runs, words, origin)
    return html.document(title or words.text("title"), words.language, body)


def band(title: str, period: str, lead: str) -> str:
    """Return the band at the top of a page."""
    return (
        f'<header class="band"><div class="wrap">\n<h1>{html.escape(title)}</h1>\n'
        f"{html.paragraph(period, 'period')}\n{html.paragraph(lead, 'lead') if lead else ''}\n"
        "</div></header>\n"
    )


def caveats(words: Words, origin: Origin, rows: bool = True) -> str:
    """Return the section on what the numbers do not mean, and on what was left out."""
    keys = ["feel", "error", "people", "faces", *(["rows"] if rows else [])]
    lines = [words.text(f"caveat_{k}") for k in keys]
    if len(origin.models) > 1:
        lines.append(words.text("caveat_models", models=", ".join(origin.models)))
    bad = sum(n.bad_rows for n in origin.notes)
    cut = sum(n.damaged for n in origin.notes)
    for key, count in (("bad", bad), ("clock", origin.undated), ("cut", cut)):
        if count:
            lines.append(words.text(f"caveat_{key}", count=words.number(count)))
    items = "".join(f"<li>{html.escape(line)}</li>\n" for line in lines)
    return html.section("limits", words.text("caveats"), f"<ul>\n{items}</ul>").replace(
        "<section ", '<section class="limits" ', 1
    )


def foot(rows: int, runs: int, words: Words, origin: Origin) -> str:
    """Return the end of a page: how many rows it rests on, and what made it."""
    said = words.text(
        "rows_files",
        rows=words.number(rows),
        files=words.number(len(origin.notes)),
        runs=words.number(runs),
        models=", ".join(origin.models),
        duplicates=words.number(origin.duplicates),
    )
    return foot_line(said, words)


def foot_line(said: str, words: Words) -> str:
    """Return the end of a page with what it rests on, as a sentence."""
    made = words.text("made", version=__version__)
    return f"<footer>{html.paragraph(said)}{html.paragraph(made)}</footer>\n</main>\n"


def period(report: Report, words: Words) -> str:
    """Return from when to when the rows are."""
    first, last = words.moment(local_ms(report.first)), words.moment(local_ms(report.last))
    return words.text("period", first=first, last=last)


def card_values(report: Report, words: Words) -> dict[str, str]:
    """Return the large numbers at the top by their keys."""
    return {
        "faces": words.number(report.faces),
        "time": words.duration(report.face_seconds),
        "dwell": words.duration(float(np.median(report.dwell_s))),
        "most": words.number(report.most_at_once),
        "valence": words.number(report.valence, 2, sign=True),
        "uncertain": words.percent(float(report.shares[-1])),
    }


def _head(parts: Sections, title: str) -> str:
    words, report = parts.words, parts.report
    emotions = [label for label in parts.ranked if label in EMOTIONS]
    lead = ""
    if emotions:
        second = emotions[min(1, len(emotions) - 1)]
        lead = words.text(
            "summary" if len(emotions) > 1 else "summary_one",
            faces=words.number(report.faces),
            time=words.duration(report.face_seconds),
            top=words.label(emotions[0]).lower(),
            top_share=words.percent(parts.share(emotions[0])),
            second=words.label(second).lower(),
            second_share=words.percent(parts.share(second)),
            uncertain=words.percent(float(report.shares[-1])),
        )
    return band(title, period(report, words), lead)


def _cards(parts: Sections) -> str:
    words, report = parts.words, parts.report
    p90 = words.duration(float(np.quantile(report.dwell_s, 0.9)))
    out = ""
    for key, value in card_values(report, words).items():
        name, note = words.text(f"card_{key}"), words.text(f"card_{key}_note", p90=p90)
        out += html.card(value, name, note)
    return f'<ul class="cards">\n{out}</ul>\n'
