"""Loss, optimiser and learning rate of a recipe, for Keras on any backend."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np

from .recipe import Recipe


def compile_model(model: Any, recipe: Recipe, total_steps: int) -> None:
    """Compile a model of `networks.build` with the recipe's loss and optimiser.

    `total_steps` is the length of the whole run, all epochs, in steps.
    """
    common: dict[str, Any] = {
        "learning_rate": recipe.learning_rate,
        "global_clipnorm": recipe.gradient_clip or None,
        "use_ema": recipe.ema > 0,
        "ema_momentum": ema_momentum(recipe, total_steps) if recipe.ema else 0.99,
    }
    if recipe.optimizer == "adam":
        optimizer = keras.optimizers.Adam(**common)
    else:
        optimizer = keras.optimizers.SGD(momentum=recipe.momentum, nesterov=True, **common)
    weights = {"fer2013": 1.0, "ferplus": recipe.ferplus_weight}
    model.compile(
        optimizer=optimizer,
        loss={head: cross_entropy(model.get_layer(head)) for head in recipe.heads},
        loss_weights={head: weights[head] for head in recipe.heads},
        # XLA's convolutions on a CPU are slower than TensorFlow's own.
        jit_compile="auto" if keras.backend.backend() != "tensorflow" else False,
    )
    optimizer.build(model.trainable_variables)


def ema_momentum(recipe: Recipe, total_steps: int) -> float:
    """Return the momentum of the running mean of the weights: ``min(ema, 1 - 10/total_steps)``.

    A mean over 1,000 steps (0.999) in a run of 400 would still be two thirds of the weights that
    the run began with; this one has forgotten all but e⁻¹⁰ of them at the end of any run. It
    follows from the length of the run alone, so that a resumed run goes on with the same.
    """
    if not recipe.ema:
        return 0.0
    return max(0.0, min(recipe.ema, 1.0 - 10.0 / max(1, total_steps)))


def cross_entropy(head: Any) -> Callable[[Any, Any], Any]:
    """Return -Σ t · log p of a head that ends in logits or in a softmax.

    Rows of targets need not sum to 1: a row of zeros adds nothing, a scaled one counts more.
    The backends' own cross-entropies assume a sum of 1 in their gradient.
    """
    softmax = getattr(head.activation, "__name__", "") == "softmax"

    def loss(targets: Any, outputs: Any) -> Any:
        if softmax:
            logs = keras.ops.log(keras.ops.maximum(outputs, 1e-7))
        else:
            logs = keras.ops.log_softmax(outputs, axis=-1)
        return -keras.ops.sum(targets * logs, axis=-1)

    return loss


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


@contextmanager
def averaged_weights(model: Any, recipe: Recipe) -> Iterator[None]:
    """Put the running mean of the weights into the model while the block runs."""
    if not recipe.ema:
        yield
        return
    variables = model.trainable_variables
    kept = [np.asarray(v) for v in variables]
    model.optimizer.finalize_variable_values(variables)
    try:
        yield
    finally:
        for variable, value in zip(variables, kept, strict=True):
            variable.assign(value)
