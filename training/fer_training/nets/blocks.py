"""Building blocks of the networks; imports Keras, so import it only where a network is built."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from fer_runtime.model.crop import CROP_SIZE

from .heads import HEADS

MEAN = 0.5077
"""Mean of FER-2013's training pixels, of 0–1."""
STD = 0.2550
"""Their standard deviation, of 0–1."""
BN_EPSILON = 1e-5


def raw_input() -> Any:
    """Return the input: (N, 48, 48, 1), raw grey 0–255."""
    return keras.Input((CROP_SIZE, CROP_SIZE, 1), name="pixels")


def standardise(x: Any) -> Any:
    """(x / 255 - mean) / std, inside the network so that every caller gives raw pixels."""
    return keras.layers.Rescaling(1.0 / (255.0 * STD), offset=-MEAN / STD, name="standardise")(x)


class Blocks:
    """Convolution blocks that share one weight decay.

    Parameters
    ----------
    weight_decay
        Coefficient λ of λ/2 · ‖w‖² on convolution and dense kernels; 0 for none.
    bn_momentum
        Momentum of the running statistics of batch normalisation.
    """

    def __init__(self, weight_decay: float = 0.0, bn_momentum: float = 0.9) -> None:
        # Keras' L2 is c · ‖w‖², so that its gradient 2cw equals λw with c = λ/2.
        self._decay = weight_decay / 2.0
        self._momentum = bn_momentum

    def regularizer(self) -> Any:
        """Return a fresh kernel regulariser, or None."""
        return keras.regularizers.L2(self._decay) if self._decay else None

    def conv_bn(
        self, x: Any, filters: int, kernel: int, *, stride: int = 1, relu: bool, name: str
    ) -> Any:
        """Convolution without bias, batch normalisation, optionally ReLU."""
        if stride > 1:
            # TensorFlow's "same" pads a strided convolution unevenly; this pads 1 on all sides.
            x = keras.layers.ZeroPadding2D(kernel // 2, name=f"{name}_pad")(x)
        x = keras.layers.Conv2D(
            filters,
            kernel,
            strides=stride,
            padding="valid" if stride > 1 else "same",
            use_bias=False,
            kernel_initializer="he_normal",
            kernel_regularizer=self.regularizer(),
            name=f"{name}_conv",
        )(x)
        x = keras.layers.BatchNormalization(
            epsilon=BN_EPSILON, momentum=self._momentum, name=f"{name}_bn"
        )(x)
        return keras.layers.ReLU(name=f"{name}_relu")(x) if relu else x

    def residual(self, x: Any, filters: int, *, stride: int, name: str, se: int = 0) -> Any:
        """Two 3×3 convolutions and a shortcut (He et al. 2016).

        Parameters
        ----------
        stride
            1 or 2; with 2 the shortcut is an average pool and a 1×1 convolution.
        se
            Reduction of a squeeze-and-excite gate (Hu et al. 2018); 0 for none.
        """
        y = self.conv_bn(x, filters, 3, stride=stride, relu=True, name=f"{name}_1")
        y = self.conv_bn(y, filters, 3, relu=False, name=f"{name}_2")
        if se:
            y = self._squeeze_excite(y, filters, se, name)
        if stride > 1:
            x = keras.layers.AveragePooling2D(2, name=f"{name}_pool")(x)
        if stride > 1 or x.shape[-1] != filters:
            x = self.conv_bn(x, filters, 1, relu=False, name=f"{name}_short")
        y = keras.layers.Add(name=f"{name}_add")([y, x])
        return keras.layers.ReLU(name=f"{name}_relu")(y)

    def _squeeze_excite(self, x: Any, filters: int, reduction: int, name: str) -> Any:
        gate = keras.layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_squeeze")(x)
        gate = keras.layers.Conv2D(filters // reduction, 1, activation="relu",
                                   name=f"{name}_reduce")(gate)  # fmt: skip
        gate = keras.layers.Conv2D(filters, 1, activation="sigmoid", name=f"{name}_gate")(gate)
        return keras.layers.Multiply(name=f"{name}_scale")([x, gate])

    def finish(
        self, pixels: Any, features: Any, heads: Sequence[str], dropout: float, name: str
    ) -> Any:
        """Dropout and one dense head of logits for each name in `heads`; return the model.

        The outputs are a dict by head name.
        """
        x = keras.layers.Dropout(dropout, name="dropout")(features)
        outputs = {
            head: keras.layers.Dense(
                len(HEADS[head]), kernel_regularizer=self.regularizer(), name=head
            )(x)
            for head in heads
        }
        return keras.Model(pixels, outputs, name=name)
