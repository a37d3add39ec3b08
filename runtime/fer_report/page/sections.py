"""The sections of the page, each a plot with its text and the numbers behind it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fer_runtime.labels import LABELS

from ..numbers import DWELL_EDGES_S, Report
from . import html
from .figures import LITTLE_S, Picture, dwell_names
from .style import STACK
from .words import Words

HOURS: Final = [f"{hour:02d}:00" for hour in range(24)]
"""Names of the hours of a day."""


def local_ms(moment: tuple[int, int]) -> int:
    """Return the local time, ms since 1970-01-01, of UTC milliseconds and an offset in minutes."""
    return moment[0] + moment[1] * 60_000


def bar_table(
    heads: Sequence[str],
    shares: NDArray[np.float64],
    cells: Callable[[str], Sequence[str]],
    words: Words,
) -> str:
    """Return a table with a row for each label, the most frequent first, and bars of the shares.

    Parameters
    ----------
    heads
        Of label, share and the further cells.
    shares
        (8,) by label, 0–1.
    cells
        Gives a label's further cells, without markup.
    words
        Its language.
    """
    out = [
        '<div class="scroll" tabindex="0"><table>\n<thead><tr>',
        f'<th scope="col">{heads[0]}</th><th class="bar" aria-hidden="true"></th>',
        *(f'<th scope="col">{h}</th>' for h in heads[1:]),
        "</tr></thead>\n<tbody>\n",
    ]
    share = dict(zip(LABELS, map(float, shares), strict=True))
    for label in sorted(STACK, key=lambda k: -share[k]):
        name = f"{html.swatch(label)}{html.escape(words.label(label))}"
        out.append(
            f'<tr><th scope="row">{name}</th>{html.bar(label, share[label] / max(share.values()))}'
            f"<td>{words.percent(share[label])}</td>"
            + "".join(f"<td>{cell}</td>" for cell in cells(label))
            + "</tr>\n"
        )
    return "".join(out) + "</tbody></table></div>"


def share_cells(seconds: NDArray[np.float64], words: Words) -> list[str]:
    """Return the share of each label in face time (8,), in the order of STACK, and their time."""
    total = float(seconds.sum())
    if not total:
        return ["–"] * len(STACK) + [words.duration(0.0)]
    shares = [words.percent(float(seconds[LABELS.index(k)]) / total, 0) for k in STACK]
    return [*shares, words.duration(total)]


def share_table(
    first: str, names: Sequence[str], seconds: NDArray[np.float64], words: Words
) -> str:
    """Return a table of `share_cells`: a row for each name whose face time, (n, 8), is not 0."""
    rows = [
        (name, *share_cells(values, words))
        for name, values in zip(names, seconds, strict=True)
        if values.sum()
    ]
    return html.table((first, *(words.label(k) for k in STACK), words.text("time")), rows)


def stay_rows(stays: NDArray[np.float64], words: Words) -> list[tuple[str, str, str]]:
    """Return each class of length of stay, how many of (n,) seconds are in it, and their share."""
    counts = np.histogram(stays, DWELL_EDGES_S)[0]
    return [
        (name, words.number(int(n)), words.percent(n / counts.sum()))
        for name, n in zip(dwell_names(words), counts, strict=True)
    ]


class Sections:
    """What a report says, section by section.

    Parameters
    ----------
    report
        Its figures.
    pictures
        The plots of `figures.draw`.
    words
        Its language.
    """

    def __init__(self, report: Report, pictures: Sequence[Picture], words: Words) -> None:
        self.report, self.pictures, self.words = report, pictures, words
        order = np.argsort(-report.shares, kind="stable")
        self.ranked = [LABELS[i] for i in order if report.shares[i] > 0]
        """Labels that were shown, the most frequent first."""
        self.bin = words.width(report.bins.width_s)

    def shares(self) -> str:
        """Return the table of shares."""
        words, report = self.words, self.report
        heads = [words.text(k) for k in ("label", "share", "time", "probability")]
        # No probability is that of `uncertain`.
        means = [words.percent(float(p)) for p in report.mean_probability] + ["–"]

        def cells(label: str) -> tuple[str, str]:
            place = LABELS.index(label)
            return words.duration(float(report.label_s[place])), means[place]

        text = html.paragraph(words.text("shares_text"))
        table = bar_table(heads, report.shares, cells, words)
        return html.section("shares", words.text("shares"), text, table)

    def over_time(self) -> str:
        """Return shares over time."""
        bins, words = self.report.bins, self.words
        alt = words.text(
            "over_time_alt",
            width=self.bin,
            first=words.moment(float(bins.start_ms[0])),
            last=words.moment(local_ms(self.report.last)),
            shares=", ".join(
                f"{words.label(k).lower()} {words.percent(self.share(k), 0)}" for k in self.ranked
            ),
        )
        starts = [words.moment(float(s)) for s in bins.start_ms]
        table = share_table(words.text("start"), starts, bins.seconds, words)
        return self._section("over_time", alt, table)

    def week(self) -> str:
        """Return shares by hour of day and weekday."""
        words, report = self.words, self.report
        hours, days = report.hour_s.sum(axis=1), report.weekday_s.sum(axis=1)
        alt = words.text(
            "week_alt",
            hour=f"{hours.argmax():02d}:00",
            hour_time=words.duration(float(hours.max())),
            day=words.weekday(int(days.argmax())),
            day_time=words.duration(float(days.max())),
        )
        names = [words.weekday(d) for d in range(7)]
        tables = share_table(words.text("hour"), HOURS, report.hour_s, words)
        tables += share_table(words.text("weekday"), names, report.weekday_s, words)
        return self._section("week", alt, tables, little=words.duration(LITTLE_S))

    def faces(self) -> str:
        """Return faces and lengths of stay."""
        words, dwell = self.words, self.report.dwell_s
        alt = words.text(
            "faces_alt",
            width=self.bin,
            faces=words.number(self.report.faces),
            median=words.duration(float(np.median(dwell))),
            p90=words.duration(float(np.quantile(dwell, 0.9))),
            longest=words.duration(float(dwell.max())),
        )
        head = (words.text("stay"), words.text("stays"), words.text("share_of_faces"))
        return self._section("faces", alt, html.table(head, stay_rows(dwell, words)))

    def valence(self) -> str:
        """Return valence and its trend."""
        words, bins = self.words, self.report.bins
        trend = self._trend()
        mean = words.number(self.report.valence, 2, sign=True)
        rows = [
            (words.moment(float(s)), words.number(float(v), 3, sign=True), words.duration(float(t)))
            for s, v, t in zip(bins.start_ms, bins.valence, bins.seconds.sum(axis=1), strict=True)
            if t > 0
        ]
        head = (words.text("start"), words.text("valence_axis"), words.text("time"))
        alt = words.text("valence_alt", mean=mean, trend=trend)
        return self._section("valence", alt, html.table(head, rows), say=trend)

    def transitions(self) -> str:
        """Return which label follows which."""
        words, counts = self.words, self.report.transitions
        if not counts.any():
            return html.section(
                "transitions", words.text("transitions"),
                html.paragraph(words.text("transitions_none")),
            )  # fmt: skip
        a, z = np.unravel_index(int(counts.argmax()), counts.shape)
        top = f"{words.label(LABELS[a])} → {words.label(LABELS[z])}, {words.number(counts.max())}"
        alt = words.text("transitions_alt", count=words.number(int(counts.sum())), top=top)
        index = [LABELS.index(k) for k in STACK]
        rows = [
            (words.label(LABELS[i]), *(words.number(int(counts[i, j])) for j in index))
            for i in index
        ]
        head = (f"{words.text('from')} ↓ {words.text('to')} →", *(words.label(k) for k in STACK))
        return self._section("transitions", alt, html.table(head, rows))

    def coverage(self) -> str:
        """Return when there is data, and the gaps."""
        words, report = self.words, self.report
        limit = words.duration(report.gap_limit_s)
        count = words.number(len(report.gaps))
        alt = words.text(
            "coverage_alt",
            days=words.number(len(report.days)),
            filled=words.percent(float((report.presence_s > 0).mean())),
            gaps=count,
            limit=limit,
        )
        say = words.text("gaps_some" if report.gaps else "gaps_none", count=count, limit=limit)
        rows = [
            (
                words.moment(g.start_ms + g.offset_min * 60_000),
                words.duration(g.seconds),
                words.text("gap_within" if g.within_run else "gap_between"),
            )
            for g in report.gaps[:10]
        ]
        head = (words.text("gap_from"), words.text("gap_length"), words.text("gap_kind"))
        found = html.table(head, rows, words=(2,)) if rows else ""
        return html.section(
            "coverage", words.text("coverage"), html.paragraph(words.text("coverage_text")),
            html.figure(self.pictures_of("coverage"), alt), html.paragraph(say, "say"), found,
        )  # fmt: skip

    def _trend(self) -> str:
        words, trend = self.words, self.report.trend
        if trend is None:
            return words.text("trend_none")
        # Per hour where the log is too short for a change per day to mean anything.
        short = trend.at_ms[1] - trend.at_ms[0] < 2 * 86_400_000
        slope, error = (v / 24 if short else v for v in (trend.per_day, 1.96 * trend.error))
        clear = abs(slope) > error
        return words.text(
            "trend_clear" if clear else "trend_flat",
            slope=words.number(abs(slope) if clear else slope, 3, sign=not clear),
            error=words.number(error, 3),
            unit=words.text("unit_hour" if short else "unit_day"),
            direction=words.text("up" if slope > 0 else "down"),
        )

    def _section(self, key: str, alt: str, tables: str, say: str = "", **values: str) -> str:
        words = self.words
        return html.section(
            key, words.text(key), html.paragraph(words.text(f"{key}_text", **values)),
            html.paragraph(say, "say") if say else "", html.figure(self.pictures_of(key), alt),
            html.details(words.text("details"), tables),
        )  # fmt: skip

    def pictures_of(self, key: str) -> list[Picture]:
        """Return the plot of a section in all its widths."""
        return [p for p in self.pictures if p.key == key]

    def share(self, label: str) -> float:
        """Return the share of face time of a label, 0–1."""
        return float(self.report.shares[LABELS.index(label)])
