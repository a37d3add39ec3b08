"""Grows a trained network into a wider one that computes the same.

Chen et al. 2016, "Net2Net": a channel that is new copies a trained one, and what reads the two
shares the old weight between them. Training then goes on from what the narrow one knew.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fer_runtime.errors import ConfigError

_GROWS: Final = ("Conv2D", "BatchNormalization", "Dense")

_Choose = Callable[[int, int], NDArray[np.intp]]


def widen(source: Any, model: Any, seed: int) -> None:
    """Fill `model` so that it answers as `source`, whose layers have fewer channels.

    Parameters
    ----------
    source
        A trained network of convolutions, batch normalisation and dense layers.
    model
        The same layers by name, each with as many channels or more.
    seed
        Of which channels are copied, and of how their readers share a weight. The shares are
        uneven (0–1, uniform), so that copies get different gradients and part.

    Raises
    ------
    ConfigError
        If a layer is missing, or has fewer channels than the source's.
    """
    rng = np.random.default_rng(seed)
    chosen: dict[tuple[int, int], NDArray[np.intp]] = {}

    def choose(narrow: int, wide: int) -> NDArray[np.intp]:
        # One choice for each pair of widths: what a shortcut adds must be copied alike.
        if (narrow, wide) not in chosen:
            extra = rng.permutation(np.arange(wide - narrow) % narrow)
            chosen[narrow, wide] = np.concatenate([np.arange(narrow), extra])
        return chosen[narrow, wide]

    theirs = {layer.name: layer for layer in source.layers}
    for layer in model.layers:
        if not layer.weights:
            continue
        other = theirs.get(layer.name)
        if other is None or type(layer).__name__ not in _GROWS or not _wider(layer, other):
            raise ConfigError(
                f"init: expected weights of {model.name} or of a narrower one, received "
                f"{source.name} with {_shapes(other)} for {layer.name}'s {_shapes(layer)}",
                "choose the same network and heads in the recipe, or a wider network",
            )
        layer.set_weights([
            _grown(old, new.shape, choose, rng)
            for old, new in zip(other.get_weights(), layer.get_weights(), strict=True)
        ])  # fmt: skip


def _grown(
    old: NDArray[np.float32], shape: tuple[int, ...], choose: _Choose, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Return one array in its new shape: (..., in, out) of a kernel, or (channels,)."""
    new = old[..., choose(old.shape[-1], shape[-1])]
    if old.ndim == 1:
        return new
    source = choose(old.shape[-2], shape[-2])
    new = new[..., source, :]
    # Of the copies of an input each gets a share of the weight; together they have it whole.
    shares = rng.uniform(size=(shape[-2], shape[-1]))
    shares[np.bincount(source)[source] == 1] = 1.0
    whole = np.zeros((old.shape[-2], shape[-1]))
    np.add.at(whole, source, shares)
    return (new * (shares / whole[source])).astype(np.float32)


def _wider(layer: Any, other: Any) -> bool:
    ours, theirs = _shapes(layer), _shapes(other)
    return len(ours) == len(theirs) and all(
        len(a) == len(b) and a[:-2] == b[:-2] and all(m >= n for m, n in zip(a, b, strict=True))
        for a, b in zip(ours, theirs, strict=True)
    )


def _shapes(layer: Any) -> list[tuple[int, ...]]:
    return [] if layer is None else [tuple(w.shape) for w in layer.weights]
