"""``fer-train fit`` and ``fer-train votes``: parse, hand over, print."""

from __future__ import annotations

import shlex
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import click

from fer_runtime.command.console import FiniteRange
from fer_runtime.errors import UsageError

from .cli_train import order_option, parse_changes, train_command
from .progress import bar, plural


@train_command.command("fit")
@click.argument("data", metavar="[DATA]", required=False)
@click.option("-r", "--recipe", metavar="NAME|FILE",
              help="Recipe of the package, or a YAML file.  [default: edge24]")  # fmt: skip
@click.option("-o", "--output", required=True, metavar="FOLDER", help="Folder of the run.")
@click.option("--resume", is_flag=True,
              help="Go on with the run in that folder; DATA and all else stand in it.")  # fmt: skip
@click.option("--hours", type=FiniteRange(min=0, min_open=True),
              help="Train for so long: as many epochs as this machine does in it.")  # fmt: skip
@click.option("--set", "changes", multiple=True, metavar="KEY=VALUE",
              help="Change one key of the recipe; may be repeated.")  # fmt: skip
@click.option("--init", metavar="FILE", help="Start from these weights (.keras, .h5, .npz).")
@click.option("--soft-labels", metavar="NPZ", help="Teachers' probabilities to learn from.")
@click.option("--teacher", metavar="KERAS", help="Or a Keras model to learn from.")
@click.option("--votes", metavar="CSV", help="FER+ votes [default: DATA/ferplus_votes.csv].")
@order_option
@click.option("--limit", type=click.IntRange(0), default=0,
              help="Learn from so many pictures only, classes balanced.")  # fmt: skip
@click.option("--skip-bad", is_flag=True, help="Leave unreadable pictures out.")
@click.option("--detect-faces", is_flag=True,
              help="DATA holds whole photographs: crop the largest face of each.")  # fmt: skip
@click.option("--workers", type=click.IntRange(1, 64), default=2, show_default=True,
              help="Threads that prepare batches.")  # fmt: skip
@click.option("--threads", type=click.IntRange(0, 256), default=0,
              help="Threads of TensorFlow's operators; 0 for its own choice.")  # fmt: skip
@click.option("--bfloat16/--float32", default=True,
              help="Multiply in bfloat16, the default where the processor can.")  # fmt: skip
@click.option("--checkpoint-steps", type=click.IntRange(0), default=0,
              help="A checkpoint every so many steps besides the one of each epoch.")  # fmt: skip
def fit_command(
    data: str | None,
    recipe: str | None,
    output: str,
    resume: bool,
    changes: tuple[str, ...],
    detect_faces: bool,
    hours: float | None,
    **options: Any,
) -> int:
    """Train a network on DATA with a recipe; a stopped or killed run goes on with --resume."""
    from .data.csv_data import refuse_face_search
    from .data.datasets import open_dataset
    from .data.pictures import face_crop_reader
    from .fit.inputs import RunOptions
    from .fit.recipe import load_recipe
    from .fit.run import fit
    from .fit.run_file import read_run

    if detect_faces and data:
        refuse_face_search(data)
    files = {key: options.pop(key) for key in ("init", "soft_labels", "teacher")}
    named = {key: str(Path(path).absolute()) for key, path in files.items() if path}
    chosen = parse_changes(changes) | named
    if "soft_labels" in named or "teacher" in named:
        chosen.setdefault("distil", 0.8)
    begun = read_run(Path(output)) if resume else None
    if begun and not data:
        data = begun.data
        detect_faces = bool(begun.options.pop("detect_faces", detect_faces))
        options |= begun.options
    if not data:
        remedy = f"{output} does not say it: give it again" if resume else ""
        raise UsageError("DATA: expected the folder of pictures, received none", remedy)
    known = begun.recipe if begun and not recipe and not chosen else None
    learnt = known or load_recipe(recipe or "edge24", chosen)
    with _told_to_stop() as stop:
        trained = fit(
            data,
            learnt,
            output,
            RunOptions(
                resume=resume,
                crop=face_crop_reader() if detect_faces else None,
                detect_faces=detect_faces,
                heads_asked="heads" in chosen,
                hours=hours or 0.0,
                stop=stop,
                command=" ".join(["fer-train", *sys.argv[1:]]),
                started=datetime.now(timezone.utc).isoformat(timespec="seconds"),
                **options,
            ),
            time.monotonic,
            bar,
        )
    apart = open_dataset(data, order=options["order"]).has("validation")
    asked = options | {"detect_faces": detect_faces, "seed": learnt.seed}
    click.echo(f"{trained.path}: trained; now: {_to_evaluate(trained.path, data, apart, asked)}")
    if trained.verdict:
        click.echo(trained.verdict.text)
    return 0


def _to_evaluate(path: Path, data: str, apart: bool, asked: dict[str, Any]) -> str:
    """Return the command that judges a trained model on the pictures as they were read."""
    words = ["fer-evaluate", str(path), data]
    keys = ["order", "votes"]
    if not apart:
        # The share that was held out is all there is to judge on, and found in the same pictures.
        words += ["--split", "held-out"]
        keys += ["limit", "seed"] if asked.get("limit") else []
    for key in keys:
        words += [f"--{key}", str(asked[key])] if asked.get(key) else []
    for key in ("skip_bad", "detect_faces"):
        words += [f"--{key.replace('_', '-')}"] if asked.get(key) else []
    return shlex.join(words)


class _Told:
    """Who was told to stop: asked by the trainer before its first step and after each."""

    def __init__(self) -> None:
        self._stepping = False
        self._told = 0

    def __call__(self) -> int:
        self._stepping = True
        return self._told

    def tell(self, number: int, _frame: Any) -> None:
        """Take a signal: before the first step, or at the second signal, end at once."""
        if self._told:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        self._told = number
        if not self._stepping:
            click.echo(
                "fer-train: stopped before the first step: this command has trained nothing, "
                "give it again",
                err=True,
            )
            raise SystemExit(128 + number)
        click.echo("stopping after this step ...", err=True)


@contextmanager
def _told_to_stop() -> Iterator[_Told]:
    """Take SIGTERM and Ctrl-C while the block runs."""
    told = _Told()
    old = {number: signal.signal(number, told.tell) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield told
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)


@train_command.command("votes")
@click.argument("table", metavar="fer2013new.csv")
@click.option("-o", "--output", default="ferplus_votes.csv", show_default=True, metavar="CSV",
              help="Table to write; it is found in the folder of the pictures.")  # fmt: skip
@click.option("--pictures", metavar="DATA", help="Folder of pictures that the votes are for.")
@click.option("--rows", metavar="fer2013.csv",
              help="The challenge's file, in which the pictures are looked for.")  # fmt: skip
@order_option
def votes_command(
    table: str, output: str, pictures: str | None, rows: str | None, order: str
) -> int:
    """Make the table of FER+ votes from FER+'s own file.

    Its rows are those of fer2013.csv. For training on that file this is all; for a folder of
    pictures give --pictures and --rows: each is found in fer2013.csv by its pixels.
    """
    from .atomic import write_text
    from .data.datasets import FolderDataset
    from .data.votes_table import names_of_folder, rows_of_csv, table_text

    if bool(pictures) != bool(rows):
        raise UsageError("--pictures and --rows: expected both, received one of them")
    votes = rows_of_csv(Path(table))
    names, said = None, f"{len(votes)} rows of fer2013.csv"
    if pictures and rows:
        data = FolderDataset(pictures, order=order)
        names = names_of_folder(data, Path(rows), bar)
        said = f"{len(names)} picture{plural(len(names))} of {pictures}"
    write_text(output, table_text(votes, names))
    click.echo(f"{output}: votes for {said}")
    return 0
