"""Networks that take sequences: converted and verified, and refused where they do not fit."""

from __future__ import annotations

import json
import subprocess
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from fer_converter.sequence_model import SEQUENCE_KEY, SequenceClassifier, frames_of

from conftest import assert_one_line
from fer_converter.keras_file import check_runs_no_code, read_keras_file
from fer_converter.pictures import list_inputs, load_crops, portrait_sequences
from fer_runtime.errors import DataError, ModelError
from fer_runtime.labels import EMOTIONS
from fer_runtime.model.interpreter import installed_interpreters
from fer_runtime.model.metadata import ModelMetadata, read_model

Done = subprocess.CompletedProcess[str]
TWO_FRAMES = ModelMetadata(training={SEQUENCE_KEY: 2})


@pytest.fixture
def convert(fer: Callable[..., Done]) -> Callable[..., Done]:
    def run(*arguments: object) -> Done:
        return fer(*arguments, module="fer_converter.cli", timeout=280)

    return run


@pytest.mark.slow
def test_int8_of_real_sequences(
    networks: Path, convert: Callable[..., Done], tmp_path: Path
) -> None:
    done = convert(
        networks / "gru.keras", "-o", "out.tflite", "--quantize", "int8",
        "--representative", networks / "sequences", "--representative-count", 70,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "sequence of 2 crops of 48x48 gray" in done.stderr
    assert "int8 ranges from 70 sequences" in done.stderr
    assert "70 sequences of sequences/, not used for calibration" in done.stdout
    rows = json.loads((tmp_path / "out.json").read_text())["rows"]
    assert [row["interpreter"] for row in rows] == installed_interpreters()
    for row in rows:
        assert row["error"] == ""
        assert row["pictures"] == 70
        assert row["agreement"] >= 0.95
        assert row["accuracy"] > 0.9
        assert 0 < row["max_error"] < 0.35
        assert 0 < row["median_ms_1"] <= row["p95_ms_1"]
    # The written file reads sequences as the trainer does, alone and several at once.
    sequences = load_crops(list_inputs(networks / "sequences", TWO_FRAMES, "train"), TWO_FRAMES)
    for interpreter in installed_interpreters():
        model = SequenceClassifier(tmp_path / "out.tflite", interpreter=interpreter)
        some, labels = sequences.pixels[::20], sequences.labels[::20]
        together = model.logits(some)
        assert (together.argmax(axis=1) == labels).all()
        assert model.logits(some[2:3]) == pytest.approx(together[2:3], abs=0.1)


@pytest.mark.slow
def test_without_sequences_the_portrait_is_used_and_the_runtime_refuses_the_file(
    networks: Path, convert: Callable[..., Done], fer: Callable[..., Done], assets: Path,
    tmp_path: Path,
) -> None:  # fmt: skip
    done = convert(networks / "gru.h5", "-o", "out.tflite", "--quantize", "float16")
    assert done.returncode == 0, done.stderr
    assert "fer-runtime gives single crops" in done.stderr
    assert "250 sequences made of the demo portrait" in done.stdout
    rows = json.loads((tmp_path / "out.json").read_text())["rows"]
    assert [row["interpreter"] for row in rows] == installed_interpreters()
    assert all(row["max_error"] < 0.02 and row["batch_error"] < 0.001 for row in rows)
    metadata = read_model(tmp_path / "out.tflite")[1]
    assert metadata is not None
    assert frames_of(metadata) == 2
    assert metadata.training["network"] == "edge24-gru"
    shown = convert("--inspect", "out.tflite")
    assert shown.returncode == 0, shown.stderr
    assert "float32 1x2x48x48x1" in shown.stdout
    assert "of 2 such crops of one face, oldest first" in shown.stdout
    assert "per sequence" in shown.stdout
    assert "two pictures" not in shown.stdout
    for interpreter in installed_interpreters():
        refusal = fer("--model", "out.tflite", "--source", "demo", "--max-frames", 1,
                      "--interpreter", interpreter)  # fmt: skip
        assert_one_line(refusal, 78, "[1, 48, 48, 1]", "[1, 2, 48, 48, 1]")


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--verify", "pictures"], 65, ["<class>/<sequence>/<picture>", "folders of sequences"]),
        (["--verify", "sequences", "--votes", "votes.csv"], 2, ["--votes", "sequences"]),
    ],
)
def test_refusals_are_one_line(
    options: list[str], code: int, words: list[str], networks: Path,
    convert: Callable[..., Done], tmp_path: Path,
) -> None:  # fmt: skip
    given = [networks / o if (networks / o).exists() else o for o in options]
    done = convert(networks / "gru.keras", "-o", "out.tflite", "--quantize", "none", *given)
    assert_one_line(done, code, *words, name="fer-convert")
    assert not list(tmp_path.iterdir())


def test_own_layers_are_known_and_look_alikes_are_not(tmp_path: Path) -> None:
    path = tmp_path / "a.keras"

    def described(**changes: str) -> None:
        layer = {
            "module": "fer_training.nets.gru", "class_name": "FrameAt",
            "registered_name": "fer_training>FrameAt", "config": {"name": "frame0", "index": 0},
        }  # fmt: skip
        content = {"class_name": "Functional", "config": {"layers": [layer | changes]}}
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("config.json", json.dumps(content))

    described()
    found = read_keras_file(path)
    check_runs_no_code(path, found)
    assert found.layers == ["FrameAt"]
    for changes in (
        {"module": "fer_training.nets.grue"},
        {"class_name": "keras"},  # another thing of the same module
        {"registered_name": "theirs>FrameAt"},
    ):
        described(**changes)
        with pytest.raises(ModelError, match="not Keras' own"):
            check_runs_no_code(path, read_keras_file(path))


def test_sequence_folders_of_either_layout_and_unreadable_ones(tmp_path: Path) -> None:
    for split, grey in (("train", 40), ("validation", 90)):
        for name in ("a", "b"):
            place = tmp_path / split / "sad" / name
            place.mkdir(parents=True)
            for number in range(3):
                value = np.full((48, 48), grey + number, np.uint8)
                cv2.imwrite(str(place / f"{number}.png"), value)
    (tmp_path / "train" / "sad" / "b" / "2.png").write_bytes(b"no picture")
    crops = load_crops(list_inputs(tmp_path, TWO_FRAMES, "train"), TWO_FRAMES)
    assert crops.pixels[:, :, 0, 0].tolist() == [[40, 42]]
    assert crops.labels.tolist() == [EMOTIONS.index("sad")]
    assert [p.name for p in crops.unreadable] == ["b"]
    alone = list_inputs(tmp_path / "validation", TWO_FRAMES, "validation")
    assert load_crops(alone, TWO_FRAMES).pixels[:, :, 0, 0].tolist() == [[90, 92], [90, 92]]
    with pytest.raises(DataError, match="expected folders named"):
        list_inputs(tmp_path / "train" / "sad", TWO_FRAMES, "train")


def test_portrait_sequences_repeat_and_move(assets: Path) -> None:
    path, metadata = assets / "astronaut.png", replace(TWO_FRAMES, training={SEQUENCE_KEY: 4})
    first = portrait_sequences(path, metadata, 5, seed=3).pixels
    assert first.shape == (5, 4, 48, 48)
    assert (first == portrait_sequences(path, metadata, 5, seed=3).pixels).all()
    assert (first != portrait_sequences(path, metadata, 5, seed=4).pixels).any()
    steps = np.abs(np.diff(first.astype(int), axis=1)).mean(axis=(2, 3))
    assert (steps > 0).all()
    assert (first.reshape(20, -1).std(axis=1) > 10).all()
