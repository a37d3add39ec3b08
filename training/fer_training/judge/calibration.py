"""Are the probabilities true? Calibration error and the temperature that mends it; NumPy only.

Temperature scaling and the expected calibration error are those of Guo et al. 2017, "On
Calibration of Modern Neural Networks".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .metrics import Floats, softmax

BINS = 15
"""Bins of equal width over confidence, as in the paper."""
_LOW, _HIGH = 0.05, 20.0
"""Range in which a temperature is looked for."""


@dataclass(frozen=True)
class Reliability:
    """What a reliability diagram shows, by bin of confidence."""

    edges: Floats
    """(bins + 1,) borders, 0–1."""
    confidence: Floats
    """(bins,) mean confidence in the bin; 0 where it is empty."""
    accuracy: Floats
    """(bins,) share of right answers; 0 where it is empty."""
    count: NDArray[np.int64]
    """(bins,) how many."""

    @property
    def error(self) -> float:
        """Expected calibration error, 0–1: Σ count/N · |accuracy - confidence|."""
        gaps = np.abs(self.accuracy - self.confidence) * self.count
        return float(gaps.sum() / max(1, int(self.count.sum())))


def reliability(labels: NDArray[Any], probabilities: NDArray[Any]) -> Reliability:
    """Sort answers into bins by the confidence of the first class.

    Parameters
    ----------
    labels
        (N,) class numbers.
    probabilities
        (N, C), rows summing to 1.
    """
    bins = BINS
    edges = np.linspace(0.0, 1.0, bins + 1)
    confidence = probabilities.max(axis=1) if len(labels) else np.zeros(0)
    right = (probabilities.argmax(axis=1) == labels).astype(np.float64)
    place = np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)
    count = np.bincount(place, minlength=bins).astype(np.int64)
    scale = np.maximum(count, 1)
    return Reliability(
        edges,
        np.bincount(place, weights=confidence, minlength=bins) / scale,
        np.bincount(place, weights=right, minlength=bins) / scale,
        count,
    )


def expected_calibration_error(
    labels: NDArray[Any], logits: NDArray[Any], temperature: float = 1.0
) -> float:
    """Return the calibration error of softmax(logits / temperature), 0–1."""
    return reliability(labels, softmax(logits, temperature)).error


def negative_log_likelihood(
    labels: NDArray[Any],
    logits: NDArray[Any],
    temperature: float = 1.0,
    log_prior: NDArray[Any] | float = 0.0,
) -> float:
    """Return the mean of -log p(real class) of softmax(logits / temperature + log prior), nats."""
    z = np.asarray(logits, np.float64) / temperature + log_prior
    z = z - z.max(axis=1, keepdims=True)
    real = z[np.arange(len(labels)), labels]
    return float(np.mean(np.log(np.exp(z).sum(axis=1)) - real))


def fit_temperature(
    labels: NDArray[Any], logits: NDArray[Any], log_prior: NDArray[Any] | float = 0.0
) -> float:
    """Return the temperature with the least negative log-likelihood, 0.05–20.

    Logits without a prior are fitted with the one of the pictures they are fitted on, (7,).

    The likelihood is convex in 1/T, so a golden-section search finds its one minimum.

    Raises
    ------
    ValueError
        If there is nothing to fit on.
    """
    if len(labels) == 0:
        raise ValueError("temperature: expected at least one picture, received none")
    ratio = (np.sqrt(5.0) - 1.0) / 2.0
    low, high = np.log(1.0 / _HIGH), np.log(1.0 / _LOW)

    def loss(log_inverse: float) -> float:
        return negative_log_likelihood(labels, logits, float(np.exp(-log_inverse)), log_prior)

    a, b = high - ratio * (high - low), low + ratio * (high - low)
    fa, fb = loss(a), loss(b)
    while high - low > 1e-5:
        if fa < fb:
            high, b, fb = b, a, fa
            a = high - ratio * (high - low)
            fa = loss(a)
        else:
            low, a, fa = a, b, fb
            b = low + ratio * (high - low)
            fb = loss(b)
    return float(np.exp(-(low + high) / 2))


def cross_fitted(
    labels: NDArray[Any], logits: NDArray[Any]
) -> tuple[float, tuple[float, float], Floats]:
    """Judge temperature scaling honestly: each half with the temperature of the other.

    Parameters
    ----------
    labels, logits
        (N,) class numbers and (N, C).

    Returns
    -------
    The expected calibration error over all N, the two temperatures, and the (N, C)
    probabilities that were judged.
    """
    if len(labels) < 2:
        raise ValueError(f"cross-fitting: expected at least 2 pictures, received {len(labels)}")
    order = np.random.default_rng(0).permutation(len(labels))
    halves = order[: len(order) // 2], order[len(order) // 2 :]
    probabilities = np.zeros(logits.shape, np.float64)
    temperatures = []
    for fitted, judged in (halves, halves[::-1]):
        temperature = fit_temperature(labels[fitted], logits[fitted])
        probabilities[judged] = softmax(logits[judged], temperature)
        temperatures.append(temperature)
    error = reliability(labels, probabilities).error
    return error, (temperatures[0], temperatures[1]), probabilities
