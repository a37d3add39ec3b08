"""``fer-report``: parse, read, print, write."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import click

from fer_runtime import __version__
from fer_runtime.command.console import run_command
from fer_runtime.errors import DataError
from fer_runtime.labels import LANGUAGES

_EXAMPLES = """

\b
Examples:
  fer-report log.csv                        page and plots in report/
  fer-report /srv/feredge -o march --since 2026-03-01 --until 2026-04-01
  fer-report log.csv log-*.csv.gz --lang es
  fer-report log.csv --json | jq .share     numbers only, nothing is written
  fer-report --feedback feedback.csv        how often the label was what people really showed
"""


def _moment(_: click.Context, option: click.Parameter, value: str | None) -> datetime | None:
    """Read a day, or a day and a time."""
    try:
        return datetime.fromisoformat(value.strip().replace("Z", "+00:00")) if value else None
    except ValueError:
        raise click.BadParameter(
            f"expected a day or a time such as 2026-03-01 or 2026-03-01T14:00, received '{value}'",
            param=option,
        ) from None


@click.command(
    help="Turn CSV logs into one HTML page, plots and numbers." + _EXAMPLES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.argument("logs", nargs=-1, metavar="[LOG]...", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="DIR",
              help="Folder for index.html, numbers.json and the plots [report].")  # fmt: skip
@click.option("--since", callback=_moment, metavar="TIME",
              help="Leave out rows before this time of the kiosk.")  # fmt: skip
@click.option("--until", callback=_moment, metavar="TIME",
              help="Leave out rows at or after this time.")  # fmt: skip
@click.option("--lang", type=click.Choice(LANGUAGES), default="en", show_default=True,
              help="Language of page and plots.")  # fmt: skip
@click.option("--title", default="", metavar="TEXT", help="Heading of the page.")
@click.option("--gap", "gap_min", type=click.FloatRange(min=0, min_open=True), default=15.0,
              metavar="MINUTES", show_default=True,
              help="Shortest stretch without rows that is listed as a gap.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True,
              help="Print the numbers as JSON; files are written only with -o.")  # fmt: skip
@click.option("--feedback", type=click.Path(path_type=Path), metavar="FILE",
              help="Evaluate a feedback or study file instead of logs.")  # fmt: skip
@click.version_option(__version__, "--version", prog_name="fer-report")
def command(
    logs: tuple[Path, ...],
    output: Path | None,
    since: datetime | None,
    until: datetime | None,
    lang: str,
    title: str,
    gap_min: float,
    as_json: bool,
    feedback: Path | None,
) -> int:
    """Do what the flags say."""
    if feedback is not None:
        if logs:
            raise click.UsageError("expected logs or --feedback, received both")
        if since or until:
            raise click.UsageError("--since and --until are for logs, not for --feedback")
        return _feedback(feedback, as_json, output)
    if not logs:
        raise click.UsageError("expected at least one log file or folder, received none")
    from .compute import compute
    from .logs import read_logs
    from .numbers import as_dict
    from .runs import build_timeline

    readings, notes, models = read_logs(logs)
    for note in notes:
        if note.bad_rows:
            click.echo(f"fer-report: {note.path}: {note.bad_rows} damaged rows left out", err=True)
        if note.damaged:
            click.echo(f"fer-report: {note.path}: the compressed data end too early; what could "
                       "be read was used", err=True)  # fmt: skip
    timeline = build_timeline(readings)
    del readings
    dated = timeline.dated()
    undated = len(timeline.run) - int(dated.sum())
    wanted = dated & timeline.between(since, until)
    if not wanted.any():
        first, last = timeline.span()
        raise DataError(
            f"expected rows {_span(since, until)}, received rows from {first} to {last} only",
            "change --since and --until",
        )
    if not wanted.all():
        timeline = timeline.take(wanted)
    report = compute(timeline, gap_min * 60)
    numbers = as_dict(report) | {
        "models": models,
        "duplicate_rows": timeline.duplicates,
        "undated_rows": undated,
        "files": [
            {"path": str(n.path), "rows": n.rows, "bad_rows": n.bad_rows, "damaged": n.damaged}
            for n in notes
        ],
    }
    del timeline
    text = json.dumps(numbers, ensure_ascii=False, indent=1)
    if as_json:
        click.echo(text)
    if as_json and output is None:
        return 0
    from .figures import draw_all
    from .output import write_files
    from .page import Origin, render
    from .words import Words

    words = Words(lang)
    pictures = list(draw_all(report, words))
    origin = Origin(notes, models, int(numbers["duplicate_rows"]), undated)
    page = render(report, pictures, words, origin, title)
    folder = output or Path("report")
    files = {p.file_name: p.data for p in pictures}
    files |= {"numbers.json": text.encode(), "index.html": page.encode()}
    write_files(folder, files)
    if not as_json:
        claimed = [(s, k) for k, s in numbers["share"].items() if s]
        top = ", ".join(f"{k} {s:.1%}" for s, k in sorted(claimed, reverse=True)[:3])
        click.echo(f"{report.rows} rows, {report.faces} faces, {numbers['first'][:16]} to "
                   f"{numbers['last'][:16]}: {top}")  # fmt: skip
        click.echo(f"{folder / 'index.html'}")
    return 0


def _span(since: datetime | None, until: datetime | None) -> str:
    parts = [f"{name} {when.isoformat()}" for name, when in (("since", since), ("until", until))
             if when]  # fmt: skip
    return " ".join(parts) or "with a date after 2020"


def _feedback(path: Path, as_json: bool, output: Path | None) -> int:
    from .feedback import as_dict, as_text, evaluate

    result = evaluate(path)
    text, numbers = as_text(result), json.dumps(as_dict(result), ensure_ascii=False, indent=1)
    if output is not None:
        from .output import write_files

        files = {"feedback.txt": f"{text}\n".encode(), "feedback.json": f"{numbers}\n".encode()}
        write_files(output, files)
    click.echo(numbers if as_json else text)
    return 0


def main(arguments: list[str] | None = None) -> None:
    """Entry point of ``fer-report``."""
    run_command(command, "fer-report", arguments)


if __name__ == "__main__":
    main()
