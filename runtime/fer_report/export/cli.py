"""``fer-report export``: the readings in the formats of other programs."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from fer_runtime.command.console import CONTEXT
from fer_runtime.errors import DataError, UsageError

from ..busy import Busy
from ..compute import between, span
from ..data.engine import DuckEngine
from ..data.parts import quoted
from ..data.paths import are_parquet, find_logs
from ..job import Source, open_logs
from ..options import moment
from ..output import write_files
from . import bids, tiers
from .intervals import by_run, intervals
from .parquet import export_parquet

_EXAMPLES = """

\b
Examples:
  fer-report export /srv/feredge --to parquet --device entrance -o kiosks
  fer-report export log.csv --to elan -o run1
  fer-report export log.csv --to textgrid --since 2026-03-01T14:00
  fer-report export log.csv --to bids --subject 01 -o dataset
"""


@click.command(
    help="Write readings as Parquet, or intervals of the shown label as ELAN, Praat TextGrid or "
    "BIDS, a file for each run." + _EXAMPLES,
    context_settings=CONTEXT,
)
@click.argument("logs", nargs=-1, required=True, metavar="LOG...", type=click.Path(path_type=Path))
@click.option("--to", "kind", required=True,
              type=click.Choice(["parquet", "elan", "textgrid", "bids"]))  # fmt: skip
@click.option("-o", "--output", type=click.Path(path_type=Path), default=Path("export"),
              metavar="DIR", show_default=True, help="Folder for the files.")  # fmt: skip
@click.option("--device", default="", metavar="NAME",
              help="Name of the kiosk, which CSV does not say; for Parquet.")  # fmt: skip
@click.option("--subject", default="", metavar="LABEL",
              help="Who was before the camera, which no log says; for BIDS.")  # fmt: skip
@click.option("--since", callback=moment, metavar="TIME",
              help="Leave out rows before this time of the kiosk.")  # fmt: skip
@click.option("--until", callback=moment, metavar="TIME",
              help="Leave out rows at or after this time.")  # fmt: skip
def command(
    logs: tuple[Path, ...],
    kind: str,
    output: Path,
    device: str,
    subject: str,
    since: datetime | None,
    until: datetime | None,
) -> int:
    """Do what the flags say."""
    if kind == "parquet" and not device:
        raise UsageError(
            "--to parquet: expected --device NAME, received none",
            "name the kiosk: the files of many lie in one folder",
        )
    if subject and (kind != "bids" or not (subject.isascii() and subject.isalnum())):
        raise UsageError(
            f"--subject: expected letters and digits beside --to bids, received {subject!r} "
            f"beside --to {kind}"
        )
    with Busy(3) as busy, open_logs(logs, None, busy, True, device=device) as source:
        if kind == "parquet" and are_parquet(find_logs(logs)):
            raise UsageError(f"--to parquet: expected CSV logs, received Parquet ({logs[0]})")
        where = between(span(source.engine).where, since, until)
        busy.step(kind)
        if kind == "parquet":
            engine = source.engine
            assert isinstance(engine, DuckEngine)
            written = export_parquet(engine.con, engine.errors, output, where)
        else:
            files = _files(source, where, kind, subject)
            write_files(output, files)
            written = len(files)
    what = "rows" if kind == "parquet" else "files"
    for note in source.notes:
        if note.bad_rows:
            click.echo(f"fer-report: {note.path}: {note.bad_rows} damaged rows left out", err=True)
    click.echo(f"{output}: {written} {what}")
    return 0


def _files(source: Source, where: str, kind: str, subject: str = "") -> dict[str, bytes]:
    found = intervals(source.engine, where)
    if not found:
        raise DataError("expected rows in this time, received none", "change --since and --until")
    files: dict[str, bytes] = {}
    for name, own in by_run(found).items():
        if kind == "elan":
            files[f"{name}.eaf"] = tiers.elan(own)
        elif kind == "textgrid":
            files[f"{name}.TextGrid"] = tiers.textgrid(own)
        else:
            # A number in our own Parquet, a text in that of a fleet.
            run = (
                f"CAST(run AS VARCHAR) = {quoted(own[0].run)} AND device = {quoted(own[0].device)}"
            )
            rows = source.engine.columns(
                f"SELECT {', '.join(bids.PHYSIO)} FROM readings WHERE {where} AND {run} "
                "ORDER BY elapsed_s, face_id"
            )
            tick = source.engine.columns(f"SELECT tick_s FROM ticks WHERE {run}")["tick_s"][0]
            stem = bids.stem(own[0], subject) if subject else f"task-kiosk_run-{name}"
            files |= {
                f"{stem}_events.tsv": bids.events(own),
                f"{stem}_events.json": bids.events_sidecar(),
                f"{stem}_physio.tsv.gz": bids.physio(rows),
                f"{stem}_physio.json": bids.physio_sidecar(float(tick)),
            }
    if kind == "bids":
        files["dataset_description.json"] = bids.about()
    return files
