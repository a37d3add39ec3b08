"""The networks by name: build one, count it, take one head out of it.

Keras is imported only when a network is built, so that this module costs nothing.
"""

from __future__ import annotations

import difflib
import logging
import os
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from fer_runtime.errors import ConfigError, ModelError, quiet_stderr
from fer_runtime.labels import EMOTIONS

from .frameworks import without_wrapped_libraries
from .heads import HEADS, emotion_columns

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NETWORKS: Final[dict[str, str]] = {
    "seed": "the founding document's plain CNN, softmax",
    "edge24": "six residual blocks, 24 filters: the shipped one",
    "edge8": "the same with 8 filters, for trying things out",
    "edge32": "the same with 32 filters",
    "teacher-resnet": "ResNet-18's shape with squeeze-and-excite",
    "teacher-vgg": "ten convolutions in VGG's shape",
    "edge24-gru": "edge24's features of a look at a face, then a step of a GRU",
}
"""Every network's name and what it is."""


@dataclass(frozen=True)
class NetworkSize:
    """How large a network is."""

    parameters: int
    """Weights, batch normalisation included."""
    multiply_adds: int
    """Multiply-adds of convolutions and dense layers for one input."""

    @property
    def float_bytes(self) -> int:
        """Bytes of the weights as float32."""
        return 4 * self.parameters


def build(
    name: str,
    *,
    heads: Sequence[str] = ("fer2013", "ferplus"),
    dropout: float = 0.2,
    weight_decay: float = 0.0,
    bn_momentum: float = 0.9,
) -> Any:
    """Build a network with fresh weights.

    Parameters
    ----------
    name
        One of `NETWORKS`.
    heads
        ``fer2013``, ``ferplus`` or both; the model's outputs are a dict with these keys.
    dropout
        Share of features dropped in training, 0–1.
    weight_decay
        λ of λ/2 · ‖w‖² on kernels; 0 for none.
    bn_momentum
        Of batch normalisation's running statistics; ``seed`` keeps Keras' own.

    Returns
    -------
    A Keras model from (N, 48, 48, 1) raw grey 0–255 to logits; ``seed`` ends in a softmax.
    ``edge24-gru`` is a step network, see `gru.edge_gru`.

    Raises
    ------
    ConfigError
        If the network or a head is unknown.
    """
    check_name(name)
    if not heads or set(heads) - set(HEADS) or len(set(heads)) != len(heads):
        raise ConfigError(f"heads: expected {' and/or '.join(HEADS)}, received {list(heads)}")
    import_keras()
    options: Any = {"dropout": dropout, "weight_decay": weight_decay}
    momentum: Any = {"bn_momentum": bn_momentum}
    label = name.replace("-", "_")
    if name == "seed":
        from .seed import seed

        return seed(heads, name=label, **options)
    if name == "edge24-gru":
        from .gru import edge_gru

        return edge_gru(heads, name=label, **options, **momentum)
    from . import edge

    if name.startswith("edge"):
        return edge.edge(int(name.removeprefix("edge")), heads, name=label, **options, **momentum)
    teacher = edge.teacher_resnet if name == "teacher-resnet" else edge.teacher_vgg
    return teacher(heads, name=label, **options, **momentum)


def check_name(name: str) -> None:
    """Raise ConfigError, with the nearest name, where there is no such network."""
    if name in NETWORKS:
        return
    near = difflib.get_close_matches(name, NETWORKS, 1)
    hint = f"did you mean {near[0]}?" if near else "see: fer-train networks"
    raise ConfigError(f"network: expected one of {', '.join(NETWORKS)}, received {name!r}", hint)


def is_recurrent(name: str) -> bool:
    """Tell whether the network called so remembers what it saw (``edge24-gru``)."""
    return name.endswith(("-gru", "_gru"))


def import_keras() -> Any:
    """Import Keras, or say what is missing in one line."""
    if "keras" in sys.modules:
        return sys.modules["keras"]
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        # TensorFlow greets, whatever it is told.
        with quiet_stderr(), without_wrapped_libraries():
            import keras
    except ImportError as error:
        raise ConfigError(
            f"Keras cannot be imported ({error})", "run: pip install 'fer-edge[train]'"
        ) from None
    # Keras advises against .h5 at every save; it is written where it is asked for.
    logging.getLogger("absl").setLevel(logging.ERROR)
    return keras


def exported_head(layers: Collection[str], record: Mapping[str, Any] | None) -> list[str]:
    """Return the head of a model that ``fer-train export`` wrote, in a list; else an empty one.

    Its last layer is called ``logits``, so that only the record says whose labels they are.
    """
    heads = [head for head in (record or {}).get("heads", {}) if head in HEADS]
    return heads if "logits" in layers and len(heads) == 1 else []


def model_heads(model: Any, record: Mapping[str, Any] | None = None) -> tuple[str, ...]:
    """Return which heads a model has; a foreign one with seven outputs counts as ``fer2013``.

    Raises ModelError where the outputs are neither.
    """
    names = {layer.name for layer in model.layers}
    found = tuple(head for head in HEADS if head in names)
    if found := found or tuple(exported_head(names, record)):
        return found
    shape = getattr(model, "output_shape", None)
    if isinstance(shape, tuple) and len(shape) == 2 and shape[1] == len(EMOTIONS):
        return ("fer2013",)
    raise ModelError(
        f"model {model.name}: expected heads {' and/or '.join(HEADS)} or one output of "
        f"{len(EMOTIONS)} classes, received outputs {shape}"
    )


def single_head(model: Any, head: str = "fer2013") -> Any:
    """Take one head out of a network: one output of seven logits.

    Parameters
    ----------
    model
        A model of `build`, or a foreign one that ends in a dense layer of seven classes in the
        order of EMOTIONS.
    head
        ``fer2013`` or ``ferplus``; the FER+ head is brought into the order of EMOTIONS and its
        contempt logit is left out.

    Returns
    -------
    A Keras model with the same input, the same (shared) trunk, without dropout before the head,
    and an output ``logits`` of shape (N, 7): what a softmax at the end would have been given.
    Of a step network the outputs are a dict of ``logits`` and ``state``.

    Raises
    ------
    ModelError
        If it has no such head, or does not end in a dense layer.
    """
    keras = import_keras()
    names = {layer.name: layer for layer in model.layers}
    heads = model_heads(model)
    if head not in heads and "logits" not in names:
        raise ModelError(
            f"model {model.name}: expected a head {head!r}, received {', '.join(heads)}"
        )
    dense = names.get(head) or _last_dense(keras, model)
    features = features_of(dense)
    columns = list(emotion_columns(head)) if head in names else list(range(len(EMOTIONS)))
    kernel, bias = kernel_and_bias(dense)
    out = keras.layers.Dense(len(EMOTIONS), name="logits")
    inputs, outputs = model.inputs[0], out(features)
    if "new_state" in names:
        inputs, outputs = model.inputs, {"logits": outputs, "state": names["new_state"].output}
    result = keras.Model(inputs, outputs, name=f"{model.name}_{head}")
    out.set_weights([kernel[:, columns], bias[columns]])
    return result


def features_of(dense: Any) -> Any:
    """Return what a head reads, (N, F), before the dropout that only training needs."""
    features = dense.input
    source = features._keras_history.operation
    return source.input if isinstance(source, import_keras().layers.Dropout) else features


def _last_dense(keras: Any, model: Any) -> Any:
    for layer in reversed(model.layers):
        if isinstance(layer, keras.layers.Dense):
            return layer
        if not isinstance(layer, keras.layers.Activation | keras.layers.Softmax):
            break
    raise ModelError(
        f"model {model.name}: expected a dense layer at its end, received "
        f"{type(model.layers[-1]).__name__}"
    )


def kernel_and_bias(dense: Any) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return a dense layer's weights, (F, C) and (C,); zeros where it has no bias."""
    import numpy as np

    weights = dense.get_weights()
    return weights[0], weights[1] if len(weights) > 1 else np.zeros(weights[0].shape[1], "float32")


def measure(model: Any) -> NetworkSize:
    """Count parameters and the multiply-adds of convolutions, dense layers and a GRU's step."""
    return NetworkSize(int(model.count_params()), _multiply_adds(import_keras(), model))


def _multiply_adds(keras: Any, model: Any) -> int:
    total = 0
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D):
            _, rows, columns, _ = layer.output.shape
            kernel = layer.kernel.shape  # (kh, kw, in, out)
            total += rows * columns * kernel[0] * kernel[1] * kernel[2] * kernel[3]
        elif isinstance(layer, keras.layers.Dense):
            total += layer.kernel.shape[0] * layer.kernel.shape[1]
        elif isinstance(layer, keras.layers.GRUCell):
            total += 3 * layer.units * (layer.kernel.shape[0] + layer.units)
        elif isinstance(layer, keras.Model):
            total += _multiply_adds(keras, layer)
    return int(total)
