"""Whether cheap measures of a picture tell, beyond the probability, what not to claim.

    python benchmarks/quality.py FER2013_DIR [--limit 400] [--model blend]

Validation pictures, each spoilt in the 55 ways of `fer-evaluate --degrade`, are pasted 96 px high
into a grey tile of 128×128 and looked for with YuNet; what is not found is left out, as nothing is
claimed of it. Measures: sharpness (logarithm of the variance of the crop's Laplacian), contrast
(standard deviation of its greys), the detector's score, symmetry (how far the nose lies from the
middle of the eyes and of the mouth's corners, in eye distances). A logistic regression on the
probability and the measures, their squares and their products with the probability, is fitted on
one half of the pictures and orders the other half, and the other way round; printed is what is
right of the surest 90 %, ordered by the probability alone and by the regression. The interval is
that of 300 draws of the pictures with replacement.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from calm_sequences import truth
from fer_runtime.assets import asset_path
from fer_runtime.labels import EMOTIONS
from fer_runtime.model.classifier import Classifier
from fer_runtime.model.metadata import DEFAULT_MODEL
from fer_training.judge.degradation import KINDS, degraded

_TILE, _FACE = 128, 96
_SHARE = 0.9
MEASURES = ("sharpness", "contrast", "detector score", "symmetry")

Floats = NDArray[np.float64]


def measures(crop: NDArray[np.uint8], row: Floats) -> Floats:
    """Return the `MEASURES` of a (48, 48) uint8 crop and YuNet's row (15,) of its face."""
    sharp = np.log(1 + cv2.Laplacian(crop, cv2.CV_64F).var())
    points = row[4:14].reshape(5, 2)
    between = max(float(np.hypot(*(points[1] - points[0]))), 1.0)
    middle = (points[:2].mean(axis=0) + points[3:].mean(axis=0)) / 2
    return np.array([sharp, crop.std(), row[14], abs(points[2, 0] - middle[0]) / between])


def regression(x: Floats, right: NDArray[np.bool_]) -> Floats:
    """Fit a logistic regression (Newton, ridge 1): the weights of the columns of `x`."""
    weights = np.zeros(x.shape[1])
    for _ in range(30):
        p = 1 / (1 + np.exp(-x @ weights))
        slope = x.T @ (right - p) - weights
        bend = (x * (p * (1 - p))[:, np.newaxis]).T @ x + np.eye(x.shape[1])
        weights = weights + np.linalg.solve(bend, slope)
    return weights


def columns(sure: Floats, values: Floats) -> Floats:
    """Return what the regression sees: probability and standardised measures."""
    odds = np.log(np.clip(sure, 1e-4, 1 - 1e-4) / np.clip(1 - sure, 1e-4, 1))[:, np.newaxis]
    z = (values - values.mean(axis=0)) / (values.std(axis=0) + 1e-9)
    return np.hstack([np.ones_like(odds), odds, odds**2, z, z**2, z * odds])


def order(picture: NDArray[np.int64], x: Floats, right: NDArray[np.bool_]) -> Floats:
    """Return each answer's score, fitted on the pictures of the other half."""
    score = np.zeros(len(x))
    for half in (0, 1):
        mine = picture % 2 == half
        score[mine] = x[mine] @ regression(x[~mine], right[~mine])
    return score


def claimed_right(right: NDArray[np.bool_], score: Floats) -> float:
    """Return the accuracy of the surest `_SHARE`."""
    return float(right[np.argsort(-score, kind="stable")[: round(_SHARE * len(right))]].mean())


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--limit", type=int, default=400, help="pictures")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    given = parser.parse_args()
    rng = np.random.default_rng(0)
    files = sorted((given.folder / "validation").glob("*/*.jpg"))
    labels = truth(given.folder / "validation", files, given.model)
    chosen = rng.permutation(np.flatnonzero(labels >= 0))[: given.limit]
    crops = np.stack([cv2.imread(str(files[i]), cv2.IMREAD_GRAYSCALE) for i in chosen])
    classifier = Classifier(given.model)
    net = cv2.FaceDetectorYN.create(str(asset_path("yunet")), "", (_TILE, _TILE), 0.4, 0.3)
    tile = np.full((_TILE, _TILE, 3), 128, np.uint8)
    edge = (_TILE - _FACE) // 2
    rows, picture, right, sure = [], [], [], []
    for kind in KINDS:
        for level in range(5):
            spoilt = degraded(crops, kind, level)
            p = classifier.probabilities(spoilt)
            for i, crop in enumerate(spoilt):
                face = cv2.resize(crop, (_FACE, _FACE), interpolation=cv2.INTER_LINEAR)
                tile[edge : edge + _FACE, edge : edge + _FACE] = face[..., np.newaxis]
                found = net.detect(tile)[1]
                if found is None:
                    continue
                best = np.asarray(found[np.argmax(found[:, 14])], np.float64)
                rows.append(measures(crop, best))
                picture.append(i)
                right.append(p[i].argmax() == labels[chosen[i]])
                sure.append(p[i].max())
    values, number = np.array(rows), np.array(picture)
    good, confident = np.array(right), np.array(sure, np.float64)
    total = len(chosen) * 5 * len(KINDS)
    print(f"{given.model}: {len(good)} of {total} degraded pictures found, {len(EMOTIONS)} classes,"
          f" {100 * good.mean():.2f} % right")  # fmt: skip
    print(f"surest 90 % by the probability alone: {100 * claimed_right(good, confident):.2f} %")
    sets = {name: [i] for i, name in enumerate(MEASURES)} | {"all": list(range(len(MEASURES)))}
    # The probability through the same regression: so its bends are no gain of a measure.
    alone = order(number, columns(confident, values[:, :0]), good)
    draws = [rng.integers(0, len(chosen), len(chosen)) for _ in range(300)]
    where = [np.flatnonzero(number == i) for i in range(len(chosen))]
    for name, which in sets.items():
        score = order(number, columns(confident, values[:, which]), good)
        gains = []
        for draw in draws:
            some = np.concatenate([where[i] for i in draw])
            gains.append(claimed_right(good[some], score[some])
                         - claimed_right(good[some], alone[some]))  # fmt: skip
        low, high = np.percentile(gains, [2.5, 97.5])
        gain = claimed_right(good, score) - claimed_right(good, alone)
        print(f"with {name:<16} {100 * gain:+.2f} points ({100 * low:+.2f} to {100 * high:+.2f})")


if __name__ == "__main__":
    main()
