"""What the network is to answer, by head."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from fer_runtime.errors import DataError
from fer_training.data.datasets import Pictures
from fer_training.data.ferplus import VOTE_COLUMNS
from fer_training.fit.checkpoint import load_checkpoint
from fer_training.fit.recipe import Recipe
from fer_training.fit.targets import class_weights, make_targets, read_soft_labels
from fer_training.nets.heads import HEADS


def test_targets_of_both_heads_with_and_without_a_teacher() -> None:
    votes = np.zeros((3, 10), np.int64)
    votes[0, VOTE_COLUMNS.index("happiness")] = 10
    votes[1, [VOTE_COLUMNS.index("sadness"), VOTE_COLUMNS.index("neutral")]] = 6, 4
    pictures = Pictures(
        np.zeros((3, 48, 48), np.uint8), np.array([3, 5, 0]), ["a", "b", "c"], votes
    )
    recipe = Recipe(label_smoothing=0.1)
    targets = make_targets(pictures, recipe)
    assert targets["fer2013"][0, 3] == pytest.approx(0.9 + 0.1 / 7)
    assert targets["ferplus"][1].tolist() == pytest.approx([0.4, 0, 0, 0.6, 0, 0, 0, 0])
    assert targets["ferplus"][2].sum() == 0
    soft = {h: np.full((3, len(c)), 1 / len(c), np.float32) for h, c in HEADS.items()}
    both = make_targets(pictures, replace(recipe, distil=0.8, teacher="t.keras"), soft)
    assert both["fer2013"][0, 3] == pytest.approx(0.2 * (0.9 + 0.1 / 7) + 0.8 / 7)
    np.testing.assert_allclose(both["ferplus"][2], 1 / 8)  # no votes: the teacher alone
    weighted = make_targets(pictures, replace(recipe, class_weights="balanced"))
    np.testing.assert_allclose(weighted["fer2013"].sum(axis=1), 1 / 7 * 3, rtol=1e-5)
    rare = class_weights(np.array([0, 0, 0, 1]))
    assert rare[1] == pytest.approx(3 * rare[0])


@pytest.mark.parametrize("kind", ["empty", "one array", "text"])
def test_soft_labels_and_checkpoints_that_are_no_archive(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.npz"
    path.write_bytes(b"" if kind == "empty" else b"hello")
    if kind == "one array":
        with path.open("wb") as file:
            np.save(file, np.zeros(3))
    with pytest.raises(DataError, match=r"expected an \.npz archive"):
        read_soft_labels(path, ["a"])
    nothing = SimpleNamespace(variables=[], optimizer=SimpleNamespace(variables=[]))
    with pytest.raises(DataError, match="the checkpoint is damaged"):
        load_checkpoint(tmp_path, nothing)
