"""Networks of every kind, made once."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of Keras networks and of ``pictures/``; see make_networks.py."""
    # Not importorskip: with TensorFlow in the process tflite-runtime cannot load models.
    if importlib.util.find_spec("tensorflow") is None:
        pytest.skip("needs the extra `convert`")
    folder = tmp_path_factory.mktemp("networks")
    script = Path(__file__).parent / "make_networks.py"
    done = subprocess.run(
        [sys.executable, str(script), str(folder)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder
