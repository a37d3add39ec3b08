"""Judges one model on one set of pictures: all figures in one record."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_report.metrics import class_scores, classification_report, confusion_matrix
from fer_runtime.labels import EMOTIONS
from fer_runtime.prior import BALANCED, DEFAULT_PRIOR, TRAINING, log_prior

from ..data.datasets import Pictures
from ..data.ferplus import majority
from ..progress import Progress, plural
from . import calibration, metrics
from .coverage import coverage_table
from .degradation import degradation_table
from .predictors import Predictor

SMALL = 10
"""Fewer pictures than this make no calibration error worth printing."""


@dataclass(frozen=True)
class Evaluation:
    """What a model does on a set of pictures; arrays of the judged pictures only."""

    name: str
    """Model."""
    truth: str
    """``labels`` (the folders') or ``ferplus`` (the majority of votes)."""
    labels: NDArray[np.int64]
    """(N,) real classes."""
    logits: NDArray[np.float32]
    """(N, 7)."""
    temperature: float
    """Stored in the model."""
    index: NDArray[np.int64]
    """(N,) which picture of the data set each is."""
    figures: dict[str, Any] = field(default_factory=dict)
    """Everything measured, ready for JSON."""

    @property
    def confusion(self) -> NDArray[np.int64]:
        """(7, 7) counts, rows = real."""
        return confusion_matrix(self.labels, self.logits.argmax(axis=1), len(EMOTIONS))

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """(N, 7), at the stored temperature."""
        return metrics.softmax(self.logits, self.temperature)


def evaluate(
    predictor: Predictor,
    pictures: Pictures,
    *,
    truth: str = "auto",
    prior: str = TRAINING,
    progress: Progress | None = None,
) -> Evaluation:
    """Run a model over pictures and measure.

    Parameters
    ----------
    truth
        ``labels``, ``ferplus``, or ``auto``: the FER+ majority for a FER+ model where there are
        votes, else the labels.
    prior
        How common each emotion is taken to be, see `fer_runtime.prior`.

    Raises
    ------
    ValueError
        If FER+ is asked for without votes.
    """
    free, rate = predictor.logits(pictures.crops, progress)
    # softmax(z / T + log p) is softmax((z + T log p) / T): from here on logits with the prior.
    logits = free + predictor.temperature * log_prior(prior, predictor.shares)
    votes = None if pictures.votes is None else majority(pictures.votes)
    if truth == "auto":
        truth = "ferplus" if predictor.head == "ferplus" and votes is not None else "labels"
    if truth == "ferplus" and votes is None:
        raise ValueError("FER+ majority: expected votes, received none")
    if truth == "ferplus" and votes is not None:
        index, labels = np.flatnonzero(votes.usable), votes.labels[votes.usable]
    else:
        index, labels = np.arange(len(pictures)), pictures.labels
    judged = logits[index]
    figures = judge(labels, judged, predictor.temperature)
    figures = {"model": predictor.name, "head": predictor.head, "truth": truth, **figures}
    figures["prior"] = prior if predictor.shares else f"{TRAINING} (the model's own, unknown)"
    if predictor.shares:
        figures["priors"] = {
            name: _headline(labels, free[index] + predictor.temperature * added)
            for name in dict.fromkeys((TRAINING, BALANCED, DEFAULT_PRIOR))
            for added in [log_prior(name, predictor.shares)]
        }
    figures["pictures_per_second"] = rate
    if votes is not None:
        for name, chosen in (("majority", votes.usable), ("strong_majority", votes.strong)):
            figures[f"ferplus_{name}"] = metrics.evaluate_logits(
                votes.labels[chosen], logits[chosen]
            )
        figures["labels"] = metrics.evaluate_logits(pictures.labels, logits)
    return Evaluation(predictor.name, truth, labels, judged, predictor.temperature, index, figures)


def _headline(labels: NDArray[np.int64], logits: NDArray[np.float32]) -> dict[str, float]:
    figures = metrics.evaluate_logits(labels, logits)
    return {"accuracy": figures["accuracy"], "mean_recall": figures["macro"]["recall"]}


def judge(
    labels: NDArray[np.int64], logits: NDArray[np.float32], temperature: float
) -> dict[str, Any]:
    """Return every figure of one set of predictions.

    Parameters
    ----------
    labels, logits
        (N,) and (N, 7).
    temperature
        Stored in the model.
    """
    confusion = confusion_matrix(labels, logits.argmax(axis=1), len(EMOTIONS))
    scores = class_scores(confusion)
    figures = metrics.evaluate_logits(labels, logits)
    figures["classes"] = {e: asdict(s) for e, s in zip(EMOTIONS, scores, strict=True)}
    figures["confusion"] = confusion.tolist()
    if len(labels) < SMALL:
        return figures
    error = calibration.expected_calibration_error
    crossed, temperatures, _ = calibration.cross_fitted(labels, logits)
    figures["calibration"] = {
        "temperature": temperature,
        "ece_uncalibrated": error(labels, logits),
        "ece": error(labels, logits, temperature),
        "ece_cross_fitted": crossed,
        "temperatures_cross_fitted": list(temperatures),
        "negative_log_likelihood": calibration.negative_log_likelihood(labels, logits, temperature),
    }
    return figures


def report(result: Evaluation) -> str:
    """Return the text that a person reads: headline, report by class, calibration."""
    f = result.figures
    low, high = (100 * v for v in f["interval95"])
    truth = "FER+ majority" if result.truth == "ferplus" else "labels"
    lines = [
        f"{result.name} against {truth}, {f['n']} picture{plural(f['n'])}",
        f"accuracy {100 * f['accuracy']:.2f} % (95 % interval {low:.2f} to {high:.2f}), "
        f"top-2 {100 * f['top2']:.2f} %, {f['pictures_per_second']:.0f} pictures/s, "
        f"prior {f['prior']}",
        *(
            f"  with classifier.prior {name}: accuracy {100 * p['accuracy']:.2f} %, "
            f"mean recall {100 * p['mean_recall']:.2f} %"
            for name, p in f.get("priors", {}).items()
        ),
        "",
        classification_report(result.confusion, EMOTIONS),
        "",
        f"{'':>12} {'precision':>10} {'sensitivity':>11} {'specificity':>11} {'F1':>10}",
    ]
    rows = [(e, f["classes"][e]) for e in EMOTIONS] + [("macro", f["macro"])]
    for name, row in rows:
        lines.append(
            f"{name:>12} {row['precision']:>10.4f} {row['recall']:>11.4f} "
            f"{row['specificity']:>11.4f} {row['f1']:>10.4f}"
        )
    lines += ["", "confusion, rows = real", _table(result.confusion)]
    if c := f.get("calibration"):
        lines += [
            "",
            f"expected calibration error {c['ece_uncalibrated']:.4f} at temperature 1, "
            f"{c['ece']:.4f} at the stored {c['temperature']:.4f}, "
            f"{c['ece_cross_fitted']:.4f} by two-fold cross-fitting",
        ]
    if "degraded" in f:
        lines += ["", degradation_table(f["degraded"]), "", coverage_table(f["coverage"])]
    for key, name in (
        ("ferplus_majority", "FER+ majority"),
        ("ferplus_strong_majority", "FER+ strong majority (six of ten)"),
        ("labels", "folder labels"),
    ):
        if key in f:
            low, high = (100 * v for v in f[key]["interval95"])
            lines.append(
                f"{name}: {100 * f[key]['accuracy']:.2f} % ({low:.2f} to {high:.2f}) "
                f"of {f[key]['n']}"
            )
    lines += [f"note: {f[key]}" for key in ("faces", "doubt") if key in f]
    return "\n".join(lines)


def set_means(results: Sequence[Evaluation], models: int) -> str:
    """Return a line for each model: the plain mean over the sets of accuracy and mean recall.

    `results` holds all sets of the first model, then all of the next.
    """
    sets = len(results) // models
    lines = []
    for start in range(0, len(results), sets):
        own = [r.figures for r in results[start : start + sets]]
        accuracy = sum(f["accuracy"] for f in own) / sets
        recall = sum(f["macro"]["recall"] for f in own) / sets
        lines.append(
            f"{own[0]['model']}: mean over {sets} sets: accuracy {100 * accuracy:.2f} %, "
            f"mean recall {100 * recall:.2f} %"
        )
    return "\n".join(lines)


def side_by_side(results: list[Evaluation]) -> str:
    """Return one line for each model."""
    width = max(len("model"), *(len(r.name) for r in results))
    head = ("accuracy", "low", "high", "top-2", "macro F1", "ECE", "FER+", "strong", "pics/s")
    lines = [f"{'model':<{width}}" + "".join(f" {h:>9}" for h in head)]
    for r in results:
        f = r.figures
        values = [
            f["accuracy"], *f["interval95"], f["top2"], f["macro"]["f1"],
            f.get("calibration", {}).get("ece", math.nan),
            f.get("ferplus_majority", {}).get("accuracy", math.nan),
            f.get("ferplus_strong_majority", {}).get("accuracy", math.nan),
        ]  # fmt: skip
        cells = "".join(f" {'-' if math.isnan(v) else f'{v:.4f}':>9}" for v in values)
        lines.append(f"{r.name:<{width}}{cells} {f['pictures_per_second']:>9.0f}")
    return "\n".join(lines)


def _table(confusion: NDArray[np.int64]) -> str:
    lines = [f"{'':>12}" + "".join(f" {e:>9}" for e in EMOTIONS)]
    for emotion, row in zip(EMOTIONS, confusion, strict=True):
        lines.append(f"{emotion:>12}" + "".join(f" {n:>9}" for n in row))
    return "\n".join(lines)
