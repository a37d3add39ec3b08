"""An evaluation as text for a terminal and as plain values for JSON."""

from __future__ import annotations

import math
from typing import Any

from fer_runtime.labels import EMOTIONS

from .answers import OUTCOMES
from .evaluation import Feedback, Scores


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
                "by_emotion": {
                    name: {k: v if math.isfinite(v) else None for k, v in figures.items()}
                    for name, figures in e.by_emotion.items()
                },
                "confusion": {
                    real: dict(zip(OUTCOMES, row, strict=True))
                    for real, row in zip(EMOTIONS, e.confusion, strict=True)
                },
                "participants": {k: scores(v) for k, v in e.participants.items()},
            }
            for e in result.evaluations
        },
    }
