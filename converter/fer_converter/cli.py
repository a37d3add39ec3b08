"""``fer-convert``: parse, print, hand over."""

from __future__ import annotations

import datetime
import os
from pathlib import Path

import click

from fer_runtime import __version__
from fer_runtime.command.console import CONTEXT, FiniteRange, run_command
from fer_runtime.errors import UsageError

from .convert import NotVerified, convert
from .job import CALIBRATION_COUNT, FEWEST_TO_VERIFY, VARIANTS, VERIFY_COUNT, Job
from .table import comparison_table, recall_table

_EXAMPLES = """

\b
Examples:
  fer-convert model.keras -o model.tflite --representative data/train
  fer-convert edge24.keras --head ferplus -o ferplus.tflite --quantize int8 \\
      --representative data/train --verify data/validation
  fer-convert foreign.h5 -o foreign.tflite --scale 1/255 \\
      --labels angry,disgust,fear,happy,neutral,sad,surprise
  fer-convert --inspect model.tflite
"""


@click.command(
    help="Convert a Keras network to a TFLite file, and prove that it answers the same."
    + _EXAMPLES,
    context_settings=CONTEXT,
)
@click.argument("model")
@click.option("-o", "--output", metavar="FILE", help="The .tflite to write.")
@click.option("--quantize", type=click.Choice([*VARIANTS, "auto"]),
              help="Default: auto with --representative, else dynamic.")  # fmt: skip
@click.option("--representative", metavar="DIR",
              help="Class folders of pictures that set the ranges of int8.")  # fmt: skip
@click.option("--representative-count", default=CALIBRATION_COUNT, show_default=True,
              type=click.IntRange(1), help="Pictures taken from it.")  # fmt: skip
@click.option("--verify", metavar="DIR",
              help="Pictures to compare on; default: validation/ beside --representative, else "
              "its rest, or the demo portrait.")  # fmt: skip
@click.option("--verify-count", default=VERIFY_COUNT, show_default=True,
              type=click.IntRange(FEWEST_TO_VERIFY),
              help="Pictures taken from it at most.")  # fmt: skip
@click.option("--order", type=click.Choice(["challenge", "alphabetical"]),
              help="Of class folders named 0 to 6: fer2013.csv's or the alphabet's.")  # fmt: skip
@click.option("--votes", metavar="CSV",
              help="FER+ votes, whose majority then is the true label.")  # fmt: skip
@click.option("--min-agreement", default=95.0, show_default=True, type=FiniteRange(0, 100),
              help="Percent of pictures that must keep their label.")  # fmt: skip
@click.option("--max-drop", default=0.3, show_default=True, type=FiniteRange(0, 100),
              help="Points of accuracy that auto may give up.")  # fmt: skip
@click.option("--head", default="", metavar="NAME",
              help="Head of a network that has several; blend makes one of two.")  # fmt: skip
@click.option("--blend", default=1 / 3, show_default="1/3", type=FiniteRange(0, 1),
              help="Weight of fer2013 in --head blend; ferplus gets the rest.")  # fmt: skip
@click.option("--labels", default="", metavar="A,B,...",
              help="Classes of a foreign network, in the order of its outputs.")  # fmt: skip
@click.option("--scale", default="", metavar="1/255",
              help="What a foreign network makes of pixels 0-255: 1/127.5-1, 1.")  # fmt: skip
@click.option("--color", type=click.Choice(["gray", "rgb", "bgr"]),
              help="Colour order of a foreign network.")  # fmt: skip
@click.option("--input-size", default="", metavar="HxW",
              help="Input size of a network that takes any.")  # fmt: skip
@click.option("--temperature", default="", metavar="T|fit",
              help="Calibration temperature, or fit it on the labelled pictures of --verify; "
              "default: the trainer's.")  # fmt: skip
@click.option("--name", default="", help="Short name written into the file.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0),
              help="Of the samples.")  # fmt: skip
@click.option("--inspect", is_flag=True, help="Describe MODEL; convert nothing.")
@click.version_option(__version__, "--version", prog_name="fer-convert")
def command(
    model: str,
    output: str | None,
    quantize: str | None,
    representative: str | None,
    representative_count: int,
    verify: str | None,
    verify_count: int,
    order: str | None,
    votes: str | None,
    min_agreement: float,
    max_drop: float,
    head: str,
    blend: float,
    labels: str,
    scale: str,
    color: str | None,
    input_size: str,
    temperature: str,
    name: str,
    seed: int,
    inspect: bool,
) -> int:
    """Do what the flags say."""
    if inspect:
        from .inspection import inspect_model

        text, code = inspect_model(Path(model))
        click.echo(text)
        return code
    if not output:
        raise UsageError("-o: expected the .tflite to write, received none")
    quantize = quantize or _default_quantization(representative)
    if quantize.startswith(("int8", "auto")) and not representative:
        raise UsageError(
            f"--quantize {quantize} needs real pictures to set the ranges of its activations; "
            "random ones would give a file that loads and answers wrongly",
            "give class folders of pictures with --representative DIR",
        )
    job = Job(
        source=model,
        variants=VARIANTS if quantize == "auto" else (quantize,),
        head=head,
        blend=blend,
        labels=tuple(text.strip() for text in labels.split(",") if text.strip()),
        scale=scale,
        color=color or "",
        input_size=input_size,
        temperature=temperature,
        name=name or Path(output).stem,
        representative=representative or "",
        calibration_count=representative_count,
        verify=verify or "",
        verify_count=verify_count,
        order=order or "",
        votes=votes or "",
        seed=seed,
        date=_today(),
    )
    try:
        outcome = convert(
            job,
            Path(output),
            min_agreement=min_agreement / 100,
            max_drop=max_drop / 100,
            auto=quantize == "auto",
            say=lambda text: click.echo(text, err=True),
        )
    except NotVerified as error:
        # The figures are what the user needs to decide what to do.
        click.echo(comparison_table(error.rows))
        raise
    click.echo(f"Compared with the original on {outcome.pictures}:\n")
    click.echo(comparison_table(outcome.rows, outcome.variant))
    recalls = recall_table(outcome.rows)
    if recalls:
        click.echo("\n" + recalls)
    click.echo(f"\nchosen: {outcome.reason}")
    click.echo(f"wrote {output} and {Path(output).with_suffix('.json')}")
    return 0


def _default_quantization(representative: str | None) -> str:
    if representative:
        return "auto"
    click.echo(
        "no --representative pictures: dynamic-range quantisation; int8, which is smaller and "
        "often faster, needs class folders of real pictures",
        err=True,
    )
    return "dynamic"


def _today() -> str:
    """Return the date, or that of SOURCE_DATE_EPOCH for builds that must repeat exactly."""
    fixed = os.environ.get("SOURCE_DATE_EPOCH")
    now = datetime.datetime.now(datetime.timezone.utc)
    if fixed and fixed.isdigit():
        now = datetime.datetime.fromtimestamp(int(fixed), datetime.timezone.utc)
    return now.date().isoformat()


def main() -> None:
    """Entry point."""
    run_command(command, "fer-convert")


if __name__ == "__main__":
    main()
