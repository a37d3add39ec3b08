"""``fer-train`` and ``fer-evaluate``: parse, print, hand over."""

from __future__ import annotations

from typing import Any

import click

from fer_runtime import __version__
from fer_runtime.command.console import CONTEXT, run_command

from .cli_fit import fit_command
from .cli_train import order_option, train_command

# Importing them has put them into the group.
__all__ = ["evaluate_command", "evaluate_main", "fit_command", "train_command", "train_main"]

_EVALUATE_EXAMPLES = """

\b
Examples:
  fer-evaluate model.keras data/fer2013                   figures on data/fer2013/validation
  fer-evaluate model.keras data/fer2013 --head ferplus    the FER+ head against the majority
  fer-evaluate model.tflite data/fer2013 -o report        pictures and tables into report/
  fer-evaluate a.keras b.tflite fer2013 data/fer2013      side by side; fer2013 is a shipped model
  fer-evaluate model.tflite data/fer2013 --json           for machines
  fer-evaluate fer2013 data/fer2013 --degrade             under blur, noise, poor light, covers
  fer-evaluate ferplus press --also stills --detect-faces --prior balanced
  fer-evaluate peer.h5 --scale 1/255 --labels angry,disgust,fear,happy,sad,surprise,neutral data
"""


@click.command(
    help="Measure models on labelled pictures: DATA is a folder or a fer2013.csv."
    + _EVALUATE_EXAMPLES,
    context_settings=CONTEXT,
)
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@click.argument("data", metavar="DATA")
@click.option("--also", "more", multiple=True, metavar="DATA",
              help="A further set beside DATA; may be repeated.")  # fmt: skip
@click.option("--split", type=click.Choice(["validation", "train", "held-out"]),
              default="validation", show_default=True,
              help="held-out: the share of train that a run kept for it.")  # fmt: skip
@click.option("--head", type=click.Choice(["fer2013", "ferplus"]),
              help="Head of a model with two, or whose labels a model is for.")  # fmt: skip
@click.option("--truth", type=click.Choice(["auto", "labels", "ferplus"]), default="auto",
              show_default=True, help="Judge by folder labels or by FER+ majority.")  # fmt: skip
@click.option("--prior", default="training", show_default=True,
              help="How common each emotion is: training, balanced or seven shares.")  # fmt: skip
@click.option("--votes", metavar="CSV", help="FER+ votes [default: DATA/ferplus_votes.csv].")
@click.option("-o", "--output", metavar="FOLDER", help="Write report, tables and pictures here.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
@click.option("--limit", type=click.IntRange(0), default=0,
              help="Only so many pictures, classes balanced; 0 for all.")  # fmt: skip
@click.option("--seed", type=int, default=0, help="Which pictures --limit draws.")
@click.option("--skip-bad", is_flag=True, help="Leave unreadable pictures out.")
@click.option("--detect-faces", is_flag=True,
              help="DATA holds whole photographs: crop the largest face of each.")  # fmt: skip
@click.option("--degrade", is_flag=True,
              help="Also under blur, noise, poor light, covers ...: 55 passes.")  # fmt: skip
@order_option
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True,
              help="Threads of the interpreter of a .tflite.")  # fmt: skip
@click.option("--interpreter", default="auto", show_default=True,
              help="Of a .tflite: auto, litert or tflite-runtime.")  # fmt: skip
@click.option("--labels", metavar="A,B,...",
              help="Classes of a foreign model in the order of its outputs.")  # fmt: skip
@click.option("--scale", default="", metavar="1/255",
              help="What a foreign model makes of pixels 0-255: 1/127.5-1, 1.")  # fmt: skip
@click.option("--color", type=click.Choice(["gray", "rgb", "bgr"]),
              callback=lambda _context, _option, value: value or "",
              help="Colour order of a foreign model.")  # fmt: skip
@click.version_option(__version__, "--version", prog_name="fer-evaluate")
def evaluate_command(
    models: tuple[str, ...],
    data: str,
    more: tuple[str, ...],
    output: str | None,
    as_json: bool,
    **options: Any,
) -> int:
    """Evaluate each model and print."""
    from .atomic import json_text
    from .judge.evaluate_run import EvaluateOptions, evaluate_files
    from .judge.evaluation import report, set_means, side_by_side

    results = evaluate_files(models, [data, *more], EvaluateOptions(**options), output)
    if as_json:
        click.echo(json_text([r.figures for r in results]))
        return 0
    for result in results:
        click.echo(report(result) + "\n")
    if len(results) > 1:
        click.echo(side_by_side(results))
    if more:
        click.echo("\n" + set_means(results, len(models)))
    if output:
        click.echo(f"written to {output}/")
    return 0


def train_main() -> None:
    """Console script ``fer-train``."""
    run_command(train_command, "fer-train")


def evaluate_main() -> None:
    """Console script ``fer-evaluate``."""
    run_command(evaluate_command, "fer-evaluate")


if __name__ == "__main__":
    train_main()
