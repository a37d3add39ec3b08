"""What finished models say of every picture, for students to learn from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fer_runtime.errors import ModelError

from ..nets.heads import HEADS, Targets
from ..nets.model_io import load_model
from ..nets.networks import model_heads
from ..progress import Progress
from .heads import head_logits
from .metrics import softmax
from .predictors import forward


def ask_teachers(
    models: Sequence[str | Path], crops: NDArray[np.uint8], progress: Progress | None = None
) -> Targets:
    """Return the mean probabilities of several models, by head.

    Each sees every picture and its mirror image.

    Parameters
    ----------
    models
        Keras files with both heads.
    crops
        (N, 48, 48) uint8.

    Raises
    ------
    ModelError
        If a model has not both heads.
    """
    total: Targets = {
        head: np.zeros((len(crops), len(classes)), np.float32) for head, classes in HEADS.items()
    }
    views = (crops, crops[..., ::-1])
    for path in progress(models, "asking teachers") if progress else models:
        model = load_model(path)
        if set(model_heads(model)) != set(HEADS):
            raise ModelError(
                f"teacher {path}: expected heads {' and '.join(HEADS)}, received "
                f"{', '.join(model_heads(model))}"
            )
        run = forward(model)
        for view in views:
            for head, out in head_logits(run, view).items():
                ends_in_softmax = model.get_layer(head).activation.__name__ == "softmax"
                total[head] += out if ends_in_softmax else softmax(out).astype(np.float32)
    return {head: values / (len(models) * len(views)) for head, values in total.items()}
