"""Toy data and a network trained on it, once for all tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from shared_folder import made_once
from trainer_runs import good, run, write_toy


@pytest.fixture(scope="session")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A learnable set: 30 pictures of each class to learn from, 20 to validate."""
    return made_once(tmp_path_factory, "toy", lambda folder: write_toy(folder, 30, 20))


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with 12 and 4 pictures of each class."""
    return made_once(tmp_path_factory, "tiny", lambda folder: write_toy(folder, 12, 4))


def train(data: Path, folder: Path, *more: object) -> str:
    """Train the smoke recipe's network on a toy set; return what was said."""
    return good(run("fer-train", "fit", data, "-r", "smoke", "-o", folder, "--workers", 1,
                    "--set", "validation=folder", *more))  # fmt: skip


@pytest.fixture(scope="session")
def fit_toy(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Train on a toy set, with more options; returns the folder of the run."""

    def fit(data: Path, *more: object) -> Path:
        folder = tmp_path_factory.mktemp("run") / "run"
        train(data, folder, *more)
        return folder

    return fit


@pytest.fixture(scope="session")
def toy_run(toy: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on `toy` that has learnt; ``said.txt`` beside its folder is what it printed."""

    def make(folder: Path) -> None:
        said = train(toy, folder / "run", "--set", "epochs=6")
        (folder / "said.txt").write_text(said, "utf-8")

    return made_once(tmp_path_factory, "toy-run", make) / "run"
