"""What changes with the step of a run: the learning rate, and how long its memory is."""

from __future__ import annotations

import math

from .recipe import Recipe


def learning_rate(recipe: Recipe, step: int, steps_per_epoch: int) -> float:
    """Return the learning rate of a step: linear warm-up, then cosine to 0 or constant."""
    warmup = recipe.warmup_epochs * steps_per_epoch
    total = recipe.epochs * steps_per_epoch
    if step < warmup:
        return recipe.learning_rate * (step + 1) / warmup
    if recipe.schedule == "constant":
        return recipe.learning_rate
    share = (step - warmup) / max(1.0, total - warmup)
    return recipe.learning_rate * 0.5 * (1.0 + math.cos(math.pi * share))


def ema_momentum(recipe: Recipe, total_steps: int) -> float:
    """Return the momentum of the running mean of the weights: ``min(ema, 1 - 10/total_steps)``.

    A mean over 1,000 steps (0.999) in a run of 400 would still be two thirds of the weights that
    the run began with; this one has forgotten all but e⁻¹⁰ of them at the end of any run. It
    follows from the length of the run alone, so that a resumed run goes on with the same.
    """
    if not recipe.ema:
        return 0.0
    return max(0.0, min(recipe.ema, 1.0 - 10.0 / max(1, total_steps)))
