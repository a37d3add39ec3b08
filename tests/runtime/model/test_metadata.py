"""The metadata inside a .tflite, and the classifier's view of good and bad files."""

from __future__ import annotations

import os
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fer_runtime.errors import ModelError, OutputError
from fer_runtime.labels import EMOTIONS
from fer_runtime.model.classifier import Classifier, softmax
from fer_runtime.model.interpreter import installed_interpreters
from fer_runtime.model.metadata import (
    METADATA_NAME,
    ModelMetadata,
    is_shipped,
    metadata_from_dict,
    model_path,
    read_model,
    shipped_models,
    write_model,
)


@pytest.fixture(scope="module")
def shipped() -> tuple[bytes, ModelMetadata]:
    flatbuffer, metadata = read_model(model_path("fer2013"))
    assert metadata is not None
    return flatbuffer, metadata


def crops(n: int = 3) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 255, (n, 48, 48), np.uint8)


def test_shipped_models_are_there_and_known() -> None:
    assert shipped_models() == ["blend", "fer2013", "ferplus"]
    for name in shipped_models():
        path = model_path(name)
        # fer2013 is an ensemble of two networks.
        assert path.stat().st_size < (2_000_000 if name == "fer2013" else 1_000_000)
        assert is_shipped(path)
        _, metadata = read_model(path)
        assert metadata is not None and metadata.classes == EMOTIONS
        assert metadata.output == "logits" and metadata.name == name
        assert sum(metadata.shares.values()) == pytest.approx(1, abs=1e-3)
        assert metadata.licence and metadata.data and metadata.accuracy and metadata.date


def test_any_zip_tool_reads_the_metadata() -> None:
    with zipfile.ZipFile(model_path("ferplus")) as archive:
        assert sorted(archive.namelist()) == [METADATA_NAME, "labels.txt"]
        assert archive.read("labels.txt").decode().split() == list(EMOTIONS)


def test_writing_twice_keeps_one_archive(
    tmp_path: Path, shipped: tuple[bytes, ModelMetadata]
) -> None:
    path = tmp_path / "m.tflite"
    write_model(path, *shipped)
    flatbuffer, metadata = read_model(path)
    assert (flatbuffer, metadata) == shipped
    write_model(path, flatbuffer, replace(shipped[1], name="again"))
    with zipfile.ZipFile(path) as archive:
        assert len(archive.namelist()) == 2
    assert [p.name for p in tmp_path.iterdir()] == ["m.tflite"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes of POSIX")
def test_a_pipe_or_device_is_not_replaced(
    tmp_path: Path, shipped: tuple[bytes, ModelMetadata]
) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OutputError, match=r"model .*received a device, pipe or socket"):
        write_model(tmp_path / "pipe", *shipped)
    assert (tmp_path / "pipe").is_fifo()


def test_same_model_same_bytes(tmp_path: Path, shipped: tuple[bytes, ModelMetadata]) -> None:
    for name in "ab":
        write_model(tmp_path / name, *shipped)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("batch", [0, 1, 2, 7, 1])
@pytest.mark.parametrize("interpreter", installed_interpreters())
def test_batches_agree_with_single_faces(interpreter: str, batch: int) -> None:
    classifier = Classifier("ferplus", interpreter=interpreter)
    faces = crops(batch)
    together = classifier.probabilities(faces)
    assert together.shape == (batch, 7) and together.dtype == np.float32
    np.testing.assert_allclose(together.sum(axis=1), 1, atol=1e-5)
    for i in range(batch):
        alone = classifier.probabilities(faces[i : i + 1])[0]
        np.testing.assert_allclose(alone, together[i], atol=1e-6)


def test_the_metadata_order_decides(tmp_path: Path, shipped: tuple[bytes, ModelMetadata]) -> None:
    flatbuffer, metadata = shipped
    turned = replace(metadata, classes=tuple(reversed(EMOTIONS)))
    write_model(tmp_path / "t.tflite", flatbuffer, turned)
    faces = crops()
    straight = Classifier("fer2013", prior="balanced").probabilities(faces)
    reverse = Classifier(tmp_path / "t.tflite", prior="balanced").probabilities(faces)
    np.testing.assert_allclose(reverse, straight[:, ::-1], atol=1e-6)


def test_temperature_softens(tmp_path: Path, shipped: tuple[bytes, ModelMetadata]) -> None:
    flatbuffer, metadata = shipped
    write_model(tmp_path / "t.tflite", flatbuffer, replace(metadata, temperature=5.0))
    sharp = Classifier("fer2013", prior="balanced").probabilities(crops())
    soft = Classifier(tmp_path / "t.tflite", prior="balanced").probabilities(crops())
    assert (soft.max(1) < sharp.max(1)).all()
    assert (soft.argmax(1) == sharp.argmax(1)).all()


def test_softmax_does_not_overflow() -> None:
    assert softmax(np.array([[1e4, 0]], np.float32)).tolist() == [[1.0, 0.0]]


def test_without_metadata_labels_are_asked_for(
    tmp_path: Path, shipped: tuple[bytes, ModelMetadata]
) -> None:
    path = tmp_path / "foreign.tflite"
    path.write_bytes(shipped[0])
    with pytest.raises(ModelError, match=r"no metadata.*--labels angry,disgust"):
        Classifier(path)
    assert Classifier(path, labels=EMOTIONS).metadata.height == 48


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "received 0 bytes"),
        (b"hello, I am a text and no model at all", "expected a TensorFlow Lite file"),
    ],
)
def test_what_is_no_model(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "x.tflite"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=words):
        Classifier(path)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no such file; give the path .* fer2013, ferplus"):
        Classifier(tmp_path / "none.tflite")
    with pytest.raises(ModelError, match="received a folder"):
        Classifier(tmp_path)


def test_a_truncated_model(tmp_path: Path, shipped: tuple[bytes, ModelMetadata]) -> None:
    path = tmp_path / "cut.tflite"
    path.write_bytes(shipped[0][: len(shipped[0]) // 2])
    with pytest.raises(ModelError):
        Classifier(path, labels=EMOTIONS)


def test_other_shapes_name_expected_and_received(
    tmp_path: Path, shipped: tuple[bytes, ModelMetadata]
) -> None:
    flatbuffer, metadata = shipped
    path = tmp_path / "m.tflite"
    write_model(path, flatbuffer, replace(metadata, height=64, width=64))
    with pytest.raises(ModelError, match=r"expected input of shape \[1, 64, 64, 1\], received"):
        Classifier(path)
    write_model(path, flatbuffer, replace(metadata, classes=(*EMOTIONS, "contempt")))
    with pytest.raises(ModelError, match=r"expected output of shape \[1, 8\].*received \[1, 7\]"):
        Classifier(path)


def test_a_class_that_is_missing(tmp_path: Path, shipped: tuple[bytes, ModelMetadata]) -> None:
    path = tmp_path / "m.tflite"
    write_model(path, shipped[0], replace(shipped[1], classes=(*EMOTIONS[:6], "joy")))
    with pytest.raises(ModelError, match=r"\(surprise missing\)"):
        Classifier(path)


@pytest.mark.parametrize(
    "raw",
    [
        [],
        {"classes": "abc"},
        {"classes": ["a", "a"]},
        {"temperature": 0},
        {"temperature": float("nan")},
        {"multiply": 0},
        {"height": True},
        {"color": "cmyk"},
        {"output": "words"},
        {"format_version": 99},
        {"name": "m" * 1001},
    ],
)
def test_bad_metadata(raw: object) -> None:
    with pytest.raises(ValueError, match="expected"):
        metadata_from_dict(raw)


def test_crops_of_another_shape() -> None:
    classifier = Classifier("fer2013")
    with pytest.raises(ValueError, match=r"expected \(N, 48, 48\) uint8"):
        classifier.probabilities(np.zeros((1, 40, 40), np.uint8))


def test_an_interpreter_that_is_unknown() -> None:
    with pytest.raises(ModelError, match="interpreter"):
        Classifier("fer2013", interpreter="onnx")
