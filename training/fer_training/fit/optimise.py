"""Loss and optimiser of a recipe, for Keras on any backend."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np

from .fused_norm import fuse_batch_norms
from .processor import uses_bfloat16
from .recipe import Recipe
from .schedule import ema_momentum


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
    # A fifth faster in float32; in bfloat16 nothing is gained, and the kernel rounds more.
    if keras.backend.backend() == "tensorflow" and not uses_bfloat16():
        fuse_batch_norms(model)


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
