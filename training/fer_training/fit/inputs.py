"""What a run is told beside its recipe, and the pictures that it reads."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_runtime.errors import DataError
from fer_runtime.labels import EMOTIONS

from ..data.datasets import Pictures, open_dataset
from ..data.splits import data_digest, hold_out
from ..progress import Progress
from .recipe import Recipe

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunOptions:
    """What concerns the machine, not the result."""

    resume: bool = False
    """Go on with the run in the folder."""
    votes: str | None = None
    """Table of FER+ votes."""
    skip_bad: bool = False
    """Leave unreadable pictures out."""
    crop: Callable[[Path], NDArray[np.uint8]] | None = None
    """Makes a crop of a file; None for the runtime's `crop_picture`."""
    limit: int = 0
    """Learn from so many pictures only, classes balanced; 0 for all."""
    workers: int = 2
    """Threads that prepare batches."""
    threads: int = 0
    """Threads of TensorFlow's operators; 0 for its own choice."""
    bfloat16: bool = True
    """Multiply in bfloat16 where the processor can (TensorFlow only)."""
    checkpoint_steps: int = 0
    """A checkpoint every so many steps besides the one of each epoch."""
    order: str = ""
    """Of class folders named 0 to 6, see `data.class_folders`."""
    detect_faces: bool = False
    """The pictures are whole photographs: `crop` finds the largest face."""
    heads_asked: bool = False
    """The heads were named on the command line; votes must be there for them."""
    hours: float = 0.0
    """Fit the schedule into so much time; 0 for as many epochs as the recipe says."""
    stop: Callable[[], int] = lambda: 0
    """Asked before the first step and after each: the signal that ends the run, with a
    checkpoint; 0 while it goes on."""
    command: str = ""
    """The command line, for the record."""
    started: str = ""
    """When, ISO-8601, for the record."""

    def inputs(self, data: str) -> dict[str, Any]:
        """Return what a resumed run needs to read the same pictures."""
        return {
            "data": str(Path(data).absolute()),
            "votes": str(Path(self.votes).absolute()) if self.votes else None,
            "order": self.order,
            "limit": self.limit,
            "skip_bad": self.skip_bad,
            "detect_faces": self.detect_faces,
        }


@dataclass(frozen=True)
class RunData:
    """The pictures of a run."""

    learned: Pictures
    judged: Pictures | None
    digest: str
    """SHA-256 over names and pixels of all pictures, so that another set is noticed."""


def load_run_data(
    data: str, recipe: Recipe, options: RunOptions, progress: Progress | None
) -> RunData:
    """Read the pictures to learn from and to judge on.

    Raises DataError where a class has no pictures or there is no validation folder.
    """

    def load(split: Any) -> Pictures:
        more: dict[str, Any] = {"crop": options.crop} if options.crop else {}
        return dataset.load(
            split, progress=progress, skip_bad=options.skip_bad, seed=recipe.seed,
            limit=options.limit if split == "train" else 0, **more,
        )  # fmt: skip

    dataset = open_dataset(data, options.votes, options.order)
    train = load("train")
    counts = train.class_counts()
    if empty := [e for e in EMOTIONS if not counts[e]]:
        have = [e for e in EMOTIONS if counts[e]]
        raise DataError(
            f"data {data}: expected pictures of all seven classes in train, found none of "
            f"{', '.join(empty)} (only {', '.join(have)})",
            "a network cannot learn a class that it never sees: add pictures",
        )
    digest = data_digest(train)
    learned, judged = train, None
    if recipe.validation == "folder":
        if not dataset.has("validation"):
            raise DataError(
                f"data {data}: expected a folder validation/, found none",
                "use --set validation=split to hold out a share of train",
            )
        judged = load("validation")
    elif recipe.validation == "split" and recipe.split:
        first, second = hold_out(train, recipe.split, recipe.seed)
        if not len(second) or not len(first):
            raise DataError(f"data {data}: {len(train)} pictures are too few to hold some out")
        learned, judged = train.take(first), train.take(second)
    _LOGGER.info(
        "%d pictures to learn from%s", len(learned), f", {len(judged)} to judge" if judged else ""
    )
    return RunData(learned, judged, digest)


def without_votes(data: str, recipe: Recipe, options: RunOptions) -> Recipe:
    """Leave the FER+ head out where there are no votes and nobody asked for it by name."""
    if options.heads_asked or "ferplus" not in recipe.heads or recipe.heads == ("ferplus",):
        return recipe
    if open_dataset(data, options.votes, options.order).has_votes:
        return recipe
    _LOGGER.info(
        "no ferplus_votes.csv in %s: one head, fer2013 (fer-train votes makes such a table)", data
    )
    return replace(recipe, heads=("fer2013",))
