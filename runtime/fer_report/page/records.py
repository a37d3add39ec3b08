"""The page of visits or of minutes: numbers and tables of what these records know."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fer_runtime.labels import LABELS

from ..numbers import DWELL_EDGES_S
from ..records import Summary
from . import html
from .figures import dwell_names
from .page import Origin, band, caveats, foot_line
from .sections import local_ms
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
    out = [
        '<div class="scroll" tabindex="0"><table>\n<thead><tr>'
        f'<th scope="col">{heads[0]}</th><th class="bar" aria-hidden="true"></th>'
        + "".join(f'<th scope="col">{h}</th>' for h in heads[1:])
        + "</tr></thead>\n<tbody>\n"
    ]
    share = dict(zip(LABELS, map(float, summary.shares), strict=True))
    time = dict(zip(LABELS, map(float, summary.label_s), strict=True))
    for label in sorted(STACK, key=lambda k: -share[k]):
        name = f"{html.swatch(label)}{html.escape(words.label(label))}"
        out.append(
            f'<tr><th scope="row">{name}</th>{html.bar(label, share[label] / max(share.values()))}'
            f"<td>{words.percent(share[label])}</td><td>{words.duration(time[label])}</td></tr>\n"
        )
    text = html.paragraph(words.text("shares_records"))
    table = "".join(out) + "</tbody></table></div>"
    return html.section("shares", words.text("shares"), text, table)


def _stays(summary: Summary, words: Words) -> str:
    counts = np.histogram(summary.stay_s, DWELL_EDGES_S)[0]
    rows = [
        (name, words.number(int(n)), words.percent(n / counts.sum()))
        for name, n in zip(dwell_names(words), counts, strict=True)
    ]
    head = (words.text("stay"), words.text("visits"), words.text("share_of_visits"))
    text = html.paragraph(words.text("stays_text"))
    return html.section("faces", words.text("stays"), text, html.table(head, rows))


def _hours(summary: Summary, words: Words) -> str:
    rows = [
        (f"{hour:02d}:00", *_shares_of(values, words))
        for hour, values in enumerate(summary.hour_s) if values.sum()
    ]  # fmt: skip
    text = html.paragraph(words.text("hours_text"))
    head = (words.text("hour"), *(words.label(k) for k in STACK), words.text("time"))
    return html.section("week", words.text("hours"), text, html.table(head, rows))


def _days(summary: Summary, words: Words) -> str:
    rows = [
        (words.day(float(np.datetime64(day, "ms").astype(np.int64)), year=True),
         words.number(int(visits)), *_shares_of(values, words))
        for day, visits, values in zip(summary.days, summary.day_visits, summary.day_s, strict=True)
    ]  # fmt: skip
    names = (words.label(k) for k in STACK)
    head = (words.text("unit_day").capitalize(), words.text("visits"), *names, words.text("time"))
    return html.section("days", words.text("days"), html.table(head, rows))


def _shares_of(seconds: NDArray[np.float64], words: Words) -> list[str]:
    """Return the share of each label, and the time they rest on."""
    total = float(seconds.sum())
    if not total:
        return ["–"] * len(STACK) + [words.duration(0.0)]
    shares = [words.percent(float(seconds[LABELS.index(k)]) / total, 0) for k in STACK]
    return [*shares, words.duration(total)]
