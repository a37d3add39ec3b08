"""Figures of merit of a classifier, from counts; NumPy only, shared with the trainer.

Class ``i`` of a confusion matrix is row ``i`` (what it really is) and column ``i`` (what it was
called). Sensitivity is another name of recall.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.int64]
"""(N,) class numbers, or (C, C) counts."""

Z_95: Final = 1.959963984540054
"""97.5 % quantile of the standard normal distribution: a two-sided 95 % interval."""


@dataclass(frozen=True)
class ClassScores:
    """What one class, or the mean over classes, scores; each 0–1, NaN where undefined."""

    precision: float
    """True positives of all that were called this class."""
    recall: float
    """True positives of all that are this class (sensitivity)."""
    specificity: float
    """True negatives of all that are not this class."""
    f1: float
    """Harmonic mean of precision and recall."""
    support: int
    """How many are this class."""


def wilson_interval(right: int, total: int) -> tuple[float, float]:
    """Return the 95 % Wilson score interval of a share (Wilson 1927).

    Parameters
    ----------
    right, total
        Successes and trials; with no trials the interval is 0 to 1.
    """
    if total == 0:
        return 0.0, 1.0
    z = Z_95
    share, z2 = right / total, z * z
    centre = (share + z2 / (2 * total)) / (1 + z2 / total)
    half = z / (1 + z2 / total) * math.sqrt(share * (1 - share) / total + z2 / (4 * total**2))
    return max(0.0, centre - half), min(1.0, centre + half)


def confusion_matrix(labels: NDArray[Any], predicted: NDArray[Any], count: int) -> Labels:
    """Count pairs: (count, count) int64, rows = real class, columns = predicted class."""
    flat = np.asarray(labels, np.int64) * count + np.asarray(predicted, np.int64)
    return np.bincount(flat, minlength=count * count).reshape(count, count).astype(np.int64)


def class_scores(confusion: Labels) -> list[ClassScores]:
    """Return the scores of every class.

    Columns beyond the rows are answers that are no class (nothing claimed): wrong for every
    class. Precision and F1 of a class that was never called are 0; recall of one that is not
    there is NaN, so that it does not count in a mean.
    """
    total = int(confusion.sum())
    scores = []
    for k in range(len(confusion)):
        tp = int(confusion[k, k])
        real, called = int(confusion[k].sum()), int(confusion[:, k].sum())
        others = total - real
        precision = tp / called if called else 0.0
        recall = tp / real if real else math.nan
        specificity = (others - (called - tp)) / others if others else math.nan
        f1 = 2 * tp / (real + called) if real else math.nan
        scores.append(ClassScores(precision, recall, specificity, f1, real))
    return scores


def macro(scores: Sequence[ClassScores]) -> ClassScores:
    """Return the plain mean over the classes that are there."""
    return _mean(scores, by_support=False)


def weighted(scores: Sequence[ClassScores]) -> ClassScores:
    """Return the mean over the classes, weighted with their support."""
    return _mean(scores, by_support=True)


def _mean(scores: Sequence[ClassScores], *, by_support: bool) -> ClassScores:
    there = [s for s in scores if s.support]
    if not there:
        return ClassScores(math.nan, math.nan, math.nan, math.nan, 0)
    columns = np.asarray([[s.precision, s.recall, s.specificity, s.f1] for s in there])
    support = [s.support for s in there]
    # A single class has no others to be specific about; its NaN stays NaN.
    mean = np.average(columns, axis=0, weights=support if by_support else None)
    precision, recall, specificity, f1 = (float(v) for v in mean)
    return ClassScores(precision, recall, specificity, f1, sum(support))


def classification_report(confusion: Labels, classes: Sequence[str]) -> str:
    """Return the usual text table, four digits: precision, recall, F1, support, and means."""
    scores = class_scores(confusion)
    width = max(len("weighted avg"), *(len(c) for c in classes))
    head = f"{'':>{width}}" + "".join(f" {c:>10}" for c in ("precision", "recall", "f1-score"))
    lines = [f"{head} {'support':>10}", ""]

    def row(name: str, s: ClassScores) -> str:
        values = "".join(f" {v:>10.4f}" for v in (s.precision, s.recall, s.f1))
        return f"{name:>{width}}{values} {s.support:>10}"

    lines += [row(name, s) for name, s in zip(classes, scores, strict=True)]
    total = int(confusion.sum())
    accuracy = float(np.trace(confusion)) / total if total else math.nan
    lines += ["", f"{'accuracy':>{width}}{'':>22} {accuracy:>10.4f} {total:>10}"]
    lines += [row("macro avg", macro(scores)), row("weighted avg", weighted(scores))]
    return "\n".join(lines)
