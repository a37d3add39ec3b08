"""The shipped models give the stored answers, on every interpreter and in every environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fer_runtime.classifier import Classifier
from fer_runtime.interpreter import installed_interpreters

sys.path.insert(0, str(Path(__file__).parent))
from make_golden import GOLDEN, read, transforms

STORED = json.loads(GOLDEN.read_text("utf-8"))
MODELS = sorted(STORED)
ROOT = Path(__file__).parents[2]
TFLITE_PYTHON = ROOT / ".venv-tflite" / "bin" / "python"
FOLDER = os.environ.get("FER2013_DIR", "")


def assert_same(found: np.ndarray, stored: np.ndarray) -> None:
    """Same label and |Δp| ≤ 0.03; a tie within that distance is no other label."""
    assert np.abs(found - stored).max() <= 0.03
    rows = np.arange(len(stored))
    lead = stored.max(axis=1) - stored[rows, found.argmax(axis=1)]
    assert lead.max() <= 0.03
    assert (found.argmax(axis=1) == stored.argmax(axis=1)).mean() >= 0.98


@pytest.mark.parametrize("interpreter", installed_interpreters())
@pytest.mark.parametrize("model", MODELS)
def test_twenty_transforms_of_the_portrait(
    model: str, interpreter: str, portrait: np.ndarray
) -> None:
    found = Classifier(model, interpreter=interpreter).probabilities(transforms(portrait))
    stored = np.array(STORED[model]["portrait"])
    assert len(stored) == 20
    assert_same(found, stored)


@pytest.mark.data
@pytest.mark.skipif(not FOLDER, reason="FER2013_DIR is not set")
@pytest.mark.parametrize("interpreter", installed_interpreters())
@pytest.mark.parametrize("model", MODELS)
def test_a_hundred_validation_pictures(model: str, interpreter: str) -> None:
    stored = STORED[model]["pictures"]
    assert len(stored) == 100
    crops = np.stack([read(Path(FOLDER), name) for name in stored])
    found = Classifier(model, interpreter=interpreter).probabilities(crops)
    assert_same(found, np.array(list(stored.values())))


@pytest.mark.skipif(not TFLITE_PYTHON.exists(), reason="no environment .venv-tflite")
@pytest.mark.parametrize("model", MODELS)
def test_an_environment_with_tflite_runtime_alone(
    model: str, portrait: np.ndarray, tmp_path: Path
) -> None:
    """numpy 1, no LiteRT: ``auto`` takes tflite-runtime, and the labels are the same."""
    np.save(tmp_path / "crops.npy", transforms(portrait))
    code = (
        "import sys, numpy as np\n"
        "from fer_runtime.classifier import Classifier\n"
        "from fer_runtime.interpreter import installed_interpreters\n"
        "assert installed_interpreters() == ['tflite-runtime'], installed_interpreters()\n"
        f"c = Classifier({model!r})\n"
        "assert c.interpreter_name == 'tflite-runtime'\n"
        "np.save('out.npy', c.probabilities(np.load('crops.npy')))\n"
    )
    subprocess.run([TFLITE_PYTHON, "-c", code], cwd=tmp_path, check=True, timeout=120)
    assert_same(np.load(tmp_path / "out.npy"), np.array(STORED[model]["portrait"]))
