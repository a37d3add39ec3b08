"""The conversion from beginning to end: build, verify, choose, write. Imports no TensorFlow."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fer_runtime.errors import ModelError, OutputError, UsageError
from fer_runtime.model.interpreter import installed_interpreters
from fer_runtime.model.metadata import ModelMetadata, metadata_from_dict, read_model, write_model
from fer_runtime.prior import TRAINING, log_prior
from fer_training.atomic import write_text
from fer_training.judge.calibration import expected_calibration_error, fit_temperature
from fer_training.judge.foreign import doubts

from .children import run_child
from .job import Job
from .running import Answers, compare_all
from .verify import Comparison, Truth, choose, complaint, truth

Say = Callable[[str], None]

_ACCURACIES: Final = ("accuracy", "original_accuracy", "balanced_prior", "recall", "prior")
"""Figures that only hold on pictures which the network has not learnt from."""

_FEWEST_TO_FIT: Final = 100
"""Labelled pictures without which a fitted temperature would be noise."""


@dataclass(frozen=True)
class Outcome:
    """What a conversion came to."""

    variant: str
    """The one that was written."""
    reason: str
    rows: list[Comparison]
    pictures: str
    """What was compared on, in words."""
    metadata: ModelMetadata


def convert(
    job: Job, output: Path, *, min_agreement: float, max_drop: float, auto: bool, say: Say
) -> Outcome:
    """Convert a network, verify every variant on every installed interpreter, write the best.

    Parameters
    ----------
    job
        What to build.
    output
        The .tflite; a report of the same name with ``.json`` is written beside it.
    min_agreement
        Share of pictures, 0–1, on which a variant must give the original's label.
    max_drop
        Accuracy, 0–1, that a variant chosen automatically may lose.
    auto
        Choose among the variants; otherwise the job has one.
    say
        Receives lines of progress.

    Raises
    ------
    FerError
        If anything fails; the old output then stays as it was.
    """
    check_writable(output)
    interpreters = installed_interpreters()
    if not interpreters:
        raise ModelError("no TFLite interpreter is installed", "run: pip install ai-edge-litert")
    with (
        tempfile.TemporaryDirectory(prefix="fer-convert-") as name,
        Answers(Path(name), interpreters, len(job.variants), say) as answers,
    ):
        folder = Path(name)
        built = run_child(
            "fer_converter.worker",
            json.dumps({"job": job.to_json(), "folder": name}),
            what=f"model {job.source}",
            say=say,
            ready=answers.add,
            timeout_s=3600.0,
        )
        metadata = metadata_from_dict(built["metadata"])
        true = truth(np.load(folder / "reference.npy"), np.load(folder / "labels.npy"), metadata)
        for text in built["failed"].values():
            say(f"left out: {text}")
        variants = [v for v in job.variants if v not in built["failed"]]
        rows = compare_all(answers, variants, true, metadata)
        known = true.labels >= 0
        doubt = doubts(true.labels[known], true.probabilities[known].argmax(axis=1))
        if doubt and not metadata.shares:
            say(f"note: {doubt}")
        variant, reason = _decide(rows, auto, min_agreement, max_drop, output)
        best = next(row for row in rows if row.variant == variant)
        figures = _figures(best, built["pictures"], bool(metadata.shares))
        logits = np.load(folder / f"{variant}-{best.interpreter}.npy")
        if job.temperature == "fit":
            metadata = replace(metadata, temperature=_fit(true, logits, metadata, say))
        if built["learnt"]:
            say("note: these may be pictures that it has learnt from: the file records no "
                "accuracy; give others with --verify")  # fmt: skip
            figures = {k: v for k, v in figures.items() if k not in _ACCURACIES}
        else:
            figures |= _calibration(true, logits, metadata)
        metadata = replace(
            metadata, quantization=variant, accuracy=metadata.accuracy | {"converted": figures}
        )
        write_model(output, read_model(folder / f"{variant}.tflite")[0], metadata)
    outcome = Outcome(variant, reason, rows, built["pictures"], metadata)
    write_report(output.with_suffix(".json"), job, outcome)
    return outcome


def check_writable(output: Path) -> None:
    """Raise OutputError now rather than after minutes of work."""
    if output.is_dir():
        raise OutputError(f"-o {output}: expected a file, received a folder")
    if output.suffix != ".tflite":
        raise OutputError(f"-o {output}: expected a name ending in .tflite")
    if not output.parent.is_dir():
        raise OutputError(f"-o {output}: there is no folder {output.parent}", "make it first")
    try:
        with tempfile.TemporaryFile(dir=output.parent):
            pass
    except OSError as error:
        raise OutputError(
            f"-o {output}: the folder cannot be written: {error.strerror}", "choose another"
        ) from None


def _decide(
    rows: Sequence[Comparison], auto: bool, min_agreement: float, max_drop: float, output: Path
) -> tuple[str, str]:
    """Return the variant to write and why; ModelError where none may be written."""
    if auto:
        variant, reason = choose(rows, min_agreement, max_drop)
        if variant:
            return variant, reason
        raise NotVerified(
            f"no variant agrees with the original on {min_agreement:.0%} of the pictures and "
            f"loses at most {100 * max_drop:g} points on every installed interpreter",
            f"nothing was written to {output}; see the table, or raise --max-drop",
            rows,
        )
    for row in rows:
        wrong = complaint(row, min_agreement)
        if wrong:
            raise NotVerified(
                f"{row.variant} on {row.interpreter} {row.version}: {wrong}",
                f"nothing was written to {output}; try --quantize auto or none",
                rows,
            )
    return rows[0].variant, f"{rows[0].variant}: as asked"


class NotVerified(ModelError):
    """A conversion that did not pass its verification; carries the table."""

    def __init__(self, message: str, remedy: str, rows: Sequence[Comparison]) -> None:
        super().__init__(message, remedy)
        self.rows = list(rows)


def _figures(best: Comparison, pictures: str, told: bool) -> dict[str, Any]:
    """Return what the file will say of its own accuracy."""
    figures: dict[str, Any] = {
        "pictures": pictures,
        "count": best.pictures,
        "agreement": round(best.agreement, 5),
        "interpreter": f"{best.interpreter} {best.version}",
    }
    if best.accuracy is not None and best.reference_accuracy is not None:
        figures["accuracy"] = round(best.accuracy, 5)
        figures["original_accuracy"] = round(best.reference_accuracy, 5)
        figures["prior"] = TRAINING if told else "its own, unknown"
        if best.balanced_accuracy is not None and best.balanced_recall is not None:
            figures["balanced_prior"] = {
                "accuracy": round(best.balanced_accuracy, 5),
                "mean_recall": round(best.balanced_recall, 5),
            }
        figures["recall"] = {name: round(value, 5) for name, value in best.recall.items()}
    return figures


def _fit(true: Truth, logits: NDArray[np.float32], metadata: ModelMetadata, say: Say) -> float:
    """Return the temperature that fits the written file's own logits to the known labels."""
    known = true.labels >= 0
    if known.sum() < _FEWEST_TO_FIT:
        raise UsageError(
            f"--temperature fit: expected {_FEWEST_TO_FIT} or more labelled pictures, received "
            f"{int(known.sum())}",
            "give class folders with --verify",
        )
    prior = log_prior(TRAINING, metadata.shares)
    temperature = round(fit_temperature(true.labels[known], logits[known], prior), 4)
    say(f"temperature {temperature} fitted on {int(known.sum()):,} pictures")
    return temperature


def _calibration(
    true: Truth, logits: NDArray[np.float32], metadata: ModelMetadata
) -> dict[str, float]:
    """Return the expected calibration error of the written file, where labels are known.

    Under the prior of training: under another one it holds where the emotions are so common.
    """
    known = true.labels >= 0
    if not known.any():
        return {}
    temperature = metadata.temperature
    prior = log_prior(TRAINING, metadata.shares)
    labels, logits = true.labels[known], logits[known] + temperature * prior
    return {
        "calibration_error_untempered": round(expected_calibration_error(labels, logits), 5),
        "calibration_error": round(expected_calibration_error(labels, logits, temperature), 5),
    }


def write_report(path: Path, job: Job, outcome: Outcome) -> None:
    """Write the whole table as JSON, atomically; OutputError where that fails."""
    content = {
        "source": Path(job.source).name,
        "written": outcome.variant,
        "reason": outcome.reason,
        "pictures": outcome.pictures,
        "seed": job.seed,
        "python": sys.version.split()[0],
        "metadata": asdict(outcome.metadata),
        "rows": [asdict(row) | {"accuracy_drop": row.drop} for row in outcome.rows],
    }
    write_text(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
