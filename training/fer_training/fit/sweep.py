"""Tries learning rates and batch sizes on a short schedule."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from fer_runtime.errors import FerError

from ..progress import Progress
from .inputs import RunOptions
from .recipe import Recipe
from .run import fit
from .run_file import validation_scores


@dataclass(frozen=True)
class Trial:
    """One combination and how it went."""

    learning_rate: float
    batch_size: int
    scores: dict[str, float]
    """Held-out accuracy by head, 0–1; empty where training diverged."""
    loss: float
    """Training loss of the last epoch; NaN where it diverged."""
    seconds: float

    @property
    def score(self) -> float:
        """Mean accuracy of the heads; -1 where training diverged."""
        return sum(self.scores.values()) / len(self.scores) if self.scores else -1.0


def sweep(
    data: str,
    recipe: Recipe,
    folder: str | Path,
    rates: Sequence[float],
    batch_sizes: Sequence[int],
    options: RunOptions,
    clock: Callable[[], float],
    progress: Progress | None = None,
) -> list[Trial]:
    """Train every combination in a folder of its own; return the trials, best first.

    A combination whose folder holds its finished run is not trained again, so that a sweep
    that was stopped goes on where it was.

    Parameters
    ----------
    recipe
        With the short schedule to try on; must hold out a share of train or use a validation
        folder.
    """
    trials = []
    for rate in rates:
        for size in batch_sizes:
            place = Path(folder) / f"lr{rate:g}-batch{size}"
            tried = replace(recipe, learning_rate=rate, batch_size=size)
            began = clock()
            resume = (place / "run.yaml").exists() and (place / "checkpoint.npz").exists()
            try:
                fit(data, tried, place, replace(options, resume=resume), clock, progress)
                trials.append(_trial(place, rate, size, clock() - began))
            except FerError as error:
                if "diverged" not in str(error):
                    raise
                trials.append(Trial(rate, size, {}, float("nan"), clock() - began))
    return sorted(trials, key=lambda t: -t.score)


def _trial(folder: Path, rate: float, size: int, seconds: float) -> Trial:
    with (folder / "history.csv").open(newline="", encoding="utf-8") as file:
        last = list(csv.DictReader(file))[-1]
    return Trial(rate, size, validation_scores(last), float(last["loss"]), seconds)


def table(trials: Sequence[Trial]) -> str:
    """Return one line for each trial, best first."""
    heads = list(dict.fromkeys(head for t in trials for head in t.scores))
    lines = [
        f"{'learning rate':>13} {'batch':>6} {'loss':>8}"
        + "".join(f" {h + ' %':>10}" for h in heads)
        + f" {'seconds':>8}"
    ]
    for t in trials:
        cells = "".join(
            f" {100 * t.scores[h]:>10.2f}" if h in t.scores else f" {'diverged':>10}"
            for h in heads or ["-"]
        )
        lines.append(
            f"{t.learning_rate:>13g} {t.batch_size:>6} {t.loss:>8.4f}{cells} {t.seconds:>8.1f}"
        )
    return "\n".join(lines)
