"""The report as one HTML page: nothing outside it is needed, and no script."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fer_runtime import __version__
from fer_runtime.labels import EMOTIONS

from . import html
from .blocks import FileNotes
from .figures import LITTLE_S, Picture, dwell_names
from .logs import LABELS
from .numbers import DWELL_EDGES_S, Report
from .style import STACK
from .words import Words


@dataclass(frozen=True)
class Origin:
    """What the page says of where its rows come from."""

    notes: Sequence[FileNotes]
    """What was found in each file."""
    models: Sequence[str]
    """Models that wrote the rows."""
    duplicates: int
    """Rows dropped because another file has them, too."""
    undated: int
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
        The plots of `figures.draw_all`.
    words
        Its language.
    origin
        Where the rows come from.
    title
        Heading; a general one if empty.
    """
    page = _Page(report, pictures, words, origin)
    body = page.head(title or words.text("title")) + '<main class="wrap">\n' + page.cards()
    for part in (
        page.shares, page.over_time, page.week, page.faces, page.valence, page.transitions,
        page.coverage, page.caveats,
    ):  # fmt: skip
        body += part()
    return html.document(title or words.text("title"), words.language, body + page.foot())


class _Page:
    def __init__(
        self, report: Report, pictures: Sequence[Picture], words: Words, origin: Origin
    ) -> None:
        self.report, self.pictures, self.words, self.origin = report, pictures, words, origin
        order = np.argsort(-report.shares, kind="stable")
        self.ranked = [LABELS[i] for i in order if report.shares[i] > 0]
        self.bin = words.width(report.bins.width_s)

    def head(self, title: str) -> str:
        words, report = self.words, self.report
        first, last = self._local(report.first), self._local(report.last)
        emotions = [label for label in self.ranked if label in EMOTIONS]
        lead = ""
        if emotions:
            second = emotions[min(1, len(emotions) - 1)]
            lead = words.text(
                "summary" if len(emotions) > 1 else "summary_one",
                faces=words.number(report.faces),
                time=words.duration(report.face_seconds),
                top=words.label(emotions[0]).lower(),
                top_share=words.percent(self._share(emotions[0])),
                second=words.label(second).lower(),
                second_share=words.percent(self._share(second)),
                uncertain=words.percent(float(report.shares[-1])),
            )
        period = words.text("period", first=words.moment(first), last=words.moment(last))
        return (
            f'<header class="band"><div class="wrap">\n<h1>{html.escape(title)}</h1>\n'
            f"{html.paragraph(period, 'period')}\n{html.paragraph(lead, 'lead') if lead else ''}\n"
            "</div></header>\n"
        )

    def cards(self) -> str:
        words, report = self.words, self.report
        values = {
            "faces": words.number(report.faces),
            "time": words.duration(report.face_seconds),
            "dwell": words.duration(float(np.median(report.dwell_s))),
            "most": words.number(report.most_at_once),
            "valence": words.number(report.valence, 2, sign=True),
            "uncertain": words.percent(float(report.shares[-1])),
        }
        p90 = words.duration(float(np.quantile(report.dwell_s, 0.9)))
        out = ""
        for key, value in values.items():
            name, note = words.text(f"card_{key}"), words.text(f"card_{key}_note", p90=p90)
            out += html.card(value, name, note)
        return f'<ul class="cards">\n{out}</ul>\n'

    def shares(self) -> str:
        words, report = self.words, self.report
        heads = [words.text(k) for k in ("label", "share", "time", "probability")]
        out = [
            '<div class="scroll" tabindex="0"><table>\n<thead><tr>',
            f'<th scope="col">{heads[0]}</th><th class="bar" aria-hidden="true"></th>',
            *(f'<th scope="col">{h}</th>' for h in heads[1:]),
            "</tr></thead>\n<tbody>\n",
        ]
        largest = float(report.shares.max())
        for label in sorted(STACK, key=lambda k: -self._share(k)):
            share = self._share(label)
            mean = (
                words.percent(float(report.mean_probability[LABELS.index(label)]))
                if label in EMOTIONS
                else "–"
            )
            time = words.duration(float(report.label_s[LABELS.index(label)]))
            out.append(
                f'<tr><th scope="row">{html.swatch(label)}{html.escape(words.label(label))}</th>'
                f"{html.bar(label, share / largest)}<td>{words.percent(share)}</td>"
                f"<td>{time}</td><td>{mean}</td></tr>\n"
            )
        out.append("</tbody></table></div>")
        text = html.paragraph(words.text("shares_text"))
        return html.section("shares", words.text("shares"), text, "".join(out))

    def over_time(self) -> str:
        bins, words = self.report.bins, self.words
        alt = words.text(
            "over_time_alt",
            width=self.bin,
            first=words.moment(float(bins.start_ms[0])),
            last=words.moment(self._local(self.report.last)),
            shares=", ".join(
                f"{words.label(k).lower()} {words.percent(self._share(k), 0)}" for k in self.ranked
            ),
        )
        starts = [words.moment(float(s)) for s in bins.start_ms]
        rows = self._share_rows(starts, bins.seconds)
        return self._section("over_time", alt, self._share_table(words.text("start"), rows))

    def week(self) -> str:
        words, report = self.words, self.report
        hours, days = report.hour_s.sum(axis=1), report.weekday_s.sum(axis=1)
        alt = words.text(
            "week_alt",
            hour=f"{hours.argmax():02d}:00",
            hour_time=words.duration(float(hours.max())),
            day=words.weekday(int(days.argmax())),
            day_time=words.duration(float(days.max())),
        )
        rows = self._share_rows([f"{h:02d}:00" for h in range(24)], report.hour_s)
        rows_2 = self._share_rows([words.weekday(d) for d in range(7)], report.weekday_s)
        tables = self._share_table(words.text("hour"), rows)
        tables += self._share_table(words.text("weekday"), rows_2)
        return self._section("week", alt, tables, little=words.duration(LITTLE_S))

    def faces(self) -> str:
        words, dwell = self.words, self.report.dwell_s
        alt = words.text(
            "faces_alt",
            width=self.bin,
            faces=words.number(self.report.faces),
            median=words.duration(float(np.median(dwell))),
            p90=words.duration(float(np.quantile(dwell, 0.9))),
            longest=words.duration(float(dwell.max())),
        )
        counts = np.histogram(dwell, DWELL_EDGES_S)[0]
        rows = [
            (name, words.number(int(n)), words.percent(n / counts.sum()))
            for name, n in zip(dwell_names(words), counts, strict=True)
        ]
        head = (words.text("stay"), words.text("stays"), words.text("share_of_faces"))
        return self._section("faces", alt, html.table(head, rows))

    def valence(self) -> str:
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
            html.figure(self._pictures("coverage"), alt), html.paragraph(say, "say"), found,
        )  # fmt: skip

    def caveats(self) -> str:
        words, origin = self.words, self.origin
        keys = [f"caveat_{k}" for k in ("feel", "error", "people", "faces", "rows")]
        lines = [words.text(k) for k in keys]
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

    def foot(self) -> str:
        words, origin = self.words, self.origin
        rows = words.text(
            "rows_files",
            rows=words.number(self.report.rows),
            files=words.number(len(origin.notes)),
            runs=words.number(self.report.runs),
            models=", ".join(origin.models),
            duplicates=words.number(origin.duplicates),
        )
        made = words.text("made", version=__version__)
        return f"<footer>{html.paragraph(rows)}{html.paragraph(made)}</footer>\n</main>\n"

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
            html.paragraph(say, "say") if say else "", html.figure(self._pictures(key), alt),
            html.details(words.text("details"), tables),
        )  # fmt: skip

    def _share_rows(self, names: list[str], seconds: NDArray[np.float64]) -> list[tuple[str, ...]]:
        words, rows = self.words, []
        for name, values in zip(names, seconds, strict=True):
            if total := float(values.sum()):
                parts = (words.percent(float(values[LABELS.index(k)]) / total, 0) for k in STACK)
                rows.append((name, *parts, words.duration(total)))
        return rows

    def _share_table(self, first: str, rows: list[tuple[str, ...]]) -> str:
        names = (self.words.label(k) for k in STACK)
        return html.table((first, *names, self.words.text("time")), rows)

    def _pictures(self, key: str) -> list[Picture]:
        return [p for p in self.pictures if p.key == key]

    def _share(self, label: str) -> float:
        return float(self.report.shares[LABELS.index(label)])

    @staticmethod
    def _local(moment: tuple[int, int]) -> int:
        return moment[0] + moment[1] * 60_000
