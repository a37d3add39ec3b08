"""What only whole runs show: photographs, fer2013.csv, early stopping, TensorBoard's files."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from trainer_runs import EMOTIONS, environment, fails, good, run

from fer_runtime.faces.detector import YuNetDetector
from fer_runtime.model.crop import crop_face

# The challenge's own order of classes.
NUMBERS = {"angry": 0, "disgust": 1, "fear": 2, "happy": 3, "sad": 4, "surprise": 5, "neutral": 6}


def history_of(folder: Path) -> list[dict[str, float]]:
    with (folder / "history.csv").open(newline="", encoding="utf-8") as file:
        return [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]


def photograph(portrait: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The portrait, recoloured and resized, somewhere on a canvas, and a smaller one of it."""
    canvas = np.empty((400, 660, 3), np.uint8)
    canvas[:] = rng.integers(40, 200, 3)
    for side, left in ((int(rng.integers(340, 381)), 0), (int(rng.integers(240, 261)), 380)):
        face = cv2.resize(portrait, (side, side), interpolation=cv2.INTER_AREA).astype(np.float32)
        face = np.clip(face * rng.uniform(0.7, 1.2, 3) + rng.uniform(-20, 20), 0, 255)
        top = int(rng.integers(0, 400 - side))
        canvas[top : top + side, left : left + side] = face.astype(np.uint8)
    return canvas if rng.random() < 0.5 else canvas[:, ::-1].copy()


def write_photographs(folder: Path, portrait: np.ndarray, train: int, validation: int) -> Path:
    rng = np.random.default_rng(11)
    for split, count in (("train", train), ("validation", validation)):
        for emotion in EMOTIONS:
            place = folder / split / emotion
            place.mkdir(parents=True)
            for number in range(count):
                assert cv2.imwrite(str(place / f"{number}.png"), photograph(portrait, rng))
    return folder


@pytest.mark.slow
def test_whole_photographs(portrait: np.ndarray, assets: Path, tmp_path: Path) -> None:
    data, folder = write_photographs(tmp_path / "data", portrait, 3, 1), tmp_path / "run"
    cv2.imwrite(str(data / "train" / "sad" / "wall.png"), np.full((240, 320, 3), 120, np.uint8))
    options = ["fit", data, "-r", "smoke", "-o", folder, "--detect-faces", "--set", "epochs=1",
               "--set", "batch_size=7", "--set", "validation=folder"]  # fmt: skip
    fails(run("fer-train", *options), 65, "wall.png", "expected a face, found none", "--skip-bad")
    shutil.rmtree(folder)
    good(run("fer-train", *options, "--skip-bad"))
    # What the network learned from are the crops of the larger face of each, nothing else.
    detector = YuNetDetector(assets / "face_detection_yunet_2023mar.onnx")
    names = sorted(f"train/{e}/{i}.png" for e in EMOTIONS for i in range(3))
    digest = hashlib.sha256("\n".join(names).encode())
    several = 0
    for name in names:
        picture = cv2.imread(str(data / name))
        faces = detector.detect(picture)
        several += len(faces) > 1
        largest = max((face.box for face in faces), key=lambda box: box[2] * box[3])
        digest.update(crop_face(picture, largest).tobytes())
    assert several > 15
    training = yaml.safe_load((folder / "run.yaml").read_text("utf-8"))["training"]
    assert training["data_sha256"] == digest.hexdigest()
    assert (training["learned_from"], training["held_out"]) == (21, 7)
    judged = json.loads(good(run("fer-evaluate", folder / "model.keras", data, "--detect-faces",
                                 "--json")))[0]  # fmt: skip
    assert judged["n"] == 7
    assert judged["accuracy"] == pytest.approx(history_of(folder)[-1]["validation_fer2013"])


@pytest.mark.slow
def test_fer2013_csv_trains_and_evaluates_as_the_same_pictures_in_folders(
    toy: Path, toy_run: Path, tmp_path: Path
) -> None:
    path, folder = tmp_path / "fer2013.csv", tmp_path / "run"
    lines = ["emotion,pixels,Usage"]
    for split, usages in (("train", ["Training"]), ("validation", ["PublicTest", "PrivateTest"])):
        for emotion in EMOTIONS:
            for picture in sorted((toy / split / emotion).iterdir()):
                crop = cv2.imread(str(picture), cv2.IMREAD_GRAYSCALE)
                for usage in usages:
                    # The private test is to be left alone: its labels are wrong here.
                    number = NUMBERS[emotion] if usage != "PrivateTest" else 1
                    lines.append(f"{number},{' '.join(map(str, crop.ravel()))},{usage}")
    path.write_text("\n".join(lines) + "\n")
    good(run("fer-train", "fit", path, "-r", "smoke", "-o", folder, "--workers", 1,
             "--set", "validation=folder", "--set", "epochs=6"))  # fmt: skip
    # The same pictures, labels, order and seed: the same run as from folders, step by step.
    assert [{**row, "seconds": 0} for row in history_of(folder)] == [
        {**row, "seconds": 0} for row in history_of(toy_run)
    ]
    judged = json.loads(good(run("fer-evaluate", folder / "model.keras", path, "--json")))[0]
    assert judged["n"] == 140
    assert judged["accuracy"] > 0.9
    assert judged["accuracy"] == pytest.approx(history_of(toy_run)[-1]["validation_fer2013"])


@pytest.mark.slow
def test_early_stopping_keeps_the_best_epoch(tiny: Path, tmp_path: Path) -> None:
    data, folder = tmp_path / "data", tmp_path / "run"
    shutil.copytree(tiny / "train", data / "train")
    # Judged by wrong labels, a network gets worse the more it learns.
    for emotion, other in zip(EMOTIONS, EMOTIONS[1:] + EMOTIONS[:1], strict=True):
        shutil.copytree(tiny / "validation" / emotion, data / "validation" / other)
    good(run("fer-train", "fit", data, "-r", "smoke", "-o", folder, "--set", "validation=folder",
             "--set", "epochs=40", "--set", "batch_size=16", "--set", "schedule=constant",
             "--set", "patience=4", "--set", "keep=best"))  # fmt: skip
    scores = [row["validation_fer2013"] for row in history_of(folder)]
    best = int(np.argmax(scores)) + 1  # of equals the first
    assert len(scores) == best + 4 < 40
    assert scores[-1] < max(scores)
    result = json.loads(good(run("fer-evaluate", folder / "model.keras", data, "--json")))[0]
    assert result["accuracy"] == pytest.approx(max(scores), abs=1e-9)


READ_EVENTS = """
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util import tensor_util
events = EventAccumulator(sys.argv[1])
events.Reload()
found = {tag: [[e.step, float(tensor_util.make_ndarray(e.tensor_proto))]
               for e in events.Tensors(tag)] for tag in events.Tags()['tensors']}
found |= {tag: [[e.step, e.value] for e in events.Scalars(tag)]
          for tag in events.Tags()['scalars']}
print(json.dumps(found))
"""


def test_tensorboard_shows_what_the_history_says(toy_run: Path) -> None:
    # In a process of its own, since tensorboard imports TensorFlow where there is one.
    code = [sys.executable, "-c", READ_EVENTS, str(toy_run / "logs")]
    done = subprocess.run(
        code, env=environment(), capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    history = history_of(toy_run)
    assert set(found) == set(history[0])
    assert {"loss", "learning_rate", "validation_fer2013"} <= set(found)
    for tag, points in found.items():
        assert [step for step, _ in points] == list(range(1, len(history) + 1))
        assert [value for _, value in points] == pytest.approx(
            [row[tag] for row in history], rel=1e-6
        )
