"""Pictures and tables of an evaluation, and sheets of samples; needs matplotlib."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_runtime.errors import ConfigError
from fer_runtime.labels import EMOTIONS
from fer_runtime.model.crop import CROP_SIZE

from ..atomic import json_text, output_error, replacing, write_text
from ..data.datasets import Pictures
from .calibration import Reliability, reliability
from .evaluation import Evaluation, report
from .metrics import normalised, softmax

_MISTAKES = 40
_SHEET_ROW = 8
"""Pictures of each class on the sample sheet."""


def write_report(folder: str | Path, result: Evaluation, pictures: Pictures) -> list[Path]:
    """Write everything about one evaluation into a folder; return the files.

    ``report.txt``, ``evaluation.json``, ``confusion.csv``, ``confusion_normalised.csv``,
    ``confusion.png``, ``reliability.png``, ``mistakes.png``, ``mistakes.csv``; where the pictures
    were degraded as well, ``coverage.png``.

    Raises
    ------
    OutputError
        If the folder cannot be written.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise output_error(folder, error) from None
    shares = normalised(result.confusion)
    write_text(folder / "report.txt", report(result) + "\n")
    write_text(folder / "evaluation.json", json_text(result.figures) + "\n")
    write_text(folder / "confusion.csv", _csv(result.confusion))
    write_text(folder / "confusion_normalised.csv", _csv(shares.round(6)))
    draw_confusion(folder / "confusion.png", result.confusion, result.name)
    before = reliability(result.labels, softmax(result.logits))
    after = reliability(result.labels, result.probabilities)
    draw_reliability(folder / "reliability.png", before, after, result.temperature)
    if "coverage" in result.figures:
        draw_coverage(folder / "coverage.png", result.figures["coverage"], result.name)
    _mistakes(folder, result, pictures)
    return sorted(p for p in folder.iterdir() if p.is_file() and not p.name.startswith("."))


def draw_confusion(path: Path, confusion: NDArray[np.int64], title: str) -> None:
    """Draw the confusion matrix, counts beside shares of each real class; rows = real."""
    figure, axes = _pyplot().subplots(1, 2, figsize=(13, 5.8), layout="constrained")
    shares = normalised(confusion)
    for axis, values, text, name in (
        (axes[0], confusion, "{:d}", "pictures"),
        (axes[1], shares, "{:.2f}", "share of each real class"),
    ):
        # Both are coloured by share: counts would only show which class is large.
        axis.imshow(shares, cmap="Blues", vmin=0.0, vmax=1.0)
        axis.set(xticks=range(len(EMOTIONS)), yticks=range(len(EMOTIONS)), title=name)
        axis.set_xticklabels(EMOTIONS, rotation=40, ha="right")
        axis.set_yticklabels(EMOTIONS)
        axis.set(xlabel="predicted", ylabel="real")
        for row in range(len(EMOTIONS)):
            for column in range(len(EMOTIONS)):
                axis.text(
                    column, row, text.format(values[row, column]), ha="center", va="center",
                    color="white" if shares[row, column] > 0.5 else "black",
                )  # fmt: skip
    figure.suptitle(title)
    _save(figure, path)


def draw_reliability(
    path: Path, before: Reliability, after: Reliability, temperature: float
) -> None:
    """Draw accuracy over confidence, at temperature 1 and at the stored one."""
    figure, axes = _pyplot().subplots(1, 2, figsize=(10, 5), layout="constrained")
    for axis, bins, name in (
        (axes[0], before, "temperature 1"),
        (axes[1], after, f"temperature {temperature:.3f}"),
    ):
        filled = bins.count > 0
        middle = (bins.edges[:-1] + bins.edges[1:]) / 2
        axis.bar(middle[filled], bins.accuracy[filled], width=1 / len(middle), edgecolor="white")
        axis.plot([0, 1], [0, 1], color="black", linewidth=1, linestyle="--")
        axis.plot(bins.confidence[filled], bins.accuracy[filled], "o-", color="#d55e00")
        axis.set(xlim=(0, 1), ylim=(0, 1), xlabel="confidence", ylabel="accuracy", aspect="equal")
        axis.set_title(f"{name}: calibration error {bins.error:.3f}")
    _save(figure, path)


def draw_coverage(path: Path, found: dict[str, Any], title: str) -> None:
    """Draw the accuracy of what is claimed over the share of the degraded pictures claimed."""
    figure, axis = _pyplot().subplots(figsize=(6, 4.5), layout="constrained")
    share, right = ([100 * p[key] for p in found["points"]] for key in ("coverage", "accuracy"))
    axis.plot(share, right, "o-")
    default = found["default"]
    if default["accuracy"] is not None:
        axis.plot(100 * default["coverage"], 100 * default["accuracy"], "s", color="#d55e00",
                  label=f"smoothing.threshold {default['threshold']:g}")  # fmt: skip
        axis.legend()
    axis.set(xlabel="claimed, % of degraded pictures", ylabel="right, % of claimed", title=title)
    _save(figure, path)


def _mistakes(folder: Path, result: Evaluation, pictures: Pictures) -> None:
    """Write the most confident wrong answers: a sheet and a table."""
    p = result.probabilities
    called = p.argmax(axis=1)
    wrong = np.flatnonzero(called != result.labels)
    worst = wrong[np.argsort(-p[wrong].max(axis=1), kind="stable")][:_MISTAKES]
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(["file", "real", "predicted", "confidence"])
    for i in worst:
        writer.writerow([pictures.files[result.index[i]], EMOTIONS[result.labels[i]],
                         EMOTIONS[called[i]], f"{p[i].max():.4f}"])  # fmt: skip
    write_text(folder / "mistakes.csv", table.getvalue())
    titles = [
        f"{EMOTIONS[result.labels[i]]}\ncalled {EMOTIONS[called[i]]} {100 * p[i].max():.0f} %"
        for i in worst
    ]
    crops = [pictures.crops[result.index[i]] for i in worst]
    draw_sheet(folder / "mistakes.png", crops, titles, "most confident mistakes")


def sample_sheet(path: str | Path, pictures: Pictures) -> None:
    """Draw eight pictures of each class, a class in a row; OutputError where it cannot."""
    rng = np.random.default_rng(0)
    crops: list[NDArray[np.uint8]] = []
    titles: list[str] = []
    for label, emotion in enumerate(EMOTIONS):
        pool = rng.permutation(np.flatnonzero(pictures.labels == label))[:_SHEET_ROW]
        blank = np.full((CROP_SIZE, CROP_SIZE), 255, np.uint8)
        row = [pictures.crops[i] for i in pool]
        crops += row + [blank] * (_SHEET_ROW - len(row))
        titles += [emotion] * len(row) + [""] * (_SHEET_ROW - len(row))
    draw_sheet(Path(path), crops, titles, f"{len(pictures):,} pictures", _SHEET_ROW)


def draw_sheet(
    path: Path,
    crops: Sequence[NDArray[np.uint8]],
    titles: Sequence[str],
    title: str,
    columns: int = 8,
) -> None:
    """Draw a sheet of crops, each with a line or two above it.

    Parameters
    ----------
    crops
        Each (h, w) grey, (h, w, 3) RGB, or a sequence (frames, h, w), of which the last is drawn.
    """
    rows = max(1, -(-len(crops) // columns))
    figure, axes = _pyplot().subplots(
        rows, columns, figsize=(1.5 * columns, 1.9 * rows + 0.5), layout="constrained",
        squeeze=False,
    )  # fmt: skip
    for axis in axes.flat:
        axis.axis("off")
    for axis, crop, text in zip(axes.flat, crops, titles, strict=False):
        picture = crop[-1] if crop.ndim == 3 and crop.shape[-1] != 3 else crop
        axis.imshow(picture, cmap="gray", vmin=0, vmax=255)
        axis.set_title(text, fontsize=7)
    figure.suptitle(title)
    _save(figure, path)


def _csv(matrix: NDArray[Any]) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["real\\predicted", *EMOTIONS])
    for emotion, row in zip(EMOTIONS, matrix.tolist(), strict=True):
        writer.writerow([emotion, *row])
    return out.getvalue()


def _pyplot() -> Any:
    try:
        import matplotlib
    except ImportError:
        raise ConfigError(
            "matplotlib, which draws the pictures, is not installed",
            "run: pip install 'fer-edge[train]'",
        ) from None
    matplotlib.use("Agg")  # no window, whatever display there is
    import matplotlib.pyplot

    return matplotlib.pyplot


def _save(figure: Any, path: Path) -> None:
    try:
        with replacing(path) as temporary:
            figure.savefig(temporary, dpi=110)
    finally:
        _pyplot().close(figure)
