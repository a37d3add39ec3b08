"""The record of a run, ``run.yaml``: what `fit` writes and what it resumes from."""

from __future__ import annotations

from pathlib import Path

import yaml

from fer_runtime.errors import ConfigError, DataError, UsageError

from ..atomic import output_error, write_text
from ..nets.networks import NETWORKS
from ..nets.record import Record
from .checkpoint import NAME as CHECKPOINT
from .recipe import Recipe

RUN_FILE = "run.yaml"


def check_folder(folder: Path, recipe: Recipe, resume: bool) -> None:
    """Make a new folder, or see that it holds a run of the same recipe to resume."""
    run_file = folder / RUN_FILE
    if not resume:
        if run_file.exists() or (folder / CHECKPOINT).exists():
            raise UsageError(
                f"{folder}: expected a new folder, it holds a run already",
                "go on with it: --resume, or choose another -o",
            )
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise output_error(folder, error) from None
        return
    try:
        saved = yaml.safe_load(run_file.read_text("utf-8"))
        old = dict(saved["recipe"])
    except FileNotFoundError:
        raise UsageError(
            f"{folder}: expected a run to resume, found no {RUN_FILE}", "start without --resume"
        ) from None
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError):
        raise ConfigError(f"{run_file}: expected the record of a run, it is damaged") from None
    new = recipe.as_dict()
    if different := [key for key in new if old.get(key) != new[key]]:
        key = different[0]
        raise ConfigError(
            f"{folder}: it holds a run of another recipe: {key} is {old.get(key)!r} there and "
            f"{new[key]!r} here ({len(different)} such keys)",
            "resume with the same recipe, or choose another -o",
        )


def check_same_data(folder: Path, digest: str) -> None:
    """See that the pictures, by their SHA-256, are those of the run; DataError if not."""
    saved = yaml.safe_load((folder / RUN_FILE).read_text("utf-8"))
    if saved.get("training", {}).get("data_sha256") != digest:
        raise DataError(
            f"{folder}: the pictures are not those with which the run was begun",
            "resume with the same data, or choose another -o",
        )


def write_run_file(folder: Path, recipe: Recipe, record: Record) -> None:
    """Write ``run.yaml``: everything that the run depends on."""
    body = {"network": NETWORKS[recipe.network], **record}
    text = yaml.safe_dump(body, sort_keys=False, allow_unicode=True, width=100)
    write_text(folder / RUN_FILE, f"# Everything that this run depends on.\n{text}")
