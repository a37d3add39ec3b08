"""``seed``: the plain convolutional network of the project's founding document.

Its five convolution blocks are given there layer for layer. Its dense head, optimiser and loss
are not in the surviving text; Flatten, Dense 512 and 256 with batch normalisation and dropout,
Adam 1e-3 and cross-entropy are our reconstruction.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from .blocks import Blocks, raw_input
from .heads import HEADS

_FILTERS_KERNELS = ((32, 3), (64, 5), (128, 3), (256, 3), (512, 3))
_DENSE = (512, 256)


def seed(heads: Sequence[str], *, dropout: float, weight_decay: float, name: str) -> Any:
    """Return the network: (N, 48, 48, 1) raw grey 0–255 to probabilities by head.

    It ends in a softmax, as in the document; `networks.single_head` takes the logits before it.
    """
    blocks = Blocks(weight_decay)
    pixels = raw_input()
    x = pixels  # raw 0-255: the document does not standardise, its first batch norm does
    for index, (filters, kernel) in enumerate(_FILTERS_KERNELS, start=1):
        x = keras.layers.Conv2D(
            filters, kernel, padding="same",
            kernel_regularizer=blocks.regularizer(), name=f"conv{index}",
        )(x)  # fmt: skip
        x = keras.layers.BatchNormalization(name=f"conv{index}_bn")(x)
        x = keras.layers.Activation("relu", name=f"conv{index}_relu")(x)
        x = keras.layers.MaxPooling2D(2, name=f"conv{index}_pool")(x)
        x = keras.layers.Dropout(dropout, name=f"conv{index}_dropout")(x)
    x = keras.layers.Flatten(name="flatten")(x)
    for index, units in enumerate(_DENSE, start=1):
        x = keras.layers.Dense(units, kernel_regularizer=blocks.regularizer(),
                               name=f"dense{index}")(x)  # fmt: skip
        x = keras.layers.BatchNormalization(name=f"dense{index}_bn")(x)
        x = keras.layers.Activation("relu", name=f"dense{index}_relu")(x)
        x = keras.layers.Dropout(dropout, name=f"dense{index}_dropout")(x)
    outputs = {
        head: keras.layers.Dense(len(HEADS[head]), activation="softmax", name=head)(x)
        for head in heads
    }
    return keras.Model(pixels, outputs, name=name)
