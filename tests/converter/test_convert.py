"""Conversions from beginning to end, by the command that a user types."""

from __future__ import annotations

import hashlib
import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from conftest import assert_one_line, clean_env
from fer_converter.job import VARIANTS
from fer_runtime.labels import EMOTIONS
from fer_runtime.model.classifier import Classifier
from fer_runtime.model.interpreter import installed_interpreters
from fer_runtime.model.metadata import read_model

Done = subprocess.CompletedProcess[str]
LABELS = ",".join(EMOTIONS)
# SavedModel, colour and Keras 2 files say nothing of themselves, so these are foreign.
FOREIGN = ("--labels", LABELS)


def refused(done: Done, code: int, *words: str) -> None:
    assert_one_line(done, code, *words, name="fer-convert")


@pytest.mark.slow
@pytest.mark.parametrize(("network", "head"), [("seed.h5", ""), ("edge24.keras", "ferplus")])
def test_all_variants_on_all_interpreters(
    network: str, head: str, networks: Path, convert: Callable[..., Done], tmp_path: Path
) -> None:
    done = convert(
        networks / network, "-o", "out.tflite", *(["--head", head] if head else []),
        "--representative", networks / "pictures", "--representative-count", 70,
        "--verify", networks / "few",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "out.json").read_text())
    rows = {(row["variant"], row["interpreter"]): row for row in report["rows"]}
    assert set(rows) == {(v, i) for v in VARIANTS for i in installed_interpreters()}
    for (variant, _), row in rows.items():
        assert row["error"] == ""
        assert row["pictures"] == 35
        assert row["agreement"] >= 0.95
        assert row["accuracy"] > 0.9
        assert set(row["recall"]) == set(EMOTIONS)
        assert row["max_error"] < (0.001 if variant == "none" else 0.35)
        assert row["batch_error"] < 0.01 or variant != "none"
        assert 0 < row["median_ms_1"] <= row["p95_ms_1"]
        assert f"| {variant}" in done.stdout
    float_bytes = rows["none", "litert"]["bytes"]
    assert rows["float16", "litert"]["bytes"] < 0.6 * float_bytes
    assert rows["int8", "litert"]["bytes"] < 0.35 * float_bytes
    # The written file is the chosen one and says what it is.
    assert report["written"] in VARIANTS
    _, metadata = read_model(tmp_path / "out.tflite")
    assert metadata is not None
    assert metadata.quantization == report["written"]
    assert metadata.classes == EMOTIONS
    assert metadata.output == "logits"
    assert metadata.temperature == (0.8 if head else 1.0)
    digest = hashlib.sha256((networks / network).read_bytes()).hexdigest()
    assert metadata.provenance["source_sha256"] == digest
    assert metadata.accuracy["converted"]["count"] == 35
    # And the runtime runs it, whatever the number of faces.
    crops = np.stack([read_gray(networks / "pictures" / e / "000.png") for e in EMOTIONS])
    for interpreter in installed_interpreters():
        model = Classifier(tmp_path / "out.tflite", interpreter=interpreter)
        assert (model.probabilities(crops).argmax(axis=1) == np.arange(7)).all()
        assert (model.probabilities(crops[2:3]).argmax(axis=1) == 2).all()


def read_gray(path: Path) -> np.ndarray:
    return cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)


@pytest.mark.parametrize(
    ("network", "options"),
    [
        ("keras2.h5", [*FOREIGN]),
        ("tiny.keras", [*FOREIGN]),
        ("savedmodel", [*FOREIGN, "--scale", "1"]),
    ],
)
def test_formats_of_the_same_network_give_the_same_answers(
    network: str, options: list[str], networks: Path, convert: Callable[..., Done], tmp_path: Path
) -> None:
    done = convert(
        networks / network, "-o", "out.tflite", *options, "--quantize", "none",
        "--verify", networks / "pictures",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "140 pictures of pictures/" in done.stdout
    model = Classifier(tmp_path / "out.tflite")
    crops = np.stack([read_gray(networks / "pictures" / e / "001.png") for e in EMOTIONS])
    # The network was fitted on these pictures; softmax or logits, the order must be right.
    got = model.probabilities(crops)
    assert (got.argmax(axis=1) == np.arange(7)).sum() >= 6
    expected = {"savedmodel": "probabilities"}.get(network, "logits")
    assert model.metadata.output == expected


BUILD_TWICE = """
import sys, numpy as np, tensorflow as tf, keras
from fer_converter.variants import build_variant
model = keras.saving.load_model(sys.argv[1], compile=False)
make = lambda: tf.lite.TFLiteConverter.from_keras_model(model)
pictures = np.random.default_rng(0).uniform(0, 255, (20, 48, 48, 1)).astype('float32')
int8 = build_variant(make, 'int8', pictures, 'x')
short = build_variant(make, 'int8-io', None, 'x', int8)
anew = build_variant(make, 'int8-io', pictures, 'x')
found = []
for blob in (short, anew):
    interpreter = tf.lite.Interpreter(model_content=blob)
    interpreter.allocate_tensors()
    [entry], [end] = interpreter.get_input_details(), interpreter.get_output_details()
    assert entry['dtype'] == end['dtype'] == np.int8
    scale, zero = entry['quantization']
    answers = []
    for picture in pictures:
        interpreter.set_tensor(entry['index'], np.clip(np.rint(picture[None] / scale) + zero, -128,
                                                       127).astype(np.int8))
        interpreter.invoke()
        answers.append(interpreter.get_tensor(end['index']))
    found.append((entry['quantization'], end['quantization'], np.concatenate(answers)))
one, two = found
assert one[:2] == two[:2], (one[:2], two[:2])
assert len(np.unique(one[2])) > 5 and (one[2] == two[2]).all()
"""


def test_int8_io_made_from_int8_is_what_a_second_calibration_gives(networks: Path) -> None:
    done = subprocess.run([sys.executable, "-c", BUILD_TWICE, str(networks / "tiny.keras")],
                          capture_output=True, text=True, env=clean_env(), check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_what_is_advised_for_layers_of_ones_own_works(
    networks: Path, convert: Callable[..., Done], tmp_path: Path
) -> None:
    done = convert(
        networks / "custom", "-o", "out.tflite", *FOREIGN, "--scale", "1", "--quantize", "none",
        "--verify", networks / "pictures",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert read_model(tmp_path / "out.tflite")[1] is not None


def test_color_network_with_an_eighth_class(
    networks: Path, convert: Callable[..., Done], tmp_path: Path
) -> None:
    done = convert(
        networks / "color.keras", "-o", "out.tflite", "--labels", f"contempt,{LABELS}",
        "--scale", "1/127.5-1", "--color", "bgr", "--verify", networks / "pictures", "--quantize",
        "float16",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    _, metadata = read_model(tmp_path / "out.tflite")
    assert metadata is not None
    assert (metadata.height, metadata.color) == (32, "bgr")
    assert metadata.multiply == pytest.approx(1 / 127.5)
    assert metadata.add == -1
    assert Classifier(tmp_path / "out.tflite").crop_shape == (32, 32, 3)


def test_without_pictures_the_portrait_is_used(
    networks: Path, convert: Callable[..., Done], assets: Path
) -> None:
    done = convert(networks / "tiny.h5", "-o", "out.tflite", *FOREIGN)
    assert done.returncode == 0, done.stderr
    assert "int8" in done.stderr and "--representative" in done.stderr
    assert "1,000 transforms of the demo portrait" in done.stdout
    assert "not measured" in done.stdout
    assert "dynamic*" in done.stdout


def test_fitted_temperature(networks: Path, convert: Callable[..., Done], tmp_path: Path) -> None:
    arguments = [networks / "tiny.h5", "-o", "out.tflite", *FOREIGN, "--quantize", "none"]
    arguments += ["--verify", networks / "pictures"]
    assert convert(*arguments, "--temperature", "fit").returncode == 0
    fitted = json.loads((tmp_path / "out.json").read_text())["metadata"]
    figures = fitted["accuracy"]["converted"]
    assert fitted["temperature"] != 1.0
    assert figures["calibration_error"] < figures["calibration_error_untempered"]


def test_disagreement_writes_nothing_and_keeps_the_old_file(
    networks: Path, convert: Callable[..., Done], tmp_path: Path
) -> None:
    (tmp_path / "out.tflite").write_bytes(b"the old file")
    # Ranges from one black picture: every activation of a real one is cut off.
    (tmp_path / "black" / "sad").mkdir(parents=True)
    cv2.imwrite(str(tmp_path / "black" / "sad" / "black.png"), np.zeros((48, 48), np.uint8))
    done = convert(
        networks / "tiny.h5", "-o", "out.tflite", *FOREIGN, "--quantize", "int8",
        "--representative", tmp_path / "black", "--verify", networks / "pictures",
    )  # fmt: skip
    refused(done, 78, "int8 on", "expected 95.0%", "nothing was written")
    assert "| int8 " in done.stdout
    assert (tmp_path / "out.tflite").read_bytes() == b"the old file"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["black", "out.tflite"]


@pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")
def test_killed_conversion_leaves_the_old_file_and_no_process(
    networks: Path, tmp_path: Path
) -> None:
    import psutil

    (tmp_path / "out.tflite").write_bytes(b"the old file")
    process = subprocess.Popen(
        [sys.executable, "-m", "fer_converter.cli", str(networks / "seed.h5"), "-o", "out.tflite",
         "--quantize", "none", "--verify", str(networks / "pictures")],
        cwd=tmp_path, env=clean_env(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    children = []
    for line in process.stderr:
        if line.startswith("building"):
            children = psutil.Process(process.pid).children(recursive=True)
            break
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert children, "the conversion ended before it could be killed"
    assert not psutil.wait_procs(children, timeout=60)[1]
    assert (tmp_path / "out.tflite").read_bytes() == b"the old file"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.tflite"]


@pytest.mark.parametrize(
    ("network", "options", "code", "words"),
    [
        ("lambda.h5", [], 78, ["Lambda", "never"]),
        ("custom.keras", [], 78, ["Doubled", "not Keras' own"]),
        ("custom.h5", [], 78, ["layer theirs>Doubled", "not Keras' own", "model.export"]),
        ("unregistered.keras", [], 78, ["class Halved", "not Keras' own", "model.export"]),
        ("function.h5", [], 78, ["function steep", "not Keras' own"]),
        ("bytes", [*FOREIGN], 78, ["float32 pixels, received uint8", "the cast inside"]),
        ("only.weights.h5", [], 78, ["weights but no network"]),
        ("pictures", [], 78, ["without saved_model.pb"]),
        ("missing.h5", [], 78, ["no such file"]),
        ("two_channels.keras", [], 78, ["(batch, height, width, 1 or 3)"]),
        ("two_heads.keras", [], 2, ["left, right", "--head left"]),
        ("edge24.keras", ["--head", "nose"], 2, ["fer2013, ferplus"]),
        ("edge24.keras", ["--head", "ferplus", "--labels", LABELS], 2, ["--labels"]),
        ("any_size.keras", [], 2, ["--input-size 48x48"]),
        ("color.keras", [], 2, ["--labels", "--scale 1/255", "--color rgb"]),
        ("tiny.h5", ["--labels", "a,b,c"], 2, ["7 outputs", "received 3 labels"]),
        ("tiny.h5", ["--labels", "a,b,c,d,e,f,g"], 2, ["expected angry", "received a, b"]),
        ("tiny.h5", [*FOREIGN, "--scale", "loud"], 2, ["--scale", "1/255"]),
        ("tiny.h5", [*FOREIGN, "--color", "rgb"], 2, ["one channel"]),
        ("tiny.h5", [*FOREIGN, "--temperature", "hot"], 2, ["--temperature"]),
        ("tiny.h5", [*FOREIGN, "--verify", "nowhere"], 65, ["nowhere"]),
    ],
)
def test_refusals_are_one_line(
    network: str, options: list[str], code: int, words: list[str], networks: Path,
    convert: Callable[..., Done], tmp_path: Path,
) -> None:  # fmt: skip
    refused(convert(networks / network, "-o", "out.tflite", *options), code, *words)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["a.h5"], 2, ["-o"]),
        (["a.h5", "-o", "a.tflite", "--quantize", "int8"], 2, ["--representative", "random"]),
        (["a.h5", "-o", "a.tflite", "--quantize", "auto"], 2, ["--representative"]),
        (["a.h5", "-o", "a.tflite", "--quantize", "int4"], 2, ["int4"]),
        (["a.h5", "-o", "a.onnx"], 74, [".tflite"]),
        (["a.h5", "-o", "no/such/a.tflite"], 74, ["no folder"]),
        (["--inspect", "nothing.tflite"], 78, ["no such file; name a .tflite, a .keras"]),
    ],
)
def test_refusals_before_any_work(
    arguments: list[str], code: int, words: list[str], convert: Callable[..., Done]
) -> None:
    refused(convert(*arguments), code, *words)


def test_unwritable_folder(networks: Path, convert: Callable[..., Done]) -> None:
    # /proc cannot be written, not even by root.
    if not Path("/proc/self").is_dir():
        pytest.skip("needs /proc")
    refused(convert(networks / "tiny.h5", "-o", "/proc/out.tflite", *FOREIGN), 74, "/proc")


def test_pictures_that_cannot_be_read(
    networks: Path, convert: Callable[..., Done], tmp_path: Path
) -> None:
    folder = tmp_path / "some"
    for emotion in ("happy", "sad"):
        shutil.copytree(networks / "pictures" / emotion, folder / emotion)
    (folder / "happy" / "000.png").write_bytes(b"not a picture")
    (folder / "sad" / "empty.png").touch()
    done = convert(networks / "tiny.h5", "-o", "out.tflite", *FOREIGN, "--verify", folder)
    assert done.returncode == 0, done.stderr
    assert "left out 2 unreadable pictures" in done.stderr
    assert "39 pictures of some/" in done.stdout


def test_inspect_of_a_keras_file(networks: Path, convert: Callable[..., Done]) -> None:
    done = convert("--inspect", networks / "edge24.keras")
    assert done.returncode == 0, done.stderr
    assert "16 Conv2D" in done.stdout
    assert "head           ferplus" in done.stdout
    assert "Lambda" in convert("--inspect", networks / "lambda.h5").stdout


def test_inspect_of_a_shipped_model(convert: Callable[..., Done]) -> None:
    from fer_runtime.model.metadata import model_path

    done = convert("--inspect", model_path("ferplus"))
    assert done.returncode == 0, done.stderr
    assert "CONV_2D" in done.stdout
    assert "multiply-adds" in done.stdout
    assert "angry, disgust, fear, happy, neutral, sad, surprise" in done.stdout
    for interpreter in installed_interpreters():
        assert f"{interpreter} " in done.stdout
    assert "cannot run it" not in done.stdout
