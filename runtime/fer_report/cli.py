"""``fer-report``: parse, read, print, write."""

from __future__ import annotations

import os
import sys
from datetime import datetime
from pathlib import Path

import click

from fer_runtime import __version__
from fer_runtime.command.console import CONTEXT, FiniteRange, run_command
from fer_runtime.labels import LANGUAGES

from .options import moment

_EXAMPLES = """

\b
Examples:
  fer-report log.csv                        page and plots in report/
  fer-report /srv/feredge -o march --since 2026-03-01 --until 2026-04-01
  fer-report log.csv log-*.csv.gz --lang es --pdf
  fer-report log.csv --json | jq .share     numbers only, nothing is written
  fer-report log.csv --compare 2026-03-01/2026-03-08 2026-03-08/2026-03-15
  fer-report --feedback feedback.csv        how often the label was what people really showed
  fer-report export --help                  Parquet, ELAN, Praat, BIDS
"""


@click.command(
    help="Turn logs (CSV, or Parquet of an export) into one HTML page, plots and numbers."
    + _EXAMPLES,
    context_settings=CONTEXT,
)
@click.argument("logs", nargs=-1, metavar="[LOG]...", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="DIR",
              help="Folder for index.html, numbers.json and the plots [report].")  # fmt: skip
@click.option("--since", callback=moment, metavar="TIME",
              help="Leave out rows before this time of the kiosk.")  # fmt: skip
@click.option("--until", callback=moment, metavar="TIME",
              help="Leave out rows at or after this time.")  # fmt: skip
@click.option("--compare", nargs=2, metavar="A B",
              help="Two parts side by side: periods (FROM/TO), or devices: names in the Parquet, "
                   "or of the folders given.")  # fmt: skip
@click.option("--lang", type=click.Choice(LANGUAGES), default="en", show_default=True,
              help="Language of page and plots.")  # fmt: skip
@click.option("--title", default="", metavar="TEXT", help="Heading of the page.")
@click.option("--gap", "gap_min", type=FiniteRange(min=0, min_open=True), default=15.0,
              metavar="MINUTES", show_default=True,
              help="Shortest stretch without rows that is listed as a gap.")  # fmt: skip
@click.option("--pdf", is_flag=True,
              help="Also report.pdf, through Chromium, Chrome or Edge.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True,
              help="Print the numbers as JSON; files are written only with -o.")  # fmt: skip
@click.option("--feedback", type=click.Path(path_type=Path), metavar="FILE",
              help="Evaluate a feedback or study file instead of logs.")  # fmt: skip
@click.option("--engine", metavar="URL",
              help="Compute Parquet in an Ibis backend, such as pyspark://local[2].")  # fmt: skip
@click.version_option(__version__, "--version", prog_name="fer-report")
def command(
    logs: tuple[Path, ...],
    output: Path | None,
    since: datetime | None,
    until: datetime | None,
    compare: tuple[str, str] | None,
    lang: str,
    title: str,
    gap_min: float,
    pdf: bool,
    as_json: bool,
    feedback: Path | None,
    engine: str | None,
) -> int:
    """Do what the flags say."""
    if feedback is not None:
        if logs:
            raise click.UsageError("expected logs or --feedback, received both")
        if since or until or compare or pdf or engine:
            raise click.UsageError("--since, --until, --compare, --pdf and --engine are for logs, "
                                   "not for --feedback")  # fmt: skip
        return _feedback(feedback, as_json, output)
    if not logs:
        raise click.UsageError("expected at least one log file or folder, received none")
    from .report import Wish, compare_report, single_report

    wish = Wish(logs, output, since, until, lang, title, gap_min * 60, pdf, as_json, engine)
    return compare_report(wish, compare) if compare else single_report(wish)


def _feedback(path: Path, as_json: bool, output: Path | None) -> int:
    from .feedback.evaluation import evaluate
    from .feedback.text import as_dict, as_text
    from .job import to_json

    result = evaluate(path)
    text, numbers = as_text(result), to_json(as_dict(result))
    if output is not None:
        from .output import write_files

        files = {"feedback.txt": f"{text}\n".encode(), "feedback.json": f"{numbers}\n".encode()}
        write_files(output, files)
    click.echo(numbers if as_json else text)
    return 0


def main(arguments: list[str] | None = None) -> None:
    """Entry point of ``fer-report``."""
    given = sys.argv[1:] if arguments is None else arguments
    # Arrow's threads and DuckDB's are enough; OpenBLAS has nothing to do here.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    if given[:1] == ["export"]:
        from .export.cli import command as export

        run_command(export, "fer-report export", given[1:])
    run_command(command, "fer-report", given)


if __name__ == "__main__":
    main()
