"""Figures of merit of a classifier, from labels and logits; NumPy only.

What needs counts alone (precision, recall, Wilson's interval) is in `fer_report.metrics`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_report.metrics import Labels, class_scores, confusion_matrix, macro, wilson_interval

Floats = NDArray[np.float64]


def softmax(logits: NDArray[Any], temperature: float = 1.0) -> Floats:
    """Return exp(z / T) / Σ exp(z / T) over the last axis, float64."""
    z = np.asarray(logits, np.float64) / temperature
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return np.asarray(e / e.sum(axis=-1, keepdims=True))


def normalised(confusion: Labels) -> Floats:
    """Divide each row by its sum: share of each real class; rows without pictures are 0."""
    rows = confusion.sum(axis=1, keepdims=True)
    return np.asarray(confusion / np.maximum(rows, 1), np.float64)


def top_k_accuracy(labels: NDArray[Any], logits: NDArray[Any], k: int) -> float:
    """Return the share whose real class is among the k largest logits; NaN without pictures."""
    if len(labels) == 0:
        return math.nan
    real = logits[np.arange(len(labels)), labels]
    # Ties count against the model.
    above = (logits >= real[:, np.newaxis]).sum(axis=1) - 1
    return float(np.mean(above < k))


def evaluate_logits(labels: NDArray[Any], logits: NDArray[Any]) -> dict[str, Any]:
    """Return accuracy, its 95 % interval, top-2 and macro scores of one set of predictions.

    Parameters
    ----------
    labels
        (N,) class numbers.
    logits
        (N, C).
    """
    count = logits.shape[1]
    confusion = confusion_matrix(labels, logits.argmax(axis=1), count)
    right, total = int(np.trace(confusion)), len(labels)
    mean = macro(class_scores(confusion))
    return {
        "n": total,
        "right": right,
        "accuracy": right / total if total else math.nan,
        "interval95": wilson_interval(right, total),
        "top2": top_k_accuracy(labels, logits, 2),
        "macro": {
            "precision": mean.precision,
            "recall": mean.recall,
            "specificity": mean.specificity,
            "f1": mean.f1,
        },
    }
