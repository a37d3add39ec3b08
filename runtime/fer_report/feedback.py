"""``fer-report --feedback``: how often the label was what a face really showed.

Rows of studies and rows of feedback keys are evaluated apart: a study asks everybody for every
emotion, while people press a key when something looks wrong to them, so keys alone make any
model look worse than it is.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

from fer_runtime.errors import DataError
from fer_runtime.labels import EMOTIONS, UNCERTAIN
from fer_runtime.study.feedback import FIELDS

from .extra import need

NO_FACE: Final = "no face"
"""Stands for an empty ``predicted``: no face was seen during the trial."""

OUTCOMES: Final = (*EMOTIONS, UNCERTAIN, NO_FACE)
"""Columns of the confusion matrix."""

_NEEDED: Final = ("kind", "participant", "real", "predicted", "reaction_s")
_Z: Final = 1.959964
"""Two-sided 95 % quantile of the normal distribution."""


@dataclass(frozen=True)
class Answer:
    """One row with a true and a predicted label."""

    kind: str
    participant: str
    real: str
    predicted: str
    """One of `OUTCOMES`."""
    likeliest: str
    """Emotion with the highest raw probability; empty where no face was seen."""
    reaction_s: float | None


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
    """scikit-learn's classification report, four digits."""
    by_emotion: dict[str, dict[str, float]]
    """Precision, recall, f1-score and support of each emotion, and their averages."""
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
    ConfigError
        If scikit-learn is missing.
    """
    consents: list[str] = []
    refusals = bad = 0
    answers: list[Answer] = []
    for row in _rows(path):
        kind = row.get("kind")
        if kind == "consent":
            consents.append(row["participant"])
        elif kind == "refusal":
            refusals += 1
        elif (answer := _answer(row)) is not None:
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


def _rows(path: Path) -> Iterator[dict[str, str]]:
    """Yield the rows of a feedback file; torn ones come out short and are counted as bad."""
    try:
        text = path.read_bytes().replace(b"\0", b"").decode("utf-8-sig", "replace")
    except OSError as error:
        raise DataError(
            f"feedback file {path}: cannot be read: {error.strerror}", "check --feedback"
        ) from None
    lines = text.splitlines()
    header = next(csv.reader(lines[:1]), [])
    missing = [name for name in _NEEDED if name not in header]
    if missing:
        shown = "".join(c if c.isprintable() else "?" for c in ",".join(header)[:60])
        raise DataError(
            f"feedback file {path}: expected a header with {', '.join(missing)}, "
            f"received '{shown}'",
            f"give a file written by fer-runtime --feedback, whose columns are {','.join(FIELDS)}",
        )
    for line in lines[1:]:
        values = next(csv.reader([line]), [])
        if values and values != header:
            whole = len(values) == len(header)
            yield dict(zip(header, values, strict=True)) if whole else {}


def _answer(row: dict[str, str]) -> Answer | None:
    """Return what a row says, None where it cannot be."""
    predicted = row.get("predicted", "") or NO_FACE
    if row.get("kind") not in ("study", "key") or row["real"] not in EMOTIONS:
        return None
    if predicted not in OUTCOMES:
        return None
    try:
        raw = [float(row[f"p_{e}"]) for e in EMOTIONS]
        likeliest = EMOTIONS[raw.index(max(raw))]
    except (KeyError, ValueError):
        likeliest = ""
    try:
        reaction = float(row["reaction_s"])
    except ValueError:
        reaction = math.nan
    return Answer(
        row["kind"],
        row["participant"],
        row["real"],
        predicted,
        likeliest,
        reaction if math.isfinite(reaction) else None,
    )


def _evaluate(kind: str, answers: list[Answer]) -> Evaluation:
    metrics = need("sklearn.metrics")
    real, predicted = [a.real for a in answers], [a.predicted for a in answers]
    how: dict[str, Any] = {"labels": list(EMOTIONS), "zero_division": 0}
    report: dict[str, Any] = metrics.classification_report(real, predicted, output_dict=True, **how)
    matrix = metrics.confusion_matrix(real, predicted, labels=list(OUTCOMES))
    people: dict[str, list[Answer]] = {}
    for answer in answers:
        people.setdefault(answer.participant or "–", []).append(answer)
    return Evaluation(
        kind,
        _scores(answers),
        metrics.classification_report(real, predicted, digits=4, **how),
        {k: dict(v) for k, v in report.items() if isinstance(v, dict)},
        matrix[: len(EMOTIONS)].tolist(),
        {name: _scores(group) for name, group in sorted(people.items())},
    )


def _scores(answers: list[Answer]) -> Scores:
    right = sum(a.real == a.predicted for a in answers)
    claimed = sum(a.predicted in EMOTIONS for a in answers)
    times = [a.reaction_s for a in answers if a.reaction_s is not None]
    n = len(answers)
    return Scores(
        n,
        right / n,
        wilson(right, n),
        claimed / n,
        right / claimed if claimed else math.nan,
        sum(a.real == a.likeliest for a in answers) / n,
        median(times) if times else math.nan,
    )


def wilson(right: int, total: int) -> tuple[float, float]:
    """Return the 95 % score interval of a share (Wilson, 1927); `total` at least 1."""
    p, z2 = right / total, _Z**2
    middle = (p + z2 / (2 * total)) / (1 + z2 / total)
    half = _Z * math.sqrt(p * (1 - p) / total + z2 / (4 * total**2)) / (1 + z2 / total)
    return max(0.0, middle - half), min(1.0, middle + half)


def as_text(result: Feedback) -> str:
    """Return the evaluation for a terminal."""
    parts = []
    for e in result.evaluations:
        s = e.scores
        low, high = s.interval
        what = "study trials" if e.kind == "study" else "feedback keys"
        parts.append(
            f"== {what}: {s.answers}, accuracy {s.accuracy:.4f} (95 % {low:.4f}–{high:.4f})\n\n"
            f"{e.text}\n"
            f"An emotion was claimed in {s.claimed:.1%}; accuracy among those "
            f"{_figure(s.accuracy_claimed)}.\n"
            f"Likeliest raw probability right: {s.accuracy_likeliest:.4f}.\n\n"
            f"Confusion matrix (rows: real; columns: predicted)\n{_matrix(e.confusion)}"
        )
        if e.kind == "study":
            parts.append(f"Participants\n{_participants(e.participants)}")
        else:
            parts.append("Keys are pressed when a label looks wrong: this is no fair sample.")
    notes = [f"Consent given: {result.consents}; refused: {result.refusals}."]
    if result.without_consent:
        names = ", ".join(name or "–" for name in result.without_consent)
        notes.append(f"No consent row for: {names}. Do not use these trials.")
    if result.bad_rows:
        notes.append(f"Damaged rows left out: {result.bad_rows}.")
    return "\n".join([*parts, " ".join(notes)])


def _figure(value: float, digits: int = 4) -> str:
    return f"{value:.{digits}f}" if math.isfinite(value) else "–"


def _matrix(counts: list[list[int]]) -> str:
    width = max(9, *(len(str(n)) for row in counts for n in row)) + 1
    lines = [" " * 10 + "".join(f"{name:>{width}}" for name in OUTCOMES)]
    for name, row in zip(EMOTIONS, counts, strict=True):
        lines.append(f"{name:<10}" + "".join(f"{n:>{width}}" for n in row))
    return "\n".join(lines) + "\n"


def _participants(people: dict[str, Scores]) -> str:
    wide = max(11, *(len(name) for name in people))
    lines = [f"{'participant':<{wide}}  trials  accuracy        95 %      claimed  median s"]
    for name, s in people.items():
        low, high = s.interval
        lines.append(
            f"{name:<{wide}}  {s.answers:6d}    {s.accuracy:.4f}  {low:.4f}–{high:.4f}  "
            f"{s.claimed:7.1%}  {_figure(s.reaction_s, 2):>8}"
        )
    return "\n".join(lines) + "\n"


def as_dict(result: Feedback) -> dict[str, Any]:
    """Return the evaluation as plain values for JSON."""

    def scores(s: Scores) -> dict[str, Any]:
        values = {
            "accuracy": s.accuracy,
            "low_95": s.interval[0],
            "high_95": s.interval[1],
            "claimed": s.claimed,
            "accuracy_claimed": s.accuracy_claimed,
            "accuracy_likeliest": s.accuracy_likeliest,
            "median_reaction_s": s.reaction_s,
        }
        clean = {k: round(v, 4) if math.isfinite(v) else None for k, v in values.items()}
        return {"answers": s.answers, **clean}

    return {
        "file": str(result.path),
        "consents": result.consents,
        "refusals": result.refusals,
        "without_consent": list(result.without_consent),
        "bad_rows": result.bad_rows,
        **{
            e.kind: {
                **scores(e.scores),
                "by_emotion": e.by_emotion,
                "confusion": {
                    real: dict(zip(OUTCOMES, row, strict=True))
                    for real, row in zip(EMOTIONS, e.confusion, strict=True)
                },
                "participants": {k: scores(v) for k, v in e.participants.items()},
            }
            for e in result.evaluations
        },
    }
