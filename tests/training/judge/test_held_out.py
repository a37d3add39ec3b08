"""The share that a run held out is found again, however its pictures were read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from fer_training.data.datasets import FolderDataset
from fer_training.data.pictures import read_crop
from fer_training.data.splits import data_digest, hold_out
from fer_training.judge import evaluate_run


@pytest.mark.parametrize("detect_faces", [False, True])
def test_only_what_was_held_out_is_judged(
    detect_faces: bool, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Instead of a detector, which would have to be fetched.
    monkeypatch.setattr("fer_runtime.faces.detector.YuNetDetector", lambda path: path)
    monkeypatch.setattr("fer_runtime.assets.asset_path", lambda name: name)
    monkeypatch.setattr(evaluate_run, "face_crop_reader", lambda *_: read_crop)
    train = FolderDataset(tiny).load("train")
    record: Any = {
        "recipe": {"split": 0.25, "seed": 3},
        "training": {"data_sha256": data_digest(train)},
    }
    predictor: Any = SimpleNamespace(size=(48, 48), color="gray")
    options = evaluate_run.EvaluateOptions(split="held-out", detect_faces=detect_faces)
    pictures, found = evaluate_run._load(predictor, str(tiny), options, record)
    _, held = hold_out(train, 0.25, 3)
    assert pictures.files == train.take(np.asarray(held)).files
    one = replace(options, split="validation", limit=1)
    _, found_one = evaluate_run._load(predictor, str(tiny), one, None)
    assert found_one == ("a face found in 1 of 1 picture (100.0 %)" if detect_faces else "")
    assert found == ("a face found in 84 of 84 pictures (100.0 %)" if detect_faces else "")
