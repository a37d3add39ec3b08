"""Toy data and a network trained on it, once for all tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from trainer_runs import good, run, write_toy


@pytest.fixture(scope="session")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A learnable set: 30 pictures of each class to learn from, 20 to validate."""
    return write_toy(tmp_path_factory.mktemp("toy"), 30, 20)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with 12 and 4 pictures of each class."""
    return write_toy(tmp_path_factory.mktemp("tiny"), 12, 4)


@pytest.fixture(scope="session")
def fit_toy(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Train edge24 on a toy set with the smoke recipe; returns the folder of the run."""

    def fit(data: Path, *more: object) -> Path:
        folder = tmp_path_factory.mktemp("run") / "run"
        good(run("fer-train", "fit", data, "-r", "smoke", "-o", folder, "--workers", 1,
                 "--set", "validation=folder", *more))  # fmt: skip
        return folder

    return fit


@pytest.fixture(scope="session")
def toy_run(toy: Path, fit_toy: Callable[..., Path]) -> Path:
    return fit_toy(toy, "--set", "epochs=6")
