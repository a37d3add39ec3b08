"""What the network is to answer for each picture: a distribution for each head."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fer_runtime.errors import ConfigError, DataError
from fer_runtime.labels import EMOTIONS

from ..atomic import NOT_NPZ
from ..data.datasets import Pictures
from ..data.ferplus import distribution
from ..nets.heads import HEADS, Targets
from .recipe import Recipe


def make_targets(pictures: Pictures, recipe: Recipe, soft: Targets | None = None) -> Targets:
    """Return the distribution of every head for every picture.

    FER-2013: the label, smoothed. FER+: the share of votes; a row of zeros where the picture
    has none, which then adds nothing to the loss. With a teacher both are
    ``(1 - distil) · own + distil · teacher``. Class weights scale the FER-2013 rows.

    Parameters
    ----------
    soft
        The teacher's probabilities by head, rows as `pictures`.

    Raises
    ------
    ConfigError
        If the recipe wants FER+ votes and there are none.
    """
    targets: Targets = {}
    if "fer2013" in recipe.heads:
        hard = np.eye(len(EMOTIONS), dtype=np.float32)[pictures.labels]
        smooth = recipe.label_smoothing
        targets["fer2013"] = (1.0 - smooth) * hard + smooth / len(EMOTIONS)
    if "ferplus" in recipe.heads:
        if pictures.votes is None:
            raise ConfigError(
                "recipe: the head ferplus needs FER+ votes, found no ferplus_votes.csv",
                "give --votes, or --set heads=fer2013",
            )
        targets["ferplus"] = distribution(pictures.votes)
    if recipe.distil and soft is not None:
        for head in targets:
            blended = (1.0 - recipe.distil) * targets[head] + recipe.distil * soft[head]
            if head == "ferplus":
                # Where people gave no usable vote the teacher speaks alone.
                blind = targets[head].sum(axis=1, keepdims=True) == 0
                blended = np.where(blind, soft[head], blended)
            targets[head] = blended.astype(np.float32)
    if recipe.class_weights == "balanced" and "fer2013" in targets:
        weights = class_weights(pictures.labels)
        targets["fer2013"] = targets["fer2013"] * weights[pictures.labels][:, np.newaxis]
    return {head: np.asarray(t, np.float32) for head, t in targets.items()}


def class_weights(labels: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return (7,) weights N / (7 · n_class), so that every class counts the same."""
    counts = np.bincount(labels, minlength=len(EMOTIONS))
    return np.asarray(len(labels) / (len(EMOTIONS) * np.maximum(counts, 1)), np.float32)


def read_soft_labels(path: str | Path, files: list[str]) -> Targets:
    """Read teachers' probabilities for `files` from an .npz.

    Its arrays are ``files`` (N,), ``fer2013`` (N, 7) and ``ferplus`` (N, 8).

    Raises
    ------
    DataError
        If it cannot be read, lacks an array, or has no row for one of the files.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in ("files", *HEADS) if key in archive}
    except FileNotFoundError:
        raise DataError(f"soft labels {path}: no such file") from None
    except NOT_NPZ as error:
        raise DataError(f"soft labels {path}: expected an .npz archive: {error}") from None
    if missing := {"files", *HEADS} - set(arrays):
        raise DataError(f"soft labels {path}: expected an array {sorted(missing)[0]}, found none")
    rows = {str(name): i for i, name in enumerate(arrays["files"])}
    unknown = [name for name in files if name not in rows]
    if unknown:
        raise DataError(
            f"soft labels {path}: expected a row for {unknown[0]}, found none "
            f"({len(unknown)} such pictures)",
            "make them for this data: fer-train soft-labels",
        )
    index = np.asarray([rows[name] for name in files])
    soft: Targets = {}
    for head, classes in HEADS.items():
        values = arrays[head]
        if values.shape != (len(rows), len(classes)) or not np.isfinite(values).all():
            raise DataError(
                f"soft labels {path}: {head}: expected finite ({len(rows)}, {len(classes)}), "
                f"received {values.shape}"
            )
        soft[head] = values[index].astype(np.float32)
    return soft
