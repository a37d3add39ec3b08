"""The small networks that are shipped, and their teachers.

``edge24`` is a residual network of six blocks; `teacher-resnet` has ResNet-18's shape with
squeeze-and-excite, `teacher-vgg` VGG's (Simonyan & Zisserman 2015), both made for 48×48.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from .blocks import Blocks, raw_input, standardise

# (width in units of the first layer's filters, stride) of the residual blocks.
_EDGE_BLOCKS = ((1, 1), (2, 2), (2, 1), (4, 2), (4, 1), (8, 2))
_TEACHER_BLOCKS = ((1, 1), (1, 1), (2, 2), (2, 1), (4, 2), (4, 1), (8, 2), (8, 1))
_VGG_STAGES = ((64, 2), (128, 2), (256, 3), (512, 3))


def edge(
    filters: int,
    heads: Sequence[str],
    *,
    dropout: float,
    weight_decay: float,
    bn_momentum: float,
    name: str,
) -> Any:
    """Return the residual network with `filters` in its first layer.

    Maps (N, 48, 48, 1) raw grey 0–255 to a dict of logits by head.
    """
    return _residual(
        _EDGE_BLOCKS, filters, 0, heads, dropout, Blocks(weight_decay, bn_momentum), name
    )


def teacher_resnet(
    heads: Sequence[str], *, dropout: float, weight_decay: float, bn_momentum: float, name: str
) -> Any:
    """Return ResNet-18's eight blocks, 64 filters, each with a squeeze-and-excite gate."""
    return _residual(
        _TEACHER_BLOCKS, 64, 16, heads, dropout, Blocks(weight_decay, bn_momentum), name
    )


def teacher_vgg(
    heads: Sequence[str], *, dropout: float, weight_decay: float, bn_momentum: float, name: str
) -> Any:
    """Return ten 3×3 convolutions in four pooled stages and one dense layer of 512."""
    blocks = Blocks(weight_decay, bn_momentum)
    pixels = raw_input()
    x = standardise(pixels)
    for stage, (filters, count) in enumerate(_VGG_STAGES):
        for index in range(count):
            x = blocks.conv_bn(x, filters, 3, relu=True, name=f"s{stage}_{index}")
        x = keras.layers.MaxPooling2D(2, name=f"s{stage}_pool")(x)
        x = keras.layers.Dropout(dropout / 2, name=f"s{stage}_dropout")(x)
    x = keras.layers.Flatten(name="flatten")(x)
    x = keras.layers.Dense(
        512, use_bias=False, kernel_initializer="he_normal",
        kernel_regularizer=blocks.regularizer(), name="dense",
    )(x)  # fmt: skip
    x = keras.layers.BatchNormalization(name="dense_bn")(x)
    x = keras.layers.ReLU(name="dense_relu")(x)
    return blocks.finish(pixels, x, heads, dropout, name)


def _residual(
    shape: Sequence[tuple[int, int]],
    filters: int,
    se: int,
    heads: Sequence[str],
    dropout: float,
    blocks: Blocks,
    name: str,
) -> Any:
    pixels = raw_input()
    x = blocks.conv_bn(standardise(pixels), filters, 3, relu=True, name="stem")
    for index, (width, stride) in enumerate(shape, start=1):
        x = blocks.residual(x, filters * width, stride=stride, name=f"block{index}", se=se)
    x = keras.layers.GlobalAveragePooling2D(name="features")(x)
    return blocks.finish(pixels, x, heads, dropout, name)
