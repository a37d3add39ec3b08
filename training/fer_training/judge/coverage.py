"""What is gained by claiming less: accuracy of what is claimed, over the share that is claimed.

The risk-coverage curve of El-Yaniv and Wiener 2010: pictures are claimed in the order of the
likeliest class's probability, the surest first; its risk is one minus the accuracy here.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

SHARES: Final = (1.0, 0.95, 0.9, 0.8, 0.7, 0.6, 0.5)
"""Of the pictures that are claimed, in the table."""


def coverage(right: NDArray[np.bool_], sure: NDArray[np.float64]) -> dict[str, Any]:
    """Measure accuracy by coverage.

    Parameters
    ----------
    right
        (N,) whether each answer is right; at least one.
    sure
        (N,) probability of each answer, 0-1.

    Returns
    -------
    ``n``; ``points``, for each of `SHARES` its ``coverage``, ``accuracy`` and the ``threshold``
    from which on a picture is claimed; ``area``, the mean risk over all coverages; ``best_area``,
    that of an order that puts every right answer first.
    """
    if not len(right) or len(right) != len(sure):
        raise ValueError(
            f"coverage: expected as many answers as probabilities and at least one, received "
            f"{len(right)} and {len(sure)}"
        )
    order = np.argsort(-sure, kind="stable")
    curve = np.cumsum(right[order]) / np.arange(1, len(right) + 1)
    best = np.cumsum(np.sort(right)[::-1]) / np.arange(1, len(right) + 1)
    points = []
    for share in SHARES:
        count = max(1, round(share * len(right)))
        points.append(
            {
                "coverage": share,
                "accuracy": float(curve[count - 1]),
                "threshold": float(sure[order[count - 1]]),
            }
        )
    return {
        "n": len(right),
        "points": points,
        "area": float(1 - curve.mean()),
        "best_area": float(1 - best.mean()),
    }


def claimed(
    right: NDArray[np.bool_], sure: NDArray[np.float64], threshold: float
) -> dict[str, float | None]:
    """Return coverage and accuracy of what is claimed from `threshold` on; None for nothing."""
    chosen = sure >= threshold
    share = float(chosen.mean())
    return {
        "threshold": threshold,
        "coverage": share,
        "accuracy": float(right[chosen].mean()) if share else None,
    }


def coverage_table(found: dict[str, Any]) -> str:
    """Return the text that a person reads, percent."""
    lines = [f"{'claimed':>8} {'of which right':>15} {'threshold':>10}   of {found['n']} degraded"]
    lines += [
        f"{100 * p['coverage']:>8.1f} {_percent(p['accuracy']):>15} {p['threshold']:>10.3f}{note}"
        for p, note in [
            *((p, "") for p in found["points"]),
            (found["default"], "   smoothing.threshold"),
        ]
    ]
    lines.append(f"mean risk {100 * found['area']:.2f} %, {100 * found['best_area']:.2f} % at best")
    return "\n".join(lines)


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.2f}"
