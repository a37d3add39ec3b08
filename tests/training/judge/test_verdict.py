"""A run's last line: has it learnt, or could a guess do as well?"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from trainer_runs import good, run, write_toy

from fer_training.data.datasets import Pictures
from fer_training.judge.verdict import verdict


def pictures(labels: np.ndarray, votes: np.ndarray | None = None) -> Pictures:
    count = len(labels)
    return Pictures(np.zeros((count, 48, 48), np.uint8), labels, [str(i) for i in range(count)],
                    votes)  # fmt: skip


def test_better_than_naming_the_commonest_class_beyond_doubt() -> None:
    labels = np.repeat(np.arange(7), (40, 10, 20, 100, 10, 10, 10))  # happy: half of them
    said = verdict({"fer2013": 0.66}, pictures(labels))
    assert said.learnt
    assert "fer2013 66.0 % of 200 pictures (one emotion for all: 50.0 %): it has" in said.text
    for score in (0.14, 0.5, 0.53):  # the last one may be luck
        said = verdict({"fer2013": score}, pictures(labels))
        assert not said.learnt and "NOT shown to be better than a guess" in said.text


def test_every_head_must_be_better_each_by_its_own_labels() -> None:
    votes = np.zeros((140, 10), np.int64)
    votes[:, 0] = 10  # ten people called each of them neutral
    both = {"fer2013": 0.9, "ferplus": 0.99}
    assert not verdict(both, pictures(np.arange(140) % 7, votes)).learnt
    assert verdict({"fer2013": 0.9}, pictures(np.arange(140) % 7, votes)).learnt


@pytest.mark.slow
def test_the_last_line_tells_noise_from_faces(tmp_path: Path, toy_run: Path) -> None:
    options = ["-r", "smoke", "--set", "validation=folder", "--set", "epochs=6", "--workers", 1]
    said = (toy_run.parent / "said.txt").read_text("utf-8").splitlines()[-1]
    assert said.endswith("it has learnt"), said
    noise = write_toy(tmp_path / "noise", 30, 20, shuffled=True)
    said = good(run("fer-train", "fit", noise, "-o", tmp_path / "run", *options)).splitlines()[-1]
    assert "NOT shown to be better than a guess" in said


@pytest.mark.slow
@pytest.mark.skipif("FER2013_DIR" not in os.environ, reason="no FER-2013 pictures")
def test_the_smoke_recipe_learns_fer2013(tmp_path: Path) -> None:
    said = good(run("fer-train", "fit", os.environ["FER2013_DIR"], "-r", "smoke", "--limit", 9000,
                    "-o", tmp_path / "run", "--set", "epochs=1"))  # fmt: skip
    assert said.splitlines()[-1].endswith("it has learnt"), said
