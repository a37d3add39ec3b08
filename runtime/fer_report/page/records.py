"""The page of visits or of minutes: numbers and tables of what these records know."""

from __future__ import annotations

import numpy as np

from fer_runtime.labels import LABELS

from ..records import Summary
from . import html
from .page import Origin, band, caveats, foot_line
from .sections import HOURS, bar_table, local_ms, share_cells, share_table, stay_rows
from .style import STACK
from .words import Words


def render(summary: Summary, words: Words, origin: Origin, title: str = "") -> str:
    """Return the page.

    Parameters
    ----------
    summary
        Its figures.
    words
        Its language.
    origin
        Where the records come from.
    title
        Heading; a general one if empty.
    """
    title = title or words.text("title")
    first, last = words.moment(local_ms(summary.first)), words.moment(local_ms(summary.last))
    body = band(title, words.text("period", first=first, last=last),
                words.text(f"lead_{summary.kind}"))  # fmt: skip
    body += '<main class="wrap">\n' + _cards(summary, words) + _shares(summary, words)
    if len(summary.stay_s):
        body += _stays(summary, words)
    body += _hours(summary, words) + _days(summary, words) + caveats(words, origin, rows=False)
    said = words.text(
        f"rows_{summary.kind}", rows=words.number(summary.rows),
        files=words.number(len(origin.notes)), runs=words.number(summary.runs),
        devices=", ".join(summary.devices[:9]) + (" …" if len(summary.devices) > 9 else ""),
        duplicates=words.number(origin.duplicates),
    )  # fmt: skip
    return html.document(title, words.language, body + foot_line(said, words))


def _cards(summary: Summary, words: Words) -> str:
    values = {
        "visits": words.number(summary.visits),
        "time": words.duration(summary.face_seconds),
        "people": words.number(summary.people_max),
        "valence": words.number(summary.valence, 2, sign=True),
        "uncertain": words.percent(float(summary.shares[-1])),
    }
    p90 = ""
    if len(summary.stay_s):
        values["dwell"] = words.duration(float(np.median(summary.stay_s)))
        p90 = words.duration(float(np.quantile(summary.stay_s, 0.9)))
    else:
        values["watched"] = words.duration(summary.watched_s)
        values["away"] = words.duration(summary.away_s)
    out = ""
    for key, value in values.items():
        note = words.text(f"card_{key}_note", p90=p90)
        out += html.card(value, words.text(f"card_{key}"), note)
    return f'<ul class="cards">\n{out}</ul>\n'


def _shares(summary: Summary, words: Words) -> str:
    if not summary.face_seconds:
        return html.section("shares", words.text("shares"), html.paragraph(words.text("nobody")))
    heads = [words.text(k) for k in ("label", "share", "time")]
    time = dict(zip(LABELS, map(float, summary.label_s), strict=True))
    table = bar_table(heads, summary.shares, lambda k: [words.duration(time[k])], words)
    text = html.paragraph(words.text("shares_records"))
    return html.section("shares", words.text("shares"), text, table)


def _stays(summary: Summary, words: Words) -> str:
    rows = stay_rows(summary.stay_s, words)
    head = (words.text("stay"), words.text("visits"), words.text("share_of_visits"))
    text = html.paragraph(words.text("stays_text"))
    return html.section("faces", words.text("stays"), text, html.table(head, rows))


def _hours(summary: Summary, words: Words) -> str:
    text = html.paragraph(words.text("hours_text"))
    table = share_table(words.text("hour"), HOURS, summary.hour_s, words)
    return html.section("week", words.text("hours"), text, table)


def _days(summary: Summary, words: Words) -> str:
    rows = [
        (words.day(float(np.datetime64(day, "ms").astype(np.int64)), year=True),
         words.number(int(visits)), *share_cells(values, words))
        for day, visits, values in zip(summary.days, summary.day_visits, summary.day_s, strict=True)
    ]  # fmt: skip
    names = (words.label(k) for k in STACK)
    head = (words.text("unit_day").capitalize(), words.text("visits"), *names, words.text("time"))
    return html.section("days", words.text("days"), html.table(head, rows))
