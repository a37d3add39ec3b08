"""``fer-batch``: many clips, one command."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import filelock

from fer_runtime import __version__
from fer_runtime.command.console import CONTEXT, FiniteRange, run_command
from fer_runtime.errors import ConfigError, DataError, FerError, OutputError
from fer_runtime.settings.schema import Settings

from .analysis import WORK, Outcome
from .clips import Clip, find_clips
from .index import Index

_EXAMPLES = """

\b
Examples:
  fer-batch videos/ -o out/                    a CSV per clip, and out/index.csv
  fer-batch a.mp4 b.mp4 -o out/ --every-frame  also a row per frame, with success 0 or 1
  fer-batch videos/ -o out/ --scheduler tcp://10.0.0.5:8786
Run the same command again after an interruption: what is done is not done twice.
"""


_FAILURES: dict[int, type[FerError]] = {kind.exit_code: kind for kind in (ConfigError, OutputError)}


class BatchError(DataError):
    """Some clips could not be read; the others are done."""


@click.command(
    help="Read the faces of many clips, or of all clips in folders." + _EXAMPLES,
    context_settings=CONTEXT,
)
@click.argument("clips", nargs=-1, required=True, metavar="CLIP_OR_FOLDER...")
@click.option("-o", "--out", required=True, metavar="FOLDER", help="Where the results go.")
@click.option("--jobs", type=click.IntRange(1, 1024), default=None,
              help="Processes; as many as processor cores by default.")  # fmt: skip
@click.option("--scheduler", default="", metavar="URL",
              help="A Dask cluster that exists; it must see the same paths.")  # fmt: skip
@click.option("--every-frame", is_flag=True, help="Also write NAME.frames.csv, a row per frame.")
@click.option("--csv-interval", type=FiniteRange(0, 3600), default=None,
              help="One row per face so often [s]; every frame by default.")  # fmt: skip
@click.option("--model", default=None, help="Name of a shipped model or path of a .tflite.")
@click.option("--config", default=None, metavar="FILE", help="YAML configuration.")
@click.version_option(__version__, "--version", prog_name="fer-batch")
def command(
    clips: tuple[str, ...],
    out: str,
    jobs: int | None,
    scheduler: str,
    every_frame: bool,
    csv_interval: float | None,
    model: str | None,
    config: str | None,
) -> int:
    """Do what the arguments say."""
    if scheduler and jobs:
        raise click.UsageError("--jobs is for the cluster on this machine; leave out --scheduler")
    settings = _settings(config, csv_interval, model)
    found = find_clips(clips)
    folder = Path(out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(folder / ".lock", timeout=0)
        lock.acquire()
    except filelock.Timeout:
        raise OutputError(f"{folder}: another batch is writing there", "wait for its end") from None
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written: {error.strerror}") from None
    try:
        outcomes = _run(found, folder, settings, every_frame, scheduler, jobs)
    finally:
        lock.release()
    bad = [o for o in outcomes if o.error]
    click.echo(f"{len(outcomes) - len(bad)} of {len(outcomes)} clips done: {folder / 'index.csv'}")
    if bad:
        raise BatchError(
            f"{len(bad)} of {len(outcomes)} clips could not be read, such as {bad[0].file}",
            f"see the column error in {folder / 'index.csv'}",
        )
    return 0


def _run(
    clips: list[Clip],
    folder: Path,
    settings: Settings,
    every_frame: bool,
    scheduler: str,
    jobs: int | None,
) -> list[Outcome]:
    from fer_runtime.faces.pipeline import EmotionPipeline

    from .cluster import analyze_all, open_cluster

    EmotionPipeline(settings)  # a bad model or detector is told now, once
    shutil.rmtree(folder / WORK, ignore_errors=True)
    index = Index(folder, settings, every_frame)
    outcomes = [known for clip in clips if (known := index.known(clip))]
    done = {o.file for o in outcomes}
    left = [clip for clip in clips if clip.name not in done]
    if done:
        click.echo(f"{len(done)} of {len(clips)} clips were done before", err=True)
    if left:
        size = sum(clip.size for clip in left)
        out = folder.resolve()
        try:
            with (
                open_cluster(scheduler, jobs or os.cpu_count() or 1) as client,
                click.progressbar(length=size, label=f"{len(left)} clips", file=sys.stderr) as bar,
            ):
                for clip, outcome in analyze_all(client, left, out, settings, every_frame):
                    if outcome.exit_code:
                        raise _FAILURES.get(outcome.exit_code, FerError)(outcome.error)
                    index.add(clip, outcome)
                    outcomes.append(outcome)
                    bar.update(clip.size)
        finally:
            # Also of clips that others had begun when this one ended the batch.
            shutil.rmtree(folder / WORK, ignore_errors=True)
    index.write(outcomes)
    return outcomes


def _settings(config: str | None, csv_interval: float | None, model: str | None) -> Settings:
    settings = Settings()
    if config is not None:
        from fer_runtime.settings.file import load

        settings = load(config)
    values: dict[str, Any] = {"csv.interval_s": 0.0 if csv_interval is None else csv_interval}
    if model is not None:
        values["classifier.model"] = model
    settings = settings.with_values(values)
    # Searching less often where nobody is seen is for a kiosk at night.
    return replace(settings, detector=replace(settings.detector, idle_after_s=0.0))


def main(arguments: list[str] | None = None) -> None:
    """Entry point of ``fer-batch``."""
    os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    run_command(command, "fer-batch", arguments)


if __name__ == "__main__":
    main()
