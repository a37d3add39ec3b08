"""Heads without their prior, two heads in one, exported heads, and what may be recorded."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from conftest import assert_one_line
from fer_runtime.labels import EMOTIONS
from fer_runtime.model.classifier import Classifier
from fer_runtime.model.metadata import read_model
from fer_training.nets.record import read_record, write_record

Done = subprocess.CompletedProcess[str]
SHARES = {
    "fer2013": dict(zip(EMOTIONS, (0.14, 0.02, 0.14, 0.25, 0.17, 0.17, 0.11), strict=True)),
    "ferplus": dict(zip(EMOTIONS, (0.09, 0.01, 0.03, 0.27, 0.36, 0.13, 0.11), strict=True)),
}


@pytest.fixture
def told(networks: Path, tmp_path: Path) -> Path:
    """edge24 with both heads, their temperatures and their shares."""
    path = tmp_path / "told.keras"
    shutil.copyfile(networks / "edge24.keras", path)
    record = read_record(path)
    assert record is not None
    for head, temperature in (("fer2013", 0.7), ("ferplus", 0.8)):
        record["heads"][head] |= {"temperature": temperature, "shares": SHARES[head]}
    write_record(path, record)
    return path


def crops(networks: Path) -> np.ndarray:
    paths = [networks / "pictures" / e / "002.png" for e in EMOTIONS]
    return np.stack([cv2.imread(str(p), cv2.IMREAD_GRAYSCALE) for p in paths])


def test_files_hold_logits_without_prior_and_their_blend(
    networks: Path, told: Path, convert: Callable[..., Done], tmp_path: Path
) -> None:
    faces, free = crops(networks), {}
    for head in ("fer2013", "ferplus", "blend"):
        out = tmp_path / f"{head}.tflite"
        done = convert(told, "--head", head, "-o", out, "--quantize", "none",
                       "--verify", networks / "few", "--blend", "0.25")  # fmt: skip
        assert done.returncode == 0, done.stderr
        metadata = read_model(out)[1]
        assert metadata is not None
        model = Classifier(out, prior="balanced")
        free[head] = model.logits(faces) / metadata.temperature
        if head != "blend":
            assert metadata.shares == pytest.approx(SHARES[head])
            assert metadata.accuracy["converted"]["prior"] == "training"
    plain = tmp_path / "plain.tflite"
    assert convert(networks / "edge24.keras", "--head", "ferplus", "-o", plain, "--quantize",
                   "none", "--verify", networks / "few").returncode == 0  # fmt: skip
    carried = Classifier(plain, prior="training").logits(faces) / 0.8
    log = np.log([SHARES["ferplus"][e] for e in EMOTIONS])
    np.testing.assert_allclose(free["ferplus"], carried - log, atol=2e-3)
    # Under the prior of training the file says what the network said.
    again = Classifier(tmp_path / "ferplus.tflite", prior="training").probabilities(faces)
    np.testing.assert_allclose(
        again, Classifier(plain, prior="training").probabilities(faces), atol=1e-3
    )
    mean = 0.25 * free["fer2013"] + 0.75 * free["ferplus"]
    np.testing.assert_allclose(free["blend"], mean, atol=5e-3)


def test_an_exported_head_is_known_by_its_record(
    networks: Path, told: Path, convert: Callable[..., Done], tmp_path: Path
) -> None:
    from trainer_runs import fails, good, run

    alone = tmp_path / "alone.keras"
    good(run("fer-train", "export", told, "--head", "ferplus", "-o", alone))
    done = convert(alone, "-o", tmp_path / "a.tflite", "--quantize", "none",
                   "--verify", networks / "few")  # fmt: skip
    assert done.returncode == 0, done.stderr
    metadata = read_model(tmp_path / "a.tflite")[1]
    assert metadata is not None
    assert metadata.training["head"] == "ferplus" and metadata.temperature == 0.8
    assert metadata.shares == pytest.approx(SHARES["ferplus"])
    fails(run("fer-evaluate", alone, networks, "--head", "fer2013"), 78, "found ferplus")


def test_no_accuracy_on_what_it_may_have_learnt_from(
    networks: Path, convert: Callable[..., Done], tmp_path: Path
) -> None:
    labels = ("--labels", ",".join(EMOTIONS))
    arguments = (networks / "tiny.h5", "-o", tmp_path / "o.tflite", *labels, "--quantize", "none")
    done = convert(*arguments, "--representative", networks / "pictures")
    assert done.returncode == 0, done.stderr
    assert "records no accuracy" in done.stderr
    figures = json.loads((tmp_path / "o.json").read_text())["metadata"]["accuracy"]["converted"]
    assert "agreement" in figures and "accuracy" not in figures and "recall" not in figures
    done = convert(*arguments, "--representative", networks / "pictures", "--temperature", "fit")
    assert_one_line(done, 2, "has not learnt from", "--verify", name="fer-convert")
    # validation/ beside train/ is taken by itself.
    shutil.copytree(networks / "pictures", tmp_path / "data" / "train")
    shutil.copytree(networks / "few", tmp_path / "data" / "validation")
    done = convert(*arguments, "--representative", tmp_path / "data" / "train")
    assert done.returncode == 0, done.stderr
    figures = json.loads((tmp_path / "o.json").read_text())["metadata"]["accuracy"]["converted"]
    assert figures["count"] == 35 and "accuracy" in figures


def test_a_wrong_order_of_classes_is_said(
    networks: Path, convert: Callable[..., Done], tmp_path: Path
) -> None:
    turned = ",".join((*EMOTIONS[1:], EMOTIONS[0]))
    done = convert(networks / "tiny.h5", "-o", tmp_path / "o.tflite", "--labels", turned,
                   "--quantize", "none", "--verify", networks / "pictures")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "with other names of its classes" in done.stderr
