"""``edge24-gru``: edge24's features over several crops of one face, then a GRU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from fer_runtime.model.crop import CROP_SIZE

from .blocks import Blocks
from .edge import edge
from .heads import HEADS


def edge_gru(
    heads: Sequence[str],
    *,
    dropout: float,
    weight_decay: float,
    bn_momentum: float,
    name: str,
    frames: int = 8,
    units: int = 64,
    filters: int = 24,
) -> Any:
    """Return the network: (N, frames, 48, 48, 1) raw grey 0–255 to probabilities by head.

    Parameters
    ----------
    frames
        Crops of one face, oldest first.
    units
        Width of the GRU (Cho et al. 2014).
    """
    trunk = edge(
        filters, heads, dropout=0.0, weight_decay=weight_decay, bn_momentum=bn_momentum,
        name="trunk",
    )  # fmt: skip
    trunk = keras.Model(trunk.input, trunk.get_layer("features").output, name="trunk")
    pixels = keras.Input((frames, CROP_SIZE, CROP_SIZE, 1), name="pixels")
    # Frame by frame rather than TimeDistributed: the graph then holds only plain convolutions,
    # which TensorFlow Lite's built-in operators know.
    steps = [trunk(FrameAt(i, name=f"frame{i}")(pixels)) for i in range(frames)]
    x = Stack(name="sequence")(steps)  # frames × (N, F) -> (N, frames, F)
    # unroll: a loop would need TensorFlow's own operators inside TensorFlow Lite.
    x = keras.layers.GRU(
        units, unroll=True, kernel_regularizer=Blocks(weight_decay).regularizer(), name="gru"
    )(x)
    x = keras.layers.Dropout(dropout, name="dropout")(x)
    outputs = {
        head: keras.layers.Dense(len(HEADS[head]), activation="softmax", name=head)(x)
        for head in heads
    }
    return keras.Model(pixels, outputs, name=name)


@keras.saving.register_keras_serializable(package="fer_training")
class FrameAt(keras.layers.Layer):  # type: ignore[misc]
    """Takes one frame out of a sequence: (N, T, H, W, C) to (N, H, W, C)."""

    def __init__(self, index: int, **options: Any) -> None:
        super().__init__(**options)
        self.index = index

    def call(self, x: Any) -> Any:
        """Return frame `index`."""
        return x[:, self.index]

    def get_config(self) -> dict[str, Any]:
        """Return what a saved file needs to make the layer again."""
        return {**super().get_config(), "index": self.index}


@keras.saving.register_keras_serializable(package="fer_training")
class Stack(keras.layers.Layer):  # type: ignore[misc]
    """Stacks T tensors (N, F) to (N, T, F)."""

    def call(self, steps: Any) -> Any:
        """Return the stack."""
        return keras.ops.stack(steps, axis=1)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the result."""
        return (input_shape[0][0], len(input_shape), input_shape[0][1])
