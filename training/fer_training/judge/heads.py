"""A model in training, judged head by head: no file, no temperature, accuracy alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ..data.datasets import Pictures
from ..data.ferplus import majority
from ..nets.heads import emotion_columns

Forward = Callable[[NDArray[np.float32]], dict[str, NDArray[np.float32]]]
"""(N, ..., 48, 48, 1) float32, 0–255, to (N, C) by head."""

_BATCH = 256


def judge_heads(
    run: Forward,
    heads: Sequence[str],
    pictures: Pictures,
) -> dict[str, float]:
    """Return the accuracy of each head, 0–1: FER-2013 by label, FER+ by majority of votes."""
    logits = head_logits(run, pictures.crops)
    scores = {}
    for head in heads:
        labels, seven = truth_of(head, pictures, logits[head])
        scores[head] = float(np.mean(seven.argmax(axis=1) == labels)) if len(labels) else 0.0
    return scores


def head_logits(run: Forward, crops: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
    """Run a model with named heads over (N, ..., 48, 48) uint8 crops; (N, C) by head."""
    parts = [
        run(crops[i : i + _BATCH, ..., np.newaxis].astype(np.float32))
        for i in range(0, len(crops), _BATCH)
    ]
    return {head: np.concatenate([p[head] for p in parts]) for head in parts[0]}


def truth_rows(head: str, pictures: Pictures) -> NDArray[np.int64]:
    """Return what each picture is judged by, (N,): as `truth_of`, -1 where people disagree."""
    if head != "ferplus" or pictures.votes is None:
        return pictures.labels
    return majority(pictures.votes).labels


def truth_of(
    head: str, pictures: Pictures, logits: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return labels and seven logits of the pictures on which a head is judged.

    FER-2013: all, by folder label. FER+: those with a majority, by it, contempt left out.
    """
    seven, rows = logits[:, list(emotion_columns(head))], truth_rows(head, pictures)
    return rows[rows >= 0], seven[rows >= 0]
