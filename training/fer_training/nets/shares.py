"""How common each emotion is in what a head learnt from: the prior that its logits carry.

Logits without it (Menon et al. 2021, logit adjustment) say how well a face fits each emotion;
whoever uses them puts the prior of the place on, see `fer_runtime.prior`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_runtime.labels import EMOTIONS

from .heads import emotion_columns

Shares = dict[str, float]
"""Share of each of the seven emotions, summing to 1."""


def shares_of(head: str, targets: NDArray[np.float32]) -> Shares:
    """Return the mean target of each emotion.

    Parameters
    ----------
    head
        ``fer2013`` or ``ferplus``.
    targets
        (N, C) what the head is to answer, in the head's own order; contempt and rows of zeros
        count for nothing.
    """
    seven = np.asarray(targets[:, list(emotion_columns(head))].sum(axis=0), np.float64)
    # A class that never occurs is rare, not impossible: its logarithm must be finite.
    seven = np.maximum(seven, 0.5)
    return {e: round(float(v), 6) for e, v in zip(EMOTIONS, seven / seven.sum(), strict=True)}


def log_shares(shares: Mapping[str, float]) -> NDArray[np.float32]:
    """Return log shares, (7,) float32 in the order of EMOTIONS; zeros where none are known."""
    if not shares:
        return np.zeros(len(EMOTIONS), np.float32)
    return np.log([shares[e] for e in EMOTIONS]).astype(np.float32)


def record_shares(record: Mapping[str, Any] | None, head: str) -> Shares:
    """Return the shares that a model's record holds for a head; empty where it holds none."""
    entry = (record or {}).get("heads", {}).get(head, {})
    return dict(entry.get("shares") or {})


def without_prior(network: Any, temperature: float, shares: Mapping[str, float]) -> None:
    """Take the prior out of a network of `networks.single_head`, in the bias of its last layer.

    ``logits / temperature`` then are the log likelihoods of the face, up to a constant.
    """
    kernel, bias = network.get_layer("logits").get_weights()
    free = bias - np.float32(temperature) * log_shares(shares)
    network.get_layer("logits").set_weights([kernel, free])


def blend_heads(model: Any, record: Mapping[str, Any] | None, share: float) -> tuple[Any, Shares]:
    """Make one head of two: the weighted mean of their tempered logits, without priors.

    Both are dense layers on one trunk, so that the mean is one dense layer too and costs
    nothing. As logits it is the product of the two opinions, each to the power of its weight.

    Parameters
    ----------
    model
        A network with the heads ``fer2013`` and ``ferplus``.
    record
        Its record, for temperatures and shares.
    share
        Weight of ``fer2013``, 0–1; ``ferplus`` gets the rest.

    Returns
    -------
    A network as of `networks.single_head`, and the shares that were taken out: the weighted
    geometric mean, empty where one of the heads does not say its own.
    """
    from .networks import single_head
    from .record import temperature_of

    weights = {"fer2013": share, "ferplus": 1.0 - share}
    kernel: Any = 0.0
    bias: Any = 0.0
    mixed = np.zeros(len(EMOTIONS))
    known = all(record_shares(record, head) for head in weights)
    for head, weight in weights.items():
        own = single_head(model, head).get_layer("logits").get_weights()
        scale = weight / temperature_of(dict(record or {}), head)
        logs = log_shares(record_shares(record, head)) if known else np.zeros(len(EMOTIONS))
        kernel = kernel + scale * own[0]
        bias = bias + scale * own[1] - weight * logs
        mixed += weight * logs
    network = single_head(model, "ferplus")
    network.get_layer("logits").set_weights([kernel, bias])
    if not known:
        return network, {}
    values = np.exp(mixed) / np.exp(mixed).sum()
    return network, {e: round(float(v), 6) for e, v in zip(EMOTIONS, values, strict=True)}
