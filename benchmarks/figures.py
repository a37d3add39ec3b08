"""Measures the shipped files and writes the figures into MODEL_CARD.md.

    python benchmarks/figures.py DATA            print them
    python benchmarks/figures.py DATA --write    put them into models/MODEL_CARD.md

DATA holds ``validation/<class>/`` and ``ferplus_votes.csv``. Every picture goes through the
runtime's own classifier, on every installed interpreter, each in a process of its own.
"""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_converter.children import run_child
from fer_converter.table import markdown
from fer_report.metrics import class_scores, confusion_matrix, macro, wilson_interval
from fer_runtime.errors import FerError, UsageError
from fer_runtime.faces.pipeline import EmotionPipeline
from fer_runtime.labels import EMOTIONS
from fer_runtime.model.classifier import Classifier
from fer_runtime.model.interpreter import installed_interpreters, interpreter_version
from fer_runtime.model.metadata import model_path, read_model, shipped_models
from fer_runtime.prior import BALANCED, DEFAULT_PRIOR, TRAINING, log_prior
from fer_runtime.settings.faces import ClassifierSettings
from fer_runtime.settings.schema import Settings
from fer_training.data.datasets import FolderDataset, Pictures
from fer_training.data.ferplus import majority
from fer_training.judge.calibration import cross_fitted, expected_calibration_error
from fer_training.judge.degradation import KINDS, degraded
from fer_training.judge.metrics import normalised

_BEGIN: Final = "<!-- figures: python benchmarks/figures.py DATA --write -->"
_END: Final = "<!-- end of figures -->"


@dataclass(frozen=True)
class Measured:
    """One shipped model on one interpreter."""

    model: str
    interpreter: str
    bytes: int
    temperature: float
    shares: dict[str, float]
    free: NDArray[np.float32]
    """(N, 7), without prior."""
    timing: dict[str, Any]

    @property
    def logits(self) -> NDArray[np.float32]:
        """(N, 7) under the prior of training, which is about that of these pictures."""
        return self.under(TRAINING)

    def under(self, prior: str) -> NDArray[np.float32]:
        """Return (N, 7) logits under a prior, see `fer_runtime.prior`."""
        return self.free + np.float32(self.temperature) * log_prior(prior, self.shares)


def measure_all(pictures: Pictures) -> list[Measured]:
    """Run every shipped model on every installed interpreter."""
    results = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.save(folder / "crops.npy", pictures.crops)
        for model in shipped_models():
            path = model_path(model)
            metadata = read_model(path)[1]
            assert metadata is not None, f"{path} carries no metadata"
            for interpreter in installed_interpreters():
                out = folder / f"{model}-{interpreter}.npy"
                job = {"model": str(path), "interpreter": interpreter,
                       "crops": str(folder / "crops.npy"), "out": str(out)}  # fmt: skip
                timing = run_child("fer_converter.measure", json.dumps(job), what=model)
                results.append(
                    Measured(
                        model,
                        f"{interpreter} {interpreter_version(interpreter)}",
                        path.stat().st_size,
                        metadata.temperature,
                        metadata.shares,
                        np.load(out),
                        timing,
                    )
                )
    return results


def figures(pictures: Pictures, results: list[Measured]) -> str:
    """Return all tables as Markdown."""
    votes = majority(pictures.votes) if pictures.votes is not None else None
    truths: list[tuple[str, NDArray[np.int64], NDArray[np.bool_]]] = [
        ("FER-2013 labels", pictures.labels, np.ones(len(pictures), np.bool_))
    ]
    if votes is not None:
        truths.append(("FER+ majority", votes.labels, votes.usable))
        truths.append(("FER+ strong majority", votes.labels, votes.strong))
    parts = ["### Accuracy", "", *_accuracy(results, truths), "", "### Calibration", ""]
    parts += [
        *_calibration(results, truths),
        "",
        "### The prior",
        "",
        *_priors(results, truths),
        "",
    ]
    parts += ["### Under degradation", "", *_degraded(pictures, results, truths), ""]
    parts += ["### Recall of each class, percent", ""]
    parts += [*_recall(results, truths), "", "### Size and latency", "", *_latency(results)]
    parts += ["", "### Through detector and crop", "", *_through_detector(pictures, truths)]
    first = {r.model: r for r in reversed(results)}
    for model, result in sorted(first.items()):
        truth = _own(model, truths)
        parts += ["", f"### Confusion of `{model}` ({truth[0]}, {result.interpreter}), percent", ""]
        parts += _confusion(result, truth[1], truth[2])
    return "\n".join(parts)


def _accuracy(results: list[Measured], truths: list[Any]) -> list[str]:
    cells = [["model", "interpreter", "judged by", "pictures", "accuracy %", "95 %", "macro-F1"]]
    for r in results:
        for name, labels, use in truths:
            got, real = r.logits[use].argmax(axis=1), labels[use]
            right, total = int((got == real).sum()), len(real)
            low, high = wilson_interval(right, total)
            f1 = macro(class_scores(confusion_matrix(real, got, len(EMOTIONS)))).f1
            cells.append(
                [f"`{r.model}`", r.interpreter, name, f"{total:,}", f"{100 * right / total:.2f}",
                 f"{100 * low:.1f}–{100 * high:.1f}", f"{f1:.3f}"]
            )  # fmt: skip
    return markdown(cells)


def _priors(results: list[Measured], truths: list[Any]) -> list[str]:
    """Accuracy and mean recall under three priors, both label sets."""
    cells = [["model", "`classifier.prior`", "FER-2013 labels %", "mean recall %",
              "FER+ majority %", "mean recall %", "neutral kept %"]]  # fmt: skip
    for r in {r.model: r for r in reversed(results)}.values():
        for prior in (TRAINING, DEFAULT_PRIOR, BALANCED):
            logits, row = r.under(prior), [f"`{r.model}`", prior]
            for _name, labels, use in truths[:2]:
                found = confusion_matrix(labels[use], logits[use].argmax(axis=1), len(EMOTIONS))
                scores = class_scores(found)
                row += [f"{100 * np.trace(found) / found.sum():.2f}",
                        f"{100 * macro(scores).recall:.1f}"]  # fmt: skip
            row.append(f"{100 * scores[EMOTIONS.index('neutral')].recall:.0f}")
            cells.append(row)
    return markdown(cells)


def _degraded(pictures: Pictures, results: list[Measured], truths: list[Any]) -> list[str]:
    """Mean accuracy under `judge.degradation`, on every third picture, as `fer-evaluate`."""
    some = np.arange(len(pictures))[::3]
    models = list(dict.fromkeys(r.model for r in results))
    classifiers = {model: Classifier(model, prior=TRAINING) for model in models}
    right: dict[tuple[str, str], float] = {}

    def share(model: str, crops: NDArray[np.uint8]) -> float:
        _name, labels, use = _own(model, truths)
        parts = [classifiers[model].probabilities(crops[i : i + 128])
                 for i in range(0, len(crops), 128)]  # fmt: skip
        called = np.concatenate(parts).argmax(axis=1)
        return float(np.mean(called[use[some]] == labels[some][use[some]]))

    for model in models:
        right[model, "as given"] = share(model, pictures.crops[some])
    for kind in KINDS:
        spoilt = [degraded(pictures.crops[some], kind, level) for level in range(5)]
        for model in models:
            right[model, kind] = float(np.mean([share(model, crops) for crops in spoilt]))
    cells = [["model", "judged by", "as given %", *KINDS, "mean %", "lost"]]
    for model in models:
        mean = float(np.mean([right[model, kind] for kind in KINDS]))
        given = right[model, "as given"]
        cells.append([f"`{model}`", _own(model, truths)[0], f"{100 * given:.1f}",
                      *(f"{100 * right[model, kind]:.0f}" for kind in KINDS),
                      f"{100 * mean:.1f}", f"{100 * (given - mean):.1f}"])  # fmt: skip
    return markdown(cells)


def _own(model: str, truths: list[Any]) -> Any:
    """Return the label set by which a model is judged where there is room for one."""
    return truths[0] if model == "fer2013" or len(truths) < 2 else truths[1]


def _calibration(results: list[Measured], truths: list[Any]) -> list[str]:
    cells = [
        ["model", "interpreter", "judged by", "temperature", "ECE at T = 1", "ECE cross-fitted"]
    ]
    for r in results:
        name, labels, use = _own(r.model, truths)
        logits, real = r.logits[use], labels[use]
        before = expected_calibration_error(real, logits)
        after, _temperatures, _ = cross_fitted(real, logits)
        cells.append([f"`{r.model}`", r.interpreter, name, f"{r.temperature:.3f}",
                      f"{before:.3f}", f"{after:.3f}"])  # fmt: skip
    return markdown(cells)


def _recall(results: list[Measured], truths: list[Any]) -> list[str]:
    cells = [["model", "judged by", *EMOTIONS]]
    for r in {r.model: r for r in reversed(results)}.values():
        for name, labels, use in truths:
            confusion = confusion_matrix(labels[use], r.logits[use].argmax(axis=1), len(EMOTIONS))
            found = [f"{100 * s.recall:.1f} ({s.support})" for s in class_scores(confusion)]
            cells.append([f"`{r.model}`", name, *found])
    return markdown([cells[0], *sorted(cells[1:])])


def _latency(results: list[Measured]) -> list[str]:
    cells = [["model", "interpreter", "kB", "1 thread ms (p95)", "2 threads ms (p95)", "MiB"]]
    for r in results:
        t = r.timing
        memory = "" if t["memory_mib"] is None else f"{t['memory_mib']:.0f}"
        cells.append([f"`{r.model}`", r.interpreter, f"{r.bytes / 1000:.0f}",
                      f"{t['median_ms_1']:.2f} ({t['p95_ms_1']:.2f})",
                      f"{t['median_ms_2']:.2f} ({t['p95_ms_2']:.2f})", memory])  # fmt: skip
    return markdown(cells)


def _through_detector(pictures: Pictures, truths: list[Any]) -> list[str]:
    """Paste every second picture, 192 px high, into a camera frame; let the pipeline work."""
    cells = [["model", "judged by", "pictures", "found %", "accuracy of those found %",
              "the same as given %"]]  # fmt: skip
    for model in shipped_models():
        pipeline = EmotionPipeline(
            Settings(classifier=ClassifierSettings(model=model, prior=TRAINING))
        )
        name, labels, use = _own(model, truths)
        chosen = np.flatnonzero(use)[::2]
        found, right, right_as_given = 0, 0, 0
        for index in chosen:
            crop = pictures.crops[index]
            frame = np.full((480, 640, 3), 114, np.uint8)
            face = cv2.resize(crop, (192, 192), interpolation=cv2.INTER_CUBIC)
            frame[144:336, 224:416] = face[..., np.newaxis]
            readings = pipeline.analyze(frame)
            if not readings:
                continue
            found += 1
            right += int(np.argmax(readings[0].probabilities) == labels[index])
            given = pipeline.classifier.probabilities(crop[np.newaxis])
            right_as_given += int(given.argmax() == labels[index])
        cells.append([f"`{model}`", name, f"{len(chosen):,}", f"{100 * found / len(chosen):.1f}",
                      f"{100 * right / found:.2f}",
                      f"{100 * right_as_given / found:.2f}"])  # fmt: skip
    return markdown(cells)


def _confusion(result: Measured, labels: NDArray[np.int64], use: NDArray[np.bool_]) -> list[str]:
    matrix = confusion_matrix(labels[use], result.logits[use].argmax(axis=1), len(EMOTIONS))
    cells = [["real", "pictures", *EMOTIONS]]
    for name, row, counts in zip(EMOTIONS, normalised(matrix), matrix, strict=True):
        cells.append([name, f"{int(counts.sum())}", *(f"{100 * v:.0f}" for v in row)])
    return markdown(cells)


def main() -> None:
    """Print the figures or write them into the card."""
    if len(sys.argv) < 2:
        raise UsageError("expected the data folder, received nothing")
    pictures = FolderDataset(sys.argv[1]).load("validation")
    text = figures(pictures, measure_all(pictures))
    if "--write" not in sys.argv:
        print(text)
        return
    card = Path(__file__).parents[1] / "models" / "MODEL_CARD.md"
    old = card.read_text("utf-8")
    head, rest = old.split(_BEGIN, 1)
    tail = rest.split(_END, 1)[1]
    card.write_text(f"{head}{_BEGIN}\n\n{text}\n\n{_END}{tail}", "utf-8")


if __name__ == "__main__":
    try:
        main()
    except FerError as error:
        sys.exit(f"figures: {error}")
