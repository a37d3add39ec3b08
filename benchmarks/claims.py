"""Accuracy over the share of degraded pictures that is claimed, of the shipped files; and a plot.

    python benchmarks/claims.py FER2013_DIR [--limit 0] [--plot docs/coverage.svg]
    python benchmarks/claims.py FER2013_DIR --filtered [--limit 600]

The validation pictures, each spoilt in the 55 ways of `fer-evaluate --degrade`, single, without
the filter, under the default prior; the surest answers are claimed first. `--filtered`: each
picture in one of the 55 ways drawn by chance, shaken as in `calm.py` and looked at for three
seconds, ten times a second, through the filter without a threshold; the answers are those of the
last look, the surest those with the highest probability that `smoothing.threshold` is compared
with. `--limit` draws so many pictures at random; 0 takes all. Needs matplotlib for the plot.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from calm_sequences import shaken, truth
from fer_runtime.faces.smoothing import Smoother
from fer_runtime.labels import EMOTIONS
from fer_runtime.model.classifier import Classifier
from fer_runtime.settings.faces import SmoothingSettings
from fer_training.judge.coverage import SHARES, claimed, coverage
from fer_training.judge.degradation import KINDS, degraded

Classes = NDArray[np.int64]
Floats = NDArray[np.float64]

JUDGED = (("blend", "ferplus"), ("blend", "fer2013"), ("ferplus", "ferplus"), ("fer2013",) * 2)
"""Model, and the labels it is judged by: FER+ majority or FER-2013's own."""
LOOKS = 30
_NAMES = {"ferplus": "FER+ majority", "fer2013": "FER-2013 labels"}


def answers(
    folder: Path, limit: int
) -> tuple[dict[str, NDArray[np.float32]], dict[str, NDArray[np.int64]]]:
    """Return per model the (55 N, 7) probabilities, and per set of labels its (55 N,) classes."""
    files = sorted(folder.glob("*/*.jpg"))
    rng = np.random.default_rng(0)
    chosen = rng.permutation(len(files))[: limit or None]
    crops = np.stack([cv2.imread(str(files[i]), cv2.IMREAD_GRAYSCALE) for i in chosen])
    models = {name: Classifier(name) for name in {model for model, _ in JUDGED}}
    found: dict[str, list[NDArray[np.float32]]] = {name: [] for name in models}
    for kind in KINDS:
        for level in range(5):
            spoilt = degraded(crops, kind, level)
            for name, classifier in models.items():
                found[name].append(classifier.probabilities(spoilt))
    labels = {
        name: np.tile(truth(folder, files, name)[chosen], 5 * len(KINDS))
        for name in {judge for _, judge in JUDGED}
    }
    return {name: np.concatenate(parts) for name, parts in found.items()}, labels


def filtered(
    folder: Path, limit: int
) -> tuple[dict[str, tuple[Classes, Floats]], dict[str, Classes]]:
    """Return per model the (N,) classes shown and their probabilities, and the labels' classes."""
    files = sorted(folder.glob("*/*.jpg"))
    rng = np.random.default_rng(0)
    chosen = rng.permutation(len(files))[: limit or None]
    ways = [(kind, level) for kind in KINDS for level in range(5)]
    models = {name: Classifier(name) for name in {model for model, _ in JUDGED}}
    settings = SmoothingSettings(threshold=0.0)
    found: dict[str, list[tuple[int, float]]] = {name: [] for name in models}
    for i, way in zip(chosen, rng.integers(0, len(ways), len(chosen)), strict=True):
        crop = np.asarray(cv2.imread(str(files[i]), cv2.IMREAD_GRAYSCALE), np.uint8)
        spoilt = degraded(crop[np.newaxis], *ways[way], seed=int(i))[0]
        looks = np.stack([shaken(spoilt, rng) for _ in range(LOOKS)])
        for name, classifier in models.items():
            smoother = Smoother(settings)
            for number, row in enumerate(classifier.probabilities(looks)):
                label, _, _ = smoother.update(1, row, number / 10)
            found[name].append((EMOTIONS.index(label), smoother.sure(1)))
    labels = {name: truth(folder, files, name)[chosen] for name in {judge for _, judge in JUDGED}}
    return {
        name: (np.array([c for c, _ in rows]), np.array([s for _, s in rows]))
        for name, rows in found.items()
    }, labels


def draw(path: Path, curves: dict[str, Any], threshold: float) -> None:
    """Draw the curves, and where `threshold` lies on them, as SVG or PNG by the file's name."""
    import matplotlib

    matplotlib.use("agg")
    # Text as text and no date: a small file that is the same every time.
    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "claims"})
    from matplotlib import pyplot

    figure, axis = pyplot.subplots(figsize=(6, 4), layout="constrained")
    for name, found in curves.items():
        share = [100 * p["coverage"] for p in found["points"]]
        right = [100 * p["accuracy"] for p in found["points"]]
        (line,) = axis.plot(share, right, ".-", label=name)
        at = found["default"]
        axis.plot(100 * at["coverage"], 100 * at["accuracy"], "s", color=line.get_color())
    axis.plot([], [], "s", color="grey", label=f"from {threshold:g} on")
    axis.set(xlabel="claimed, % of degraded pictures", ylabel="right, % of claimed")
    figure.legend(loc="outside upper center", ncols=2)
    axis.grid(alpha=0.3)
    svg = path.suffix == ".svg"
    figure.savefig(path, dpi=100, metadata={"Date": None} if svg else None)
    pyplot.close(figure)


def main() -> None:
    """Print a row per model and judge, and draw the plot."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--limit", type=int, default=0, help="pictures; 0 for all")
    parser.add_argument("--filtered", action="store_true")
    parser.add_argument("--plot", type=Path)
    given = parser.parse_args()
    threshold = SmoothingSettings().threshold
    if given.filtered:
        shown, labels = filtered(given.folder / "validation", given.limit)
    else:
        probabilities, labels = answers(given.folder / "validation", given.limit)
        shown = {m: (p.argmax(-1), p.max(-1).astype(np.float64)) for m, p in probabilities.items()}
    curves = {}
    print("| claimed | " + " | ".join(f"{100 * s:.0f} %" for s in SHARES)
          + f" | 90 % from | from {threshold:g}: claimed, right |")  # fmt: skip
    print("|---" * (len(SHARES) + 3) + "|")
    for model, judge in JUDGED:
        known = labels[judge] >= 0
        right, sure = (shown[model][0] == labels[judge])[known], shown[model][1][known]
        found = {**coverage(right, sure), "default": claimed(right, sure, threshold)}
        curves[f"{model}, {_NAMES[judge]}"] = found
        at = found["default"]
        cells = [f"{100 * point['accuracy']:.1f}" for point in found["points"]]
        ninety = next(p["threshold"] for p in found["points"] if p["coverage"] == 0.9)
        print(f"| `{model}`, {_NAMES[judge]} | " + " | ".join(cells) + f" | {ninety:.3f} | "
              f"{100 * at['coverage']:.1f}, {100 * at['accuracy']:.1f} |", flush=True)  # fmt: skip
    each = 1 if given.filtered else 5 * len(KINDS)
    print(f"{found['n'] // each} pictures (of the last row), each in {each} of 55 ways")
    if given.plot:
        draw(given.plot, curves, threshold)


if __name__ == "__main__":
    main()
