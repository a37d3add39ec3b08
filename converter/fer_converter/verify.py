"""Compares what a converted file answers with what the original network answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fer_runtime.labels import EMOTIONS
from fer_runtime.model.classifier import as_logits, softmax
from fer_runtime.model.metadata import ModelMetadata
from fer_runtime.prior import BALANCED, TRAINING, log_prior

_NEAR: Final = 1.10
"""Latencies that are nearer than this count as the same."""


@dataclass(frozen=True)
class Truth:
    """What the original network answers to the pictures."""

    probabilities: NDArray[np.float32]
    """(N, 7) in the order of EMOTIONS, temperature and the prior of training included."""
    labels: NDArray[np.int64]
    """(N,) true class in the order of EMOTIONS, -1 where unknown or none of the seven."""

    @property
    def labelled(self) -> bool:
        """Whether any picture's class is known."""
        return bool((self.labels >= 0).any())


@dataclass(frozen=True)
class Comparison:
    """One variant on one interpreter."""

    variant: str
    interpreter: str
    version: str
    """Of the interpreter."""
    bytes: int
    """Size of the file."""
    error: str = ""
    """Why it could not be run; everything below is then without meaning."""
    pictures: int = 0
    max_error: float = 0.0
    """Largest difference of a probability."""
    mean_error: float = 0.0
    """Mean absolute difference of the probabilities."""
    agreement: float = 0.0
    """Share of pictures with the same most probable label, 0–1."""
    accuracy: float | None = None
    """Share of labelled pictures whose label is right, 0–1."""
    reference_accuracy: float | None = None
    """The same of the original network."""
    balanced_accuracy: float | None = None
    """The same under the balanced prior; None where the file does not say its shares."""
    balanced_recall: float | None = None
    """Mean share of each class found under that prior, 0–1."""
    recall: dict[str, float] = field(default_factory=dict)
    """Share of each class found, 0–1."""
    median_ms_1: float = 0.0
    p95_ms_1: float = 0.0
    median_ms_2: float = 0.0
    p95_ms_2: float = 0.0
    memory_mib: float | None = None
    """Resident memory that loading and running added to the process."""
    batch_error: float = 0.0
    """Largest difference of a logit between a picture alone and in a batch."""

    @property
    def drop(self) -> float:
        """Accuracy lost against the original, 0–1; without labels the most it can be."""
        if self.accuracy is None or self.reference_accuracy is None:
            return 1.0 - self.agreement
        return self.reference_accuracy - self.accuracy


def truth(raw: NDArray[np.float32], labels: NDArray[np.int64], metadata: ModelMetadata) -> Truth:
    """Bring the original network's answers into the runtime's order, temperature and prior.

    Everything is compared under the prior of training, which is that of the pictures it is
    usually compared on.

    Parameters
    ----------
    raw
        (N, outputs) float32: logits or probabilities, as `metadata` says.
    labels
        (N,) index into the model's classes, -1 where unknown.
    """
    order = [metadata.classes.index(name) for name in EMOTIONS]
    logits = raw[:, order]
    if metadata.output == "probabilities":
        logits = as_logits(logits)
    place = np.full(len(metadata.classes) + 1, -1)  # the last entry is for unknown labels
    place[order] = np.arange(len(EMOTIONS))
    prior = log_prior(TRAINING, metadata.shares)
    return Truth(softmax(logits, metadata.temperature, prior), place[labels])


def compare(
    true: Truth,
    logits: NDArray[np.float32],
    metadata: ModelMetadata,
    *,
    variant: str,
    interpreter: str,
    version: str,
    size: int,
    measured: dict[str, Any],
) -> Comparison:
    """Compare one variant's logits, (N, 7) float32, with the original's probabilities."""
    prior = log_prior(TRAINING, metadata.shares)
    probabilities = softmax(logits, metadata.temperature, prior)
    difference = np.abs(probabilities - true.probabilities)
    got, wanted = probabilities.argmax(axis=1), true.probabilities.argmax(axis=1)
    known = true.labels >= 0
    balanced = (logits / metadata.temperature + log_prior(BALANCED, metadata.shares)).argmax(axis=1)
    balanced_recall = list(_recall(balanced, true.labels).values())
    told = bool(metadata.shares) and bool(balanced_recall)
    return Comparison(
        variant=variant,
        interpreter=interpreter,
        version=version,
        bytes=size,
        pictures=len(logits),
        max_error=float(difference.max()),
        mean_error=float(difference.mean()),
        agreement=float((got == wanted).mean()),
        accuracy=_share(got, true.labels, known),
        reference_accuracy=_share(wanted, true.labels, known),
        balanced_accuracy=_share(balanced, true.labels, known) if told else None,
        balanced_recall=float(np.mean(balanced_recall)) if told else None,
        recall=_recall(got, true.labels),
        **measured,
    )


def _recall(got: NDArray[np.intp], labels: NDArray[np.int64]) -> dict[str, float]:
    return {
        name: float((got[labels == i] == i).mean())
        for i, name in enumerate(EMOTIONS)
        if (labels == i).any()
    }


def _share(
    got: NDArray[np.intp], labels: NDArray[np.int64], known: NDArray[np.bool_]
) -> float | None:
    return float((got[known] == labels[known]).mean()) if known.any() else None


def complaint(row: Comparison, min_agreement: float) -> str:
    """Return what is wrong with a variant on an interpreter, or an empty string."""
    if row.error:
        return row.error
    if row.agreement < min_agreement:
        return (
            f"agrees with the original on {row.agreement:.1%} of {row.pictures:,} compared, "
            f"expected {min_agreement:.1%} or more"
        )
    return ""


def choose(rows: Sequence[Comparison], min_agreement: float, max_drop: float) -> tuple[str, str]:
    """Choose a variant.

    The rule: of the variants that run on every installed interpreter, agree with the original
    as required and lose at most `max_drop` of accuracy on each, the one with the smallest
    median latency with one thread on the preferred interpreter. Latencies within 10 % of it,
    which two measurements of one file may differ by, count as the same: then the smallest file.
    Without labels the share of changed labels stands for the loss, which cannot be more.

    Parameters
    ----------
    rows
        All comparisons; the preferred interpreter is that of the first one.
    min_agreement, max_drop
        Shares, 0–1.

    Returns
    -------
    The variant and a sentence that says why; the variant is empty where none qualifies.
    """
    preferred = rows[0].interpreter
    good = []
    for variant in dict.fromkeys(row.variant for row in rows):
        own = [row for row in rows if row.variant == variant]
        if all(not complaint(row, min_agreement) and row.drop <= max_drop for row in own):
            good += [row for row in own if row.interpreter == preferred]
    if not good:
        return "", "no variant qualifies"
    fastest = min(row.median_ms_1 for row in good)
    near = [row for row in good if row.median_ms_1 <= _NEAR * fastest]
    best = min(near, key=lambda row: row.bytes)
    return best.variant, (
        f"{best.variant}: {'the smallest file of those ' if len(near) > 1 else ''}"
        f"{'within 10 % of ' if len(near) > 1 else ''}the lowest latency on {preferred} "
        f"({fastest:.2f} ms) among {len(good)} variants that lose at most "
        f"{100 * max_drop:g} points"
    )
