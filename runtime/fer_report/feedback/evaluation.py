"""A feedback file evaluated.

Rows of studies and rows of feedback keys are evaluated apart: a study asks everybody for every
emotion, while people press a key when something looks wrong to them, so keys alone make any
model look worse than it is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

from fer_runtime.errors import DataError
from fer_runtime.labels import EMOTIONS

from .. import metrics
from .answers import OUTCOMES, Answer, answer_of, rows_of


@dataclass(frozen=True)
class Scores:
    """Figures of one group of answers."""

    answers: int
    accuracy: float
    """Share with the right label; ``uncertain`` and no face count as wrong."""
    interval: tuple[float, float]
    """95 % Wilson score interval of `accuracy`, as if the answers were independent."""
    claimed: float
    """Share in which an emotion was claimed."""
    accuracy_claimed: float
    """Accuracy among those; NaN where there are none."""
    accuracy_likeliest: float
    """Share in which the likeliest raw probability is right: no threshold, no filter."""
    reaction_s: float
    """Median time to the right label, of the answers that have one; NaN without any."""


@dataclass(frozen=True)
class Evaluation:
    """One kind of rows evaluated."""

    kind: str
    scores: Scores
    text: str
    """Precision, recall, F1 and support by emotion as a table, four digits."""
    by_emotion: dict[str, dict[str, float]]
    """Precision, recall, f1-score and support of each emotion, and their averages; NaN where
    there is nothing to divide by."""
    confusion: list[list[int]]
    """(7, 9) counts: real emotion by outcome, in the order of EMOTIONS and `OUTCOMES`."""
    participants: dict[str, Scores]


@dataclass(frozen=True)
class Feedback:
    """A whole feedback file."""

    path: Path
    evaluations: tuple[Evaluation, ...]
    consents: int
    refusals: int
    without_consent: tuple[str, ...]
    """Participants who have trials but no consent row."""
    bad_rows: int
    """Rows dropped: torn, or without a known emotion."""


def evaluate(path: Path) -> Feedback:
    """Evaluate a feedback file.

    Raises
    ------
    DataError
        If it cannot be read, is no feedback file, or holds no answer.
    """
    consents: list[str] = []
    refusals = bad = 0
    answers: list[Answer] = []
    for row in rows_of(path):
        kind = row.get("kind")
        if kind == "consent":
            consents.append(row["participant"])
        elif kind == "refusal":
            refusals += 1
        elif (answer := answer_of(row)) is not None:
            answers.append(answer)
        else:
            bad += 1
    if not answers:
        raise DataError(
            f"feedback file {path}: expected rows of kind study or key, received none",
            "press 1-7 in the window or run fer-runtime --study first",
        )
    evaluations = []
    for kind in ("study", "key"):
        group = [a for a in answers if a.kind == kind]
        if group:
            evaluations.append(_evaluate(kind, group))
    people = {a.participant for a in answers if a.kind == "study"}
    missing = tuple(sorted(people - set(consents)))
    return Feedback(path, tuple(evaluations), len(consents), refusals, missing, bad)


def _evaluate(kind: str, answers: list[Answer]) -> Evaluation:
    counts = np.zeros((len(EMOTIONS), len(OUTCOMES)), np.int64)
    people: dict[str, list[Answer]] = {}
    for answer in answers:
        counts[EMOTIONS.index(answer.real), OUTCOMES.index(answer.predicted)] += 1
        people.setdefault(answer.participant or "–", []).append(answer)
    scores = metrics.class_scores(counts)
    means = {"macro avg": metrics.macro(scores), "weighted avg": metrics.weighted(scores)}
    return Evaluation(
        kind,
        _scores(answers),
        metrics.classification_report(counts, EMOTIONS),
        {k: _figures(v) for k, v in (dict(zip(EMOTIONS, scores, strict=True)) | means).items()},
        counts.tolist(),
        {name: _scores(group) for name, group in sorted(people.items())},
    )


def _figures(scores: metrics.ClassScores) -> dict[str, float]:
    return {
        "precision": scores.precision,
        "recall": scores.recall,
        "f1-score": scores.f1,
        "support": scores.support,
    }


def _scores(answers: list[Answer]) -> Scores:
    right = sum(a.real == a.predicted for a in answers)
    claimed = sum(a.predicted in EMOTIONS for a in answers)
    times = [a.reaction_s for a in answers if a.reaction_s is not None]
    n = len(answers)
    return Scores(
        n,
        right / n,
        metrics.wilson_interval(right, n),
        claimed / n,
        right / claimed if claimed else math.nan,
        sum(a.real == a.likeliest for a in answers) / n,
        median(times) if times else math.nan,
    )
