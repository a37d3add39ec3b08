"""What ``fer-report LOG…`` does: one page, or two parts of the logs side by side."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from fer_runtime.errors import DataError, UsageError

from .busy import Busy
from .compute import between
from .data.engine import DuckEngine
from .data.kinds import READINGS, chosen
from .data.paths import find_logs
from .data.repair import FileNotes
from .job import Source, count, file_notes, numbers, open_logs, pick, to_json
from .numbers import Report
from .options import when
from .output import write_files


@dataclass(frozen=True)
class Wish:
    """What the command line asks for."""

    logs: Sequence[Path]
    output: Path | None
    since: datetime | None
    until: datetime | None
    language: str
    title: str
    gap_s: float
    pdf: bool
    as_json: bool
    engine: str | None

    @property
    def json_only(self) -> bool:
        """Whether nothing is written."""
        return self.as_json and self.output is None

    @property
    def folder(self) -> Path:
        """Where files go."""
        return self.output or Path("report")


def single_report(wish: Wish) -> int:
    """Write one page; return the exit code."""
    if not wish.engine and chosen(find_logs(wish.logs))[0] != READINGS:
        return records_report(wish)
    chromium = _chromium(wish)
    with Busy(1) as busy:
        with open_logs(wish.logs, wish.engine, busy, reports=1) as source:
            report, found = count(source, wish.since, wish.until, wish.gap_s)
        busy.doing = "html"
        values = numbers(report, source, found.undated)
        if not wish.json_only:
            from .page.figures import draw
            from .page.page import Origin, render
            from .page.style import NARROW, WIDE
            from .page.words import Words

            words = Words(wish.language)
            pictures = [*draw(report, words, WIDE), *draw(report, words, NARROW)]
            origin = Origin(source.notes, source.models, source.duplicates, found.undated)
            page = render(report, pictures, words, origin, wish.title)
            plots = {p.file_name: p.drawing.file(words.text(p.key)) for p in pictures}
            _write(wish, values, page, plots, chromium)
    _say_damage(source.notes)
    if wish.as_json:
        click.echo(to_json(values))
    else:
        click.echo(_summary(values))
        click.echo(f"{wish.folder / 'index.html'}")
    return 0


def records_report(wish: Wish) -> int:
    """Write the page of visits or minutes; return the exit code."""
    from .data.records import load
    from .page.page import Origin
    from .page.records import render
    from .page.words import Words
    from .records import as_dict, summarise

    chromium = _chromium(wish)
    kind, files = pick(wish.logs)
    with Busy(len(files)) as busy, tempfile.TemporaryDirectory(prefix="fer-report-") as scratch:
        engine = DuckEngine(Path(scratch))
        try:
            notes, duplicates = load(engine, kind, files, Path(scratch), busy.step)
            summary = summarise(engine, kind, between("true", wish.since, wish.until))
        finally:
            engine.close()
    if summary is None:
        raise DataError(
            f"expected {kind} between --since and --until, received none there",
            "change --since and --until",
        )
    values = as_dict(summary) | {"duplicate_rows": duplicates, "files": file_notes(notes)}
    if not wish.json_only:
        page = render(summary, Words(wish.language), Origin(notes, (), duplicates), wish.title)
        _write(wish, values, page, {}, chromium)
    _say_damage(notes)
    if wish.as_json:
        click.echo(to_json(values))
        return 0
    click.echo(f"{values['visits']} visits, {values['face_seconds']:.0f} s of face time, "
               f"{values['first'][:16]} to {values['last'][:16]}")  # fmt: skip
    click.echo(f"{wish.folder / 'index.html'}")
    return 0


def compare_report(wish: Wish, names: tuple[str, str]) -> int:
    """Write a page with two parts of the logs side by side; return the exit code."""
    periods = [_period(name) for name in names]
    if (wish.since or wish.until) and any(periods):
        raise UsageError("expected --since and --until or periods to compare, received both")
    chromium = _chromium(wish)
    by_folder = not any(periods)
    with Busy(1) as busy:
        with open_logs(
            wish.logs, wish.engine, busy, by_folder=by_folder, reports=len(names)
        ) as source:
            found = []
            for name, period in zip(names, periods, strict=True):
                since, until = period or (wish.since, wish.until)
                device = None if period else name
                found.append(count(source, since, until, wish.gap_s, device))
        busy.doing = "html"
        undated = max(span.undated for _, span in found)
        values = _compared(names, [report for report, _ in found], source, undated)
        if not wish.json_only:
            from .page.compare import Side, render
            from .page.figures import draw
            from .page.page import Origin
            from .page.style import NARROW
            from .page.words import Words

            words = Words(wish.language)
            drawn = [draw(report, words, NARROW) for report, _ in found]
            sides = [Side(n, r, p) for n, (r, _), p in zip(names, found, drawn, strict=True)]
            origin = Origin(source.notes, source.models, source.duplicates, undated)
            page = render((sides[0], sides[1]), words, origin, wish.title)
            plots = {
                f"{side}-{p.key}.svg": p.drawing.file(f"{words.text(p.key)}, {name}")
                for side, name, d in zip("ab", names, drawn, strict=True) for p in d
            }  # fmt: skip
            _write(wish, values, page, plots, chromium)
    _say_damage(source.notes)
    if wish.as_json:
        click.echo(to_json(values))
        return 0
    for name in names:
        click.echo(f"{name}: {_summary(values['compare'][name])}")
    click.echo(f"{wish.folder / 'index.html'}")
    return 0


def _compared(
    names: tuple[str, str], reports: Sequence[Report], source: Source, undated: int
) -> dict[str, Any]:
    whole = [numbers(report, source, undated) for report in reports]
    shared = ("models", "duplicate_rows", "undated_rows", "files")
    sides = {n: {k: v for k, v in w.items() if k not in shared}
             for n, w in zip(names, whole, strict=True)}  # fmt: skip
    return {"compare": sides} | {k: whole[0][k] for k in shared}


def _period(text: str) -> tuple[datetime, datetime] | None:
    """Return the two ends of FROM/TO; None where it is no period but a device."""
    if "/" not in text:
        return None
    try:
        first, last = map(when, text.split("/"))
        if (first.tzinfo is None) == (last.tzinfo is None) and first < last:
            return first, last
    except ValueError:
        pass
    raise UsageError(
        f"--compare: expected a period such as 2026-03-01/2026-03-08, or a device, "
        f"received '{text}'"
    )


def _chromium(wish: Wish) -> str:
    """Return the browser for the PDF before any work is done; empty without --pdf."""
    if not wish.pdf:
        return ""
    if wish.json_only:
        raise UsageError("--pdf writes a file: expected -o DIR beside --json, received none")
    from .page.pdf import find_chromium

    return find_chromium()


def _write(
    wish: Wish, values: dict[str, Any], page: str, plots: dict[str, bytes], chromium: str
) -> None:
    """Write the page, its numbers and plots, and the PDF where there is a browser for it."""
    folder = wish.folder
    own = {"numbers.json": to_json(values).encode(), "index.html": page.encode()}
    write_files(folder, plots | own)
    if chromium:
        from .page.pdf import print_pdf

        print_pdf(chromium, folder / "index.html", folder / "report.pdf")


def _say_damage(notes: Sequence[FileNotes]) -> None:
    for note in notes:
        if note.bad_rows:
            click.echo(f"fer-report: {note.path}: {note.bad_rows} damaged rows left out", err=True)
        if note.damaged:
            click.echo(f"fer-report: {note.path}: the compressed data end too early; what could "
                       "be read was used", err=True)  # fmt: skip


def _summary(values: dict[str, Any]) -> str:
    claimed = [(s, k) for k, s in values["share"].items() if s]
    top = ", ".join(f"{k} {s:.1%}" for s, k in sorted(claimed, reverse=True)[:3])
    rows, faces = (f"{values[key]} {key[:-1] if values[key] == 1 else key}"
                   for key in ("rows", "faces"))  # fmt: skip
    return (f"{rows}, {faces}, {values['first'][:16]} to "
            f"{values['last'][:16]}: {top}")  # fmt: skip
