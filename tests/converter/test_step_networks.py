"""Step networks: converted and verified, and what they remember."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_runtime.labels import EMOTIONS
from fer_runtime.model.classifier import Classifier
from fer_runtime.model.interpreter import installed_interpreters
from fer_runtime.model.metadata import read_model

Done = subprocess.CompletedProcess[str]


@pytest.mark.slow
def test_int8_goes_round_and_remembers(
    networks: Path, convert: Callable[..., Done], tmp_path: Path
) -> None:
    done = convert(
        networks / "gru.keras", "-o", "out.tflite", "--quantize", "int8", "--head", "blend",
        "--representative", networks / "pictures", "--representative-count", 70,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "and a state of 64" in done.stderr
    rows = json.loads((tmp_path / "out.json").read_text())["rows"]
    assert [row["interpreter"] for row in rows] == installed_interpreters()
    for row in rows:
        assert row["error"] == ""
        assert row["pictures"] == 70
        assert row["agreement"] >= 0.95
        assert row["accuracy"] > 0.9
        assert 0 < row["max_error"] < 0.35
        assert 0 < row["median_ms_1"] <= row["p95_ms_1"]
    metadata = read_model(tmp_path / "out.tflite")[1]
    assert metadata is not None
    assert metadata.state_size == 64
    assert metadata.training["network"] == "edge24-gru"
    files = [networks / "pictures" / name / "000.png" for name in EMOTIONS]
    crops = np.stack([cv2.imread(str(f), cv2.IMREAD_GRAYSCALE) for f in files])
    for interpreter in installed_interpreters():
        model = Classifier(tmp_path / "out.tflite", interpreter=interpreter)
        assert (model.probabilities(crops).argmax(axis=1) == np.arange(7)).all()
        # What is remembered counts: after another face's state the answer is another one.
        _, state = model.look(crops, np.zeros(7), np.zeros((7, 64), np.float32))
        since = np.full(7, 0.1)
        held, _ = model.look(crops, since, state)
        changed, _ = model.look(crops, since, np.roll(state, 1, axis=0))
        assert np.abs(held - changed).max() > 0.02
        assert np.abs(state).max() <= 1.01


@pytest.mark.slow
def test_the_original_and_its_float_copy_answer_alike_and_the_program_runs_it(
    networks: Path, convert: Callable[..., Done], fer: Callable[..., Done], assets: Path,
    tmp_path: Path,
) -> None:  # fmt: skip
    done = convert(
        networks / "gru.h5", "-o", "out.tflite", "--quantize", "float16", "--head", "ferplus",
        "--verify", networks / "pictures",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = json.loads((tmp_path / "out.json").read_text())["rows"]
    assert [row["interpreter"] for row in rows] == installed_interpreters()
    assert all(row["max_error"] < 0.02 and row["batch_error"] < 0.001 for row in rows)
    shown = convert("--inspect", "out.tflite")
    assert shown.returncode == 0, shown.stderr
    assert "a state of 64 of each face" in shown.stdout
    assert "float32 1x64" in shown.stdout
    assert shown.stdout.count("also with two pictures") == len(installed_interpreters())
    for interpreter in installed_interpreters():
        ran = fer("--model", "out.tflite", "--source", "demo", "--max-frames", 20,
                  "--interpreter", interpreter)  # fmt: skip
        assert ran.returncode == 0, ran.stderr


@pytest.mark.slow
def test_the_state_stays_float(networks: Path, convert: Callable[..., Done]) -> None:
    done = convert(
        networks / "gru.keras", "-o", "out.tflite", "--quantize", "int8-io", "--head", "fer2013",
        "--representative", networks / "pictures", "--representative-count", 70,
    )  # fmt: skip
    assert done.returncode == 78
    assert "state stays float32" in done.stderr
    assert "Traceback" not in done.stderr
