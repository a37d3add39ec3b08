"""Step models: the state goes from look to look of one face, and nowhere else."""

from __future__ import annotations

import csv
import math
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from conftest import assert_one_line
from fer_runtime import EmotionPipeline
from fer_runtime.errors import ModelError
from fer_runtime.faces.detector import Detection
from fer_runtime.faces.smoothing import Smoother
from fer_runtime.faces.steady import Steady
from fer_runtime.labels import EMOTIONS
from fer_runtime.model.classifier import Classifier
from fer_runtime.model.interpreter import installed_interpreters
from fer_runtime.model.metadata import ModelMetadata, read_model, write_model
from fer_runtime.model.recurrent import STILL_LOOKS, STILL_STEP_S

Done = subprocess.CompletedProcess[str]
HAPPY, SAD, ANGRY = (EMOTIONS.index(name) for name in ("happy", "sad", "angry"))


def looks(probabilities: np.ndarray | tuple[float, ...]) -> float:
    """How often the face was looked at, off the answers of `step_model`."""
    return math.log(probabilities[HAPPY] / probabilities[ANGRY])


def seconds(probabilities: np.ndarray | tuple[float, ...]) -> float:
    """How many seconds it knows the face, off the same."""
    return math.log(probabilities[SAD] / probabilities[ANGRY]) / 10


@pytest.mark.parametrize("interpreter", installed_interpreters())
def test_each_face_goes_on_from_its_own_state(step_model: Path, interpreter: str) -> None:
    model = Classifier(step_model, interpreter=interpreter)
    assert model.state_size == 4
    crops = np.zeros((3, 48, 48), np.uint8)
    raw, states = model.look(crops, np.zeros(3), np.zeros((3, 4), np.float32))
    assert raw.shape == (3, 7)
    assert [looks(row) for row in raw] == pytest.approx([1, 1, 1], abs=1e-4)
    # Another number of faces, each with a past of its own.
    raw, states = model.look(crops[:2], np.array([0.1, 0.3]), np.stack([states[0] * 3, states[1]]))
    assert [looks(row) for row in raw] == pytest.approx([4, 2], abs=1e-4)
    assert [seconds(row) for row in raw] == pytest.approx([0.1, 0.3], abs=1e-4)
    # Without a state the crop is somebody who holds still.
    alone = model.probabilities(crops[:1])[0]
    assert looks(alone) == pytest.approx(STILL_LOOKS, abs=1e-4)
    assert seconds(alone) == pytest.approx((STILL_LOOKS - 1) * STILL_STEP_S, abs=1e-4)
    assert model.probabilities(crops[:0]).shape == (0, 7)


def test_a_state_that_is_no_number_is_refused_and_spoils_nothing(step_model: Path) -> None:
    model = Classifier(step_model)
    crops, bad = np.zeros((1, 48, 48), np.uint8), np.full((1, 4), np.nan, np.float32)
    with pytest.raises(ModelError, match="finite"):
        model.look(crops, np.zeros(1), bad)
    raw, _ = model.look(crops, np.zeros(1), np.zeros((1, 4), np.float32))
    assert looks(raw[0]) == pytest.approx(1, abs=1e-4)


class FakeDetector:
    """Finds what it is told."""

    def __init__(self, *faces: Detection) -> None:
        self.faces = list(faces)

    def detect(self, frame: np.ndarray) -> list[Detection]:
        return self.faces


LEFT, RIGHT = Detection(60, 70, 89, 106, 0.9), Detection(400, 70, 89, 106, 0.9)
FRAME = np.full((480, 640, 3), 90, np.uint8)


def test_the_state_lives_with_the_track_and_dies_with_it(step_model: Path, assets: Path) -> None:
    detector = FakeDetector(LEFT)
    pipeline = EmotionPipeline(detector=detector, classifier=Classifier(step_model))

    def read(now: float, **how: bool) -> list[float]:
        found = sorted(pipeline.analyze(FRAME, now, **how), key=lambda r: r.box)
        return [round(looks(r.probabilities), 3) for r in found]

    assert read(0.0) == []  # a newcomer is read from the second look on
    assert read(0.1) == [1]
    assert read(0.2) == [2]
    assert read(0.23) == [2]  # between two looks nothing is read
    detector.faces = [LEFT, RIGHT]
    assert read(0.4) == [3]
    both = pipeline.analyze(FRAME, 0.9)
    assert sorted(round(looks(r.probabilities), 3) for r in both) == [1, 4]
    assert max(seconds(r.probabilities) for r in both) == pytest.approx(0.8, abs=1e-4)
    # Somebody who left comes back as another, and begins anew; who stayed goes on.
    detector.faces = [RIGHT]
    assert [read(1.0 + i / 10) for i in range(25)][-1] == [26]
    detector.faces = [LEFT, RIGHT]
    assert read(3.6) == [27]
    assert read(3.7) == [1, 28]
    # A break in the picture ends all; a picture on its own leaves no trace.
    pipeline.reset()
    assert read(3.8) == []
    assert read(3.9) == [1, 1]
    alone = pipeline.analyze(FRAME)
    assert [round(looks(r.probabilities), 3) for r in alone] == [STILL_LOOKS] * 2
    assert read(4.0) == [2, 2]
    assert read(4.1, independent=True) == [STILL_LOOKS] * 2


@pytest.mark.parametrize("interpreter", installed_interpreters())
def test_the_program_runs_a_step_model(
    fer: Callable[..., Done], step_model: Path, assets: Path, tmp_path: Path, interpreter: str
) -> None:
    done = fer(
        "--model", step_model, "--source", "demo", "--max-frames", 40, "--csv", "log.csv",
        "--csv-interval", 0, "--interpreter", interpreter,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    with (tmp_path / "log.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["model"] for row in rows} == {"counts"}
    first = [row for row in rows if row["face_id"] == "1"]
    told = [math.log(float(r["p_happy"]) / max(1e-4, float(r["p_angry"]))) for r in first[:5]]
    assert told[0] == pytest.approx(1, abs=0.1)
    assert told == sorted(told)
    assert told[-1] > 1.9


def test_the_program_reads_a_clip_with_a_step_model(
    fer: Callable[..., Done], step_model: Path, clip: Path, tmp_path: Path
) -> None:
    done = fer("--model", step_model, "--source", clip, "--csv", "log.csv", "--csv-interval", 0)
    assert done.returncode == 0, done.stderr
    with (tmp_path / "log.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["face_id"] == "1"]
    first, later = rows[0], rows[4]
    assert float(first["p_happy"]) / float(first["p_angry"]) == pytest.approx(math.e, rel=0.05)
    assert float(later["p_happy"]) > float(first["p_happy"])


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"state_size": 9}, ["float32 state of 9", "[1, 9]", "received inputs", "[1, 4]"]),
        ({"state_size": 0}, ["one input and one output", "3 and 2"]),
        ({"state_size": 7}, ["state_size", "not the number of classes"]),
        ({"state_size": 4, "height": 40}, ["[1, 40, 48, 1]", "[1, 48, 48, 1]"]),
    ],
)
def test_other_tensors_than_the_metadata_says_are_one_line(
    fer: Callable[..., Done], step_model: Path, tmp_path: Path, said: dict[str, int],
    words: list[str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    blob, metadata = read_model(step_model)
    assert metadata is not None
    with monkeypatch.context() as patch:
        patch.setattr(ModelMetadata, "validate", lambda self: None)
        write_model(tmp_path / "m.tflite", blob, replace(metadata, **said))
    done = fer("--model", "m.tflite", "--source", "demo", "--max-frames", 1)
    assert_one_line(done, 78, *words)


def test_a_plain_model_that_claims_a_state_is_one_line(
    fer: Callable[..., Done], tmp_path: Path
) -> None:
    from fer_runtime.model.metadata import model_path

    blob, metadata = read_model(model_path("fer2013"))
    assert metadata is not None
    write_model(tmp_path / "m.tflite", blob, replace(metadata, state_size=64))
    done = fer("--model", "m.tflite", "--source", "demo", "--max-frames", 1)
    assert_one_line(done, 78, "step model", "[1, 64]", "fer-train fit -r edge24-gru")


def probabilities(**shares: float) -> np.ndarray:
    out = np.full(7, (1 - sum(shares.values())) / (7 - len(shares)), np.float32)
    for name, share in shares.items():
        out[EMOTIONS.index(name)] = share
    return out


def test_a_step_models_label_is_held_by_its_margin_and_by_nothing_else(
    step_model: Path, assets: Path
) -> None:
    pipeline = EmotionPipeline(detector=FakeDetector(), classifier=Classifier(step_model))
    steady = pipeline.smoother
    assert isinstance(steady, Steady)
    label, confidence, shown = steady.update(1, probabilities(happy=0.6), 0.0)
    assert (label, confidence) == ("happy", pytest.approx(0.6))
    near = probabilities(happy=0.3, sad=0.5)
    assert steady.update(1, near, 0.1)[0] == "happy"  # 0.3 is more than half of 0.5
    clear = probabilities(happy=0.2, sad=0.5)
    label, confidence, shown = steady.update(1, clear, 0.2)  # at once, whatever dwell_s says
    assert (label, confidence) == ("sad", pytest.approx(0.5))
    np.testing.assert_array_equal(shown, clear)
    # Uncertain below the threshold in the mean of two seconds, but not blinking around it.
    low = [steady.update(1, probabilities(sad=0.2), 0.3 + i / 10)[0] for i in range(60)]
    assert low[0] == "sad" and low[-1] == "uncertain"
    assert 1 < low.index("uncertain") < 25
    up = [steady.update(1, probabilities(sad=0.7), 6.3 + i / 10)[0] for i in range(60)]
    assert up[0] == "uncertain" and up[-1] == "sad"
    assert up.index("sad") > 3
    # Who is new or came back begins anew.
    assert steady.update(2, near, 12.4)[0] == "sad"
    steady.keep_only({2})
    assert steady.update(1, probabilities(happy=0.5, sad=0.35), 12.5)[0] == "happy"
    steady.reset()
    assert steady.update(2, probabilities(happy=0.6), 12.6)[0] == "happy"
    plain = EmotionPipeline(detector=FakeDetector())
    assert isinstance(plain.smoother, Smoother)
