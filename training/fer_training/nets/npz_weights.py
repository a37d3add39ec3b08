"""Reads weights of edge networks that were trained with PyTorch and kept in an .npz.

Keys: ``f.0`` the stem's convolution, ``f.1`` its batch normalisation; ``f.3`` … ``f.8`` the
blocks, each with ``c1``, ``b1``, ``c2``, ``b2`` and, where the shapes differ, ``sc.1`` and
``sc.2``; ``h`` both heads in one dense layer, FER-2013's seven rows first.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_runtime.errors import ModelError

from ..atomic import NOT_NPZ
from .heads import HEADS
from .networks import build

_FIRST_BLOCK = 3  # f.2 is the stem's ReLU, which has no weights


def load_npz(path: str | Path) -> Any:
    """Build the network that an .npz holds: a Keras model with the heads fer2013 and ferplus.

    The number of filters is read from the stem. Raises ModelError where the file is missing,
    damaged, or holds another network.
    """
    arrays = _read(Path(path))
    stem = arrays.get("f.0.weight")
    if stem is None or stem.ndim != 4:
        raise ModelError(
            f"weights {path}: expected a convolution f.0.weight, received "
            f"{', '.join(sorted(arrays)[:5])}"
        )
    model = build(f"edge{stem.shape[0]}")
    _fill(model, arrays, str(path))
    return model


def _read(path: Path) -> dict[str, NDArray[np.float32]]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {key: np.asarray(archive[key], np.float32) for key in archive}
    except FileNotFoundError:
        raise ModelError(f"weights {path}: no such file") from None
    except NOT_NPZ as error:
        raise ModelError(f"weights {path}: expected an .npz archive: {error}") from None


def _fill(model: Any, arrays: dict[str, NDArray[np.float32]], path: str) -> None:
    used: set[str] = set()

    def take(key: str) -> NDArray[np.float32]:
        if key not in arrays:
            raise ModelError(f"weights {path}: expected an array {key}, found none")
        used.add(key)
        return arrays[key]

    def assign(layer: str, weights: list[NDArray[np.float32]]) -> None:
        target = model.get_layer(layer)
        wanted = [tuple(w.shape) for w in target.weights]
        received = [w.shape for w in weights]
        if wanted != received:
            raise ModelError(f"weights {path}: {layer}: expected {wanted}, received {received}")
        target.set_weights(weights)

    def conv_bn(layer: str, conv: str, bn: str) -> None:
        # (out, in, kh, kw) -> (kh, kw, in, out)
        assign(f"{layer}_conv", [take(f"{conv}.weight").transpose(2, 3, 1, 0)])
        keys = ("weight", "bias", "running_mean", "running_var")
        assign(f"{layer}_bn", [take(f"{bn}.{key}") for key in keys])

    conv_bn("stem", "f.0", "f.1")
    names = {layer.name for layer in model.layers}
    block = 1
    while f"block{block}_add" in names:
        key = f"f.{block + _FIRST_BLOCK - 1}"
        conv_bn(f"block{block}_1", f"{key}.c1", f"{key}.b1")
        conv_bn(f"block{block}_2", f"{key}.c2", f"{key}.b2")
        if f"block{block}_short_conv" in names:
            conv_bn(f"block{block}_short", f"{key}.sc.1", f"{key}.sc.2")
        block += 1
    kernel, bias = take("h.weight").T, take("h.bias")  # (out, in) -> (in, out)
    start = 0
    for head, classes in HEADS.items():
        columns = slice(start, start + len(classes))
        assign(head, [kernel[:, columns], bias[columns]])
        start += len(classes)
    if unused := sorted(set(arrays) - used):
        raise ModelError(f"weights {path}: holds what edge networks have not: {unused[:5]}")
