"""The subcommands of ``fer-train``: parse, print, hand over."""

from __future__ import annotations

import json
import logging
import sys
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import click

from fer_runtime import __version__
from fer_runtime.errors import UsageError

from .progress import bar

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}

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


@train_command.command("fit")
@click.argument("data", metavar="DATA")
@click.option("-r", "--recipe", default="edge24", show_default=True, metavar="NAME|FILE",
              help="Name of a recipe of the package, or a YAML file.")  # fmt: skip
@click.option("-o", "--output", required=True, metavar="FOLDER", help="Folder of the run.")
@click.option("--resume", is_flag=True, help="Go on with the run in that folder.")
@click.option("--set", "changes", multiple=True, metavar="KEY=VALUE",
              help="Change one key of the recipe; may be repeated.")  # fmt: skip
@click.option("--init", metavar="FILE", help="Start from these weights (.keras, .h5, .npz).")
@click.option("--soft-labels", metavar="NPZ", help="Teachers' probabilities to learn from.")
@click.option("--teacher", metavar="KERAS", help="Or a Keras model to learn from.")
@click.option("--votes", metavar="CSV", help="FER+ votes [default: DATA/ferplus_votes.csv].")
@click.option("--limit", type=click.IntRange(0), default=0,
              help="Learn from so many pictures only, classes balanced.")  # fmt: skip
@click.option("--skip-bad", is_flag=True, help="Leave unreadable pictures out.")
@click.option("--detect-faces", is_flag=True,
              help="DATA holds whole photographs: crop the largest face of each.")  # fmt: skip
@click.option("--workers", type=click.IntRange(1, 64), default=2, show_default=True,
              help="Threads that prepare batches.")  # fmt: skip
@click.option("--threads", type=click.IntRange(0, 256), default=0,
              help="Threads of TensorFlow's operators; 0 for its own choice.")  # fmt: skip
@click.option("--checkpoint-steps", type=click.IntRange(0), default=0,
              help="A checkpoint every so many steps besides the one of each epoch.")  # fmt: skip
def fit_command(
    data: str,
    recipe: str,
    output: str,
    resume: bool,
    changes: tuple[str, ...],
    init: str | None,
    soft_labels: str | None,
    teacher: str | None,
    detect_faces: bool,
    **options: Any,
) -> int:
    """Train a network on DATA with a recipe; a killed run goes on with --resume."""
    from .fit.recipe import load_recipe
    from .fit.run import RunOptions, fit

    chosen = parse_changes(changes, init=init, soft_labels=soft_labels, teacher=teacher)
    if teacher or soft_labels:
        chosen.setdefault("distil", 0.8)
    path = fit(
        data,
        load_recipe(recipe, chosen),
        output,
        RunOptions(
            resume=resume,
            crop=_face_reader() if detect_faces else None,
            command=" ".join(["fer-train", *sys.argv[1:]]),
            started=datetime.now(timezone.utc).isoformat(timespec="seconds"),
            **options,
        ),
        time.monotonic,
        bar,
    )
    click.echo(f"{path}: trained; now: fer-evaluate {path} {data}")
    return 0


def parse_changes(pairs: tuple[str, ...], **named: str | None) -> dict[str, Any]:
    """Parse ``--set KEY=VALUE`` and add the options that have names of their own."""
    chosen: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise UsageError(f"--set: expected KEY=VALUE, received {pair!r}")
        chosen[key.strip()] = value
    return chosen | {key: value for key, value in named.items() if value is not None}


def _face_reader() -> Any:
    from fer_runtime.assets import asset_path
    from fer_runtime.faces.detector import YuNetDetector

    from .data.pictures import face_crop_reader

    return face_crop_reader(YuNetDetector(asset_path("yunet")))


@train_command.command("data-check")
@click.argument("data", metavar="DATA")
@click.option("-o", "--output", metavar="PNG", help="Draw a sheet of samples.")
@click.option("--json", "as_json", is_flag=True, help="Print all findings as JSON.")
def data_check_command(data: str, output: str | None, as_json: bool) -> int:
    """Report counts, unreadable, odd-sized, duplicate and leaking pictures; delete nothing.

    Ends with 65 where training would fail.
    """
    from .data.check import check_data, report
    from .data.datasets import open_dataset

    findings, train = check_data(open_dataset(data), bar)
    click.echo(json.dumps(findings.as_dict(), indent=1) if as_json else report(findings))
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
    from .fit.recipe import load_recipe
    from .fit.run import RunOptions
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
@click.option("--skip-bad", is_flag=True, help="Leave unreadable pictures out.")
def calibrate_command(model: str, data: str, split: Any, votes: str | None, skip_bad: bool) -> int:
    """Fit one temperature for each head and store it in the model file."""
    from .data.datasets import open_dataset
    from .judge.calibrate import calibrate

    pictures = open_dataset(data, votes).load(split, progress=bar, skip_bad=skip_bad)
    record = calibrate(model, pictures, f"{Path(data).name}/{split}")
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
def soft_labels_command(teachers: tuple[str, ...], data: str, output: str) -> int:
    """Ask teachers about every training picture; students then learn with --soft-labels."""
    from .data.datasets import open_dataset
    from .data.soft_labels import write_soft_labels
    from .judge.teachers import ask_teachers

    pictures = open_dataset(data).load("train", progress=bar)
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


@train_command.command("networks")
@click.option("--frames", type=click.IntRange(1, 64), default=8, show_default=True,
              help="Length of a sequence of edge24-gru.")  # fmt: skip
def networks(frames: int) -> int:
    """Table of the networks: parameters, multiply-adds, size."""
    from .nets.networks import NETWORKS, build, measure

    click.echo(f"{'network':<15} {'parameters':>11} {'MMACs':>7} {'float MB':>9} {'int8 MB':>8}")
    for name, what in NETWORKS.items():
        size = measure(build(name, frames=frames))
        click.echo(
            f"{name:<15} {size.parameters:>11,} {size.multiply_adds / 1e6:>7.0f} "
            f"{size.float_bytes / 1e6:>9.2f} {size.parameters / 1e6:>8.2f}  {what}"
        )
    return 0
