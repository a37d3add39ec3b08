"""Fits a schedule into a time: so many epochs as the machine does in it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..nets.heads import Targets
from .recipe import Recipe

_LOGGER = logging.getLogger(__name__)
_WARM_UP: Final = 4
_TIMED: Final = 10
_TRAINING_SHARE: Final = 0.92
"""Of the time; the rest goes to judging each epoch and to writing."""


def schedule_for(recipe: Recipe, hours: float, step_s: float, all_steps: int) -> Recipe:
    """Return the recipe with as many epochs as fit into `hours`.

    Parameters
    ----------
    step_s
        Seconds of one step.
    all_steps
        Steps of a whole epoch.

    Notes
    -----
    Where not even one epoch fits, it is cut short. The warm-up keeps to a tenth of the run.
    """
    steps = max(1, int(hours * 3600.0 * _TRAINING_SHARE / step_s))
    if steps < all_steps:
        return replace(recipe, epochs=1, steps_per_epoch=steps,
                       warmup_epochs=min(recipe.warmup_epochs, 0.1))  # fmt: skip
    epochs = steps // all_steps
    return replace(recipe, epochs=epochs, warmup_epochs=min(recipe.warmup_epochs, epochs / 10))


def timed_schedule(
    model: Any,
    crops: NDArray[np.uint8],
    targets: Targets,
    recipe: Recipe,
    hours: float,
    workers: int,
    clock: Callable[[], float],
) -> Recipe:
    """Time some steps of `model`, which is spoilt by it, and return the recipe that fits."""
    from .batches import Batches
    from .optimise import compile_model

    batches = Batches(crops, targets, recipe, workers)
    compile_model(model, recipe, len(batches))
    feed = batches.from_step(0)
    began, done = clock(), 0
    for number, (pixels, wanted) in enumerate(feed):
        if number == min(_WARM_UP, len(batches) - 1):
            began, done = clock(), 0
        model.train_on_batch(pixels, wanted)
        done += 1
        if number == _WARM_UP + _TIMED:
            break
    step_s = (clock() - began) / done
    feed.close()  # type: ignore[attr-defined]
    fitted = schedule_for(recipe, hours, step_s, batches.steps_per_epoch)
    _LOGGER.info(
        "%.0f pictures/s: %d epochs of %d steps fit into %g hours",
        batches.batch_size / step_s, fitted.epochs,
        fitted.steps_per_epoch or batches.steps_per_epoch, hours,
    )  # fmt: skip
    return fitted
