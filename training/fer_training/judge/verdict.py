"""Has a run learnt anything? Its accuracy against that of always naming one emotion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fer_report.metrics import wilson_interval

from ..data.datasets import Pictures
from ..data.ferplus import majority


@dataclass(frozen=True)
class Verdict:
    """What a run's last accuracies say of it."""

    learnt: bool
    """Whether every head is better than a guess beyond doubt."""
    text: str
    """The figures and the conclusion, for one line."""


def verdict(scores: dict[str, float], pictures: Pictures) -> Verdict:
    """Compare accuracies with the share of the commonest emotion, which naming it alone gives.

    Parameters
    ----------
    scores
        Accuracy of each head on `pictures`, 0–1.

    Notes
    -----
    A head counts as better where the lower end of its 95 % interval (Wilson) is.
    """
    learnt, said = True, []
    for head, score in scores.items():
        labels = _labels(head, pictures)
        guess = float(np.bincount(labels).max()) / len(labels) if len(labels) else 1.0
        low, _ = wilson_interval(round(score * len(labels)), len(labels))
        learnt &= low > guess
        said.append(
            f"{head} {100 * score:.1f} % of {len(labels):,} pictures "
            f"(one emotion for all: {100 * guess:.1f} %)"
        )
    end = (
        "it has learnt"
        if learnt
        else "NOT shown to be better than a guess: too short a run, too few pictures, wrong labels "
        "or a broken trainer"
    )
    return Verdict(learnt, f"{', '.join(said)}: {end}")


def _labels(head: str, pictures: Pictures) -> NDArray[np.int64]:
    """Return the classes on which a head is judged, as `heads.truth_of` does."""
    if head != "ferplus" or pictures.votes is None:
        return pictures.labels
    votes = majority(pictures.votes)
    return votes.labels[votes.usable]
