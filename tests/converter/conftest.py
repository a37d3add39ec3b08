"""``fer-convert``, and networks of every kind, made once."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from shared_folder import made_once

Done = subprocess.CompletedProcess[str]


@pytest.fixture
def convert(fer: Callable[..., Done]) -> Callable[..., Done]:
    """Run ``fer-convert``; options as those of `fer`."""

    def run(*arguments: object, **options: object) -> Done:
        return fer(*arguments, module="fer_converter.cli", timeout=280, **options)

    return run


@pytest.fixture(scope="session")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of Keras networks and of ``pictures/``; see make_networks.py."""
    # Not importorskip: with TensorFlow in the process tflite-runtime cannot load models.
    if importlib.util.find_spec("tensorflow") is None:
        pytest.skip("needs the extra `convert`")
    script = Path(__file__).parent / "make_networks.py"

    def make(folder: Path) -> None:
        done = subprocess.run(
            [sys.executable, str(script), str(folder)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr

    return made_once(tmp_path_factory, "networks", make)
