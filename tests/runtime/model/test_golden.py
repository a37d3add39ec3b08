"""The shipped models give the stored answers, on every interpreter and in every environment."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fer_runtime.model.classifier import Classifier
from fer_runtime.model.interpreter import installed_interpreters

sys.path.insert(0, str(Path(__file__).parent))
from make_golden import GOLDEN, read, transforms

STORED = json.loads(GOLDEN.read_text("utf-8"))
MODELS = sorted(STORED)
ROOT = Path(__file__).parents[3]
TFLITE_PYTHON = ROOT / ".venv-tflite" / "bin" / "python"
FOLDER = os.environ.get("FER2013_DIR", "")


def assert_same(found: np.ndarray, stored: list[list[float]], interpreter: str) -> None:
    """Same label and |Δp| ≤ 0.03; LiteRT's int8 kernels of aarch64 round in their own way.

    Measured there on twenty transforms: |Δp| at most 0.076, one label of sixty another.
    """
    foreign = interpreter == "litert" and platform.machine() == "aarch64"
    expected = np.array(stored)
    assert np.abs(found - expected).max() <= (0.1 if foreign else 0.03)
    others = (found.argmax(axis=1) != expected.argmax(axis=1)).sum()
    assert others <= (0.05 * len(expected) if foreign else 0)


@pytest.mark.parametrize("interpreter", installed_interpreters())
@pytest.mark.parametrize("model", MODELS)
def test_twenty_transforms_of_the_portrait(
    model: str, interpreter: str, portrait: np.ndarray
) -> None:
    found = Classifier(model, interpreter=interpreter).probabilities(transforms(portrait))
    stored = STORED[model][interpreter]["portrait"]
    assert len(stored) == 20
    assert_same(found, stored, interpreter)


@pytest.mark.data
@pytest.mark.skipif(not FOLDER, reason="FER2013_DIR is not set")
@pytest.mark.parametrize("interpreter", installed_interpreters())
@pytest.mark.parametrize("model", MODELS)
def test_a_hundred_validation_pictures(model: str, interpreter: str) -> None:
    stored = STORED[model][interpreter]["pictures"]
    assert len(stored) == 100
    crops = np.stack([read(Path(FOLDER), name) for name in stored])
    found = Classifier(model, interpreter=interpreter).probabilities(crops)
    assert_same(found, list(stored.values()), interpreter)


@pytest.mark.skipif(not TFLITE_PYTHON.exists(), reason="no environment .venv-tflite")
@pytest.mark.parametrize("model", MODELS)
def test_an_environment_with_tflite_runtime_alone(
    model: str, portrait: np.ndarray, tmp_path: Path
) -> None:
    """numpy 1, no LiteRT: ``auto`` takes tflite-runtime, and the labels are the same."""
    np.save(tmp_path / "crops.npy", transforms(portrait))
    code = (
        "import sys, numpy as np\n"
        "from fer_runtime.model.classifier import Classifier\n"
        "from fer_runtime.model.interpreter import installed_interpreters\n"
        "assert installed_interpreters() == ['tflite-runtime'], installed_interpreters()\n"
        f"c = Classifier({model!r})\n"
        "assert c.interpreter_name == 'tflite-runtime'\n"
        "np.save('out.npy', c.probabilities(np.load('crops.npy')))\n"
    )
    subprocess.run([TFLITE_PYTHON, "-c", code], cwd=tmp_path, check=True, timeout=120)
    assert_same(
        np.load(tmp_path / "out.npy"), STORED[model]["tflite-runtime"]["portrait"], "tflite-runtime"
    )


@pytest.mark.parametrize("model", MODELS)
def test_the_interpreters_are_not_far_apart(model: str) -> None:
    """Their int8 kernels round differently; more than this would be another model."""
    a, b = (
        np.array([*STORED[model][i]["portrait"], *STORED[model][i]["pictures"].values()])
        for i in ("litert", "tflite-runtime")
    )
    apart = np.abs(a - b).max(axis=1)
    assert np.median(apart) <= 0.015 and apart.max() <= 0.1
    assert (a.argmax(axis=1) == b.argmax(axis=1)).mean() >= 0.97
