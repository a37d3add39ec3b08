"""The subcommands of ``fer-train``: parse, print, hand over."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from fer_runtime import __version__
from fer_runtime.command.console import CONTEXT
from fer_runtime.errors import UsageError

from .progress import bar

order_option = click.option(
    "--order", type=click.Choice(["challenge", "alphabetical"]),
    callback=lambda _context, _option, value: value or "",
    help="Of class folders named 0 to 6: fer2013.csv's or the alphabet's.",
)  # fmt: skip

_TRAIN_EXAMPLES = """

\b
Examples:
  fer-train data-check data/fer2013                       is the data sound?
  fer-train fit data/fer2013 -r edge24 -o runs/edge24     train; again with --resume after a kill
  fer-train fit data/fer2013 -r smoke -o runs/try         a minute, to see that all works
  fer-train sweep data/fer2013 -r edge24                  learning rates and batch sizes
  fer-train calibrate runs/edge24/model.keras data/fer2013
  fer-train export runs/edge24/model.keras --head ferplus -o ferplus.h5
  fer-train networks                                      parameters, multiply-adds, size
"""


@click.group(
    help="Train emotion networks on a folder of pictures or a fer2013.csv." + _TRAIN_EXAMPLES,
    context_settings=CONTEXT,
)
@click.option("--log-level", type=click.Choice(["debug", "info", "warning"]), default="info",
              show_default=True, help="How much to say on standard error.")  # fmt: skip
@click.version_option(__version__, "--version", prog_name="fer-train")
def train_command(log_level: str) -> None:
    """Set logging up; the subcommands do the work."""
    logging.basicConfig(level=log_level.upper(), format="%(levelname)s: %(message)s")
    logging.getLogger("matplotlib").setLevel(logging.WARNING)


def parse_changes(pairs: tuple[str, ...], **named: str | None) -> dict[str, Any]:
    """Parse ``--set KEY=VALUE`` and add the options that have names of their own."""
    chosen: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise UsageError(f"--set: expected KEY=VALUE, received {pair!r}")
        chosen[key.strip()] = value
    return chosen | {key: value for key, value in named.items() if value is not None}


@train_command.command("data-check")
@click.argument("data", metavar="DATA")
@click.option("-o", "--output", metavar="PNG", help="Draw a sheet of samples.")
@click.option("--json", "as_json", is_flag=True, help="Print all findings as JSON.")
@order_option
def data_check_command(data: str, output: str | None, as_json: bool, order: str) -> int:
    """Report counts, unreadable, odd-sized, duplicate and leaking pictures; delete nothing.

    Ends with 65 where training would fail.
    """
    from .atomic import json_text
    from .data.check import check_data, report
    from .data.datasets import open_dataset

    findings, train = check_data(open_dataset(data, order=order), bar)
    click.echo(json_text(findings.as_dict()) if as_json else report(findings))
    if output:
        from .judge.plots import sample_sheet

        sample_sheet(output, train)
    return 65 if findings.stops_training else 0


@train_command.command("sweep")
@click.argument("data", metavar="DATA")
@click.option("-r", "--recipe", default="edge24", show_default=True, metavar="NAME|FILE",
              help="Recipe to start from.")  # fmt: skip
@click.option("-o", "--output", default="runs/sweep", show_default=True, metavar="FOLDER",
              help="Folder of the trials.")  # fmt: skip
@click.option("--rates", default="0.02,0.05,0.1,0.2", show_default=True, metavar="A,B,...",
              help="Learning rates.")  # fmt: skip
@click.option("--batch-sizes", default="64,256", show_default=True, metavar="A,B,...",
              help="Batch sizes.")  # fmt: skip
@click.option("--epochs", type=click.IntRange(1), default=5, show_default=True,
              help="Length of each trial.")  # fmt: skip
@click.option("--set", "changes", multiple=True, metavar="KEY=VALUE",
              help="Change one key of the recipe; may be repeated.")  # fmt: skip
@click.option("--votes", metavar="CSV", help="FER+ votes [default: DATA/ferplus_votes.csv].")
@click.option("--limit", type=click.IntRange(0), default=0,
              help="Learn from so many pictures only, classes balanced.")  # fmt: skip
@click.option("--workers", type=click.IntRange(1, 64), default=2, show_default=True,
              help="Threads that prepare batches.")  # fmt: skip
@order_option
def sweep_command(
    data: str,
    recipe: str,
    output: str,
    rates: str,
    batch_sizes: str,
    epochs: int,
    changes: tuple[str, ...],
    **options: Any,
) -> int:
    """Try learning rates and batch sizes on a short schedule; print a table, best first."""
    from .fit.inputs import RunOptions
    from .fit.recipe import load_recipe
    from .fit.sweep import sweep, table

    chosen = parse_changes(changes) | {"epochs": epochs}
    trials = sweep(
        data,
        load_recipe(recipe, chosen),
        output,
        _numbers("--rates", rates, float),
        _numbers("--batch-sizes", batch_sizes, int),
        RunOptions(command=" ".join(["fer-train", *sys.argv[1:]]), **options),
        time.monotonic,
        bar,
    )
    click.echo(table(trials))
    return 0


def _numbers(flag: str, text: str, kind: Any) -> list[Any]:
    try:
        numbers = [kind(part) for part in text.split(",")]
        if not all(n > 0 for n in numbers):
            raise ValueError
    except ValueError:
        raise UsageError(f"{flag}: expected positive numbers A,B,..., received {text!r}") from None
    return numbers


@train_command.command("calibrate")
@click.argument("model", metavar="MODEL.keras")
@click.argument("data", metavar="DATA")
@click.option("--split", type=click.Choice(["validation", "train"]), default="validation",
              show_default=True, help="Which pictures.")  # fmt: skip
@click.option("--votes", metavar="CSV", help="FER+ votes [default: DATA/ferplus_votes.csv].")
@click.option("--soft-labels", metavar="NPZ", help="Teachers' probabilities it learnt from.")
@order_option
@click.option("--skip-bad", is_flag=True, help="Leave unreadable pictures out.")
def calibrate_command(model: str, data: str, **options: Any) -> int:
    """Fit one temperature for each head and store it in the model file.

    Where the file does not say how common each emotion was in its training, that is counted in
    DATA's train and stored too.
    """
    from .fit.calibrate_run import calibrate_file

    record = calibrate_file(model, data, **options)
    for head, entry in record["heads"].items():
        figures = entry["accuracy"]
        if not figures:
            click.echo(f"{head}: no labels of its own in {data}; its temperature is unchanged")
            continue
        click.echo(
            f"{head}: temperature {entry['temperature']:.4f}, accuracy "
            f"{100 * figures['accuracy']:.2f} % of {figures['n']}, calibration error "
            f"{figures['ece_uncalibrated']:.4f} -> {figures['ece_cross_fitted']:.4f} "
            "(cross-fitted)"
        )
    return 0


@train_command.command("export")
@click.argument("model", metavar="MODEL")
@click.option("--head", type=click.Choice(["fer2013", "ferplus"]), required=True,
              help="Which head.")  # fmt: skip
@click.option("-o", "--output", required=True, metavar="FILE", help="A .keras or .h5 to write.")
def export_command(model: str, head: str, output: str) -> int:
    """Write one head as a network of its own: seven logits."""
    from .judge.export import export_head

    export_head(model, head, output)
    click.echo(f"{output}: head {head}")
    return 0


@train_command.command("soft-labels")
@click.argument("teachers", nargs=-1, required=True, metavar="TEACHER...")
@click.argument("data", metavar="DATA")
@click.option("-o", "--output", required=True, metavar="NPZ", help="File to write.")
@order_option
def soft_labels_command(teachers: tuple[str, ...], data: str, output: str, order: str) -> int:
    """Ask teachers about every training picture; students then learn with --soft-labels."""
    from .data.datasets import open_dataset
    from .data.soft_labels import write_soft_labels
    from .judge.teachers import ask_teachers

    pictures = open_dataset(data, order=order).load("train", progress=bar)
    write_soft_labels(output, pictures.files, ask_teachers(teachers, pictures.crops, bar))
    click.echo(f"{output}: probabilities for {len(pictures)} pictures")
    return 0


@train_command.command("import-npz")
@click.argument("weights", metavar="WEIGHTS.npz")
@click.option("-o", "--output", required=True, metavar="FILE", help="A .keras or .h5 to write.")
def import_npz(weights: str, output: str) -> int:
    """Turn weights of an edge network, trained with PyTorch, into a Keras model."""
    from .nets.model_io import save_model
    from .nets.npz_weights import load_npz
    from .nets.record import new_record

    model = load_npz(weights)
    record = new_record()
    record["network"] = model.name
    record["training"] = {"imported_from": Path(weights).name}
    record["data"] = "FER-2013 training pictures with FER+ votes"
    save_model(model, output, record)
    click.echo(f"{output}: {model.name}, heads {', '.join(record['heads'])}")
    return 0


@train_command.command("average")
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@click.option("-o", "--output", required=True, metavar="FILE", help="A .keras or .h5 to write.")
@click.option("--shares", metavar="A,B,...", help="Weight of each model.  [default: all alike]")
def average_command(models: tuple[str, ...], output: str, shares: str | None) -> int:
    """Average the weights of models that were fine-tuned from the same start.

    Calibrate the result: fer-train calibrate.
    """
    from .nets.average import average

    return _made_of(models, output, shares, average, "mean")


@train_command.command("ensemble")
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@click.option("-o", "--output", required=True, metavar="FILE", help="A .keras or .h5 to write.")
@click.option("--shares", metavar="A,B,...", help="Weight of each model.  [default: all alike]")
def ensemble_command(models: tuple[str, ...], output: str, shares: str | None) -> int:
    """Make one network of models that were trained apart: the mean of their answers.

    It costs as much as they do together. Calibrate the result: fer-train calibrate.
    """
    from .nets.ensemble import ensemble

    return _made_of(models, output, shares, ensemble, "ensemble")


def _made_of(
    models: tuple[str, ...],
    output: str,
    shares: str | None,
    make: Callable[[Sequence[str], Sequence[float]], tuple[Any, Any]],
    word: str,
) -> int:
    weights = _numbers("--shares", shares, float) if shares else [1.0] * len(models)
    if len(weights) != len(models):
        raise UsageError(f"--shares: expected {len(models)} numbers, received {shares!r}")
    from .nets.model_io import save_model

    model, record = make(models, weights)
    save_model(model, output, record)
    click.echo(f"{output}: {word} of {', '.join(Path(m).name for m in models)}")
    return 0


@train_command.command("networks")
def networks() -> int:
    """Table of the networks: parameters, multiply-adds, size."""
    from .nets.networks import NETWORKS, build, measure

    click.echo(f"{'network':<15} {'parameters':>11} {'MMACs':>7} {'float MB':>9} {'int8 MB':>8}")
    for name, what in NETWORKS.items():
        size = measure(build(name))
        click.echo(
            f"{name:<15} {size.parameters:>11,} {size.multiply_adds / 1e6:>7.0f} "
            f"{size.float_bytes / 1e6:>9.2f} {size.parameters / 1e6:>8.2f}  {what}"
        )
    return 0
