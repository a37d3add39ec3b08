"""The folder of a run: what it must hold so that the run goes on from it alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from fer_runtime.errors import ConfigError, DataError, FerError, UsageError

from ..atomic import output_error, write_text
from ..nets.networks import NETWORKS
from ..nets.record import Record
from .checkpoint import NAME as CHECKPOINT
from .recipe import Recipe, recipe_from_dict

RUN_FILE = "run.yaml"
BEST = "best.keras"


class Stopped(FerError):
    """A run that was told to stop and has written a checkpoint.

    Its status is the one that a shell gives a command that the signal `number` ended.
    """

    def __init__(self, number: int, message: str, remedy: str) -> None:
        super().__init__(message, remedy)
        self.exit_code = 128 + number


@dataclass(frozen=True)
class Begun:
    """What the folder of a run says of it."""

    recipe: Recipe
    data: str
    """Absolute path of the pictures; empty in folders of version 0.1."""
    options: dict[str, Any]
    """Those options of the command that decide which pictures are read."""


def validation_scores(row: Mapping[str, Any]) -> dict[str, float]:
    """Return the accuracy of each head, 0–1, that a row of ``history.csv`` has."""
    mark = "validation_"
    return {k.removeprefix(mark): float(v) for k, v in row.items() if k.startswith(mark)}


def read_run(folder: Path) -> Begun:
    """Read ``run.yaml``.

    Raises
    ------
    UsageError
        If there is no run in the folder.
    ConfigError
        If its record is damaged.
    """
    run_file = folder / RUN_FILE
    try:
        saved = yaml.safe_load(run_file.read_text("utf-8"))
        inputs = dict(saved.get("inputs") or {})
        recipe = recipe_from_dict(dict(saved["recipe"]), str(run_file))
        return Begun(recipe, str(inputs.pop("data", "")), inputs)
    except FileNotFoundError:
        raise UsageError(
            f"{folder}: expected a run to resume, found no {RUN_FILE}", "start without --resume"
        ) from None
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError):
        raise ConfigError(f"{run_file}: expected the record of a run, it is damaged") from None


def check_folder(folder: Path, recipe: Recipe, resume: bool) -> None:
    """Raise an error unless the folder is new or, with `resume`, holds a run of this recipe."""
    if not resume:
        # A run that ended before its first checkpoint left a record and nothing to go on with.
        if any((folder / name).exists() for name in (CHECKPOINT, BEST, "model.keras")):
            raise UsageError(
                f"{folder}: expected a new folder, it holds a run already",
                "go on with it: --resume, or choose another -o",
            )
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise output_error(folder, error) from None
        return
    old, new = read_run(folder).recipe.as_dict(), recipe.as_dict()
    if different := [key for key in new if old.get(key) != new[key]]:
        key = different[0]
        raise ConfigError(
            f"{folder}: it holds a run of another recipe: {key} is {old.get(key)!r} there and "
            f"{new[key]!r} here ({len(different)} such keys)",
            "resume with the same recipe, or choose another -o",
        )


def check_same_data(folder: Path, digest: str) -> None:
    """Raise DataError unless the run was begun with the pictures of this digest."""
    saved = yaml.safe_load((folder / RUN_FILE).read_text("utf-8"))
    if saved.get("training", {}).get("data_sha256") != digest:
        raise DataError(
            f"{folder}: the pictures are not those with which the run was begun",
            "resume with the same data, or choose another -o",
        )


def write_run_file(folder: Path, recipe: Recipe, record: Record, inputs: dict[str, Any]) -> None:
    """Write ``run.yaml``; `inputs` is what a resumed run needs to find its pictures."""
    body = {"network": NETWORKS[recipe.network], **record, "inputs": inputs}
    text = yaml.safe_dump(body, sort_keys=False, allow_unicode=True, width=100)
    write_text(folder / RUN_FILE, f"# Everything that this run depends on.\n{text}")
