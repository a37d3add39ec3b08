"""The list of degradations: seeded, ordered by strength, and measured as it says."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from trainer_runs import bars, good, run

from fer_runtime.model.crop import crop_picture
from fer_runtime.settings.faces import SmoothingSettings
from fer_training.data.datasets import FolderDataset
from fer_training.judge import evaluate_run
from fer_training.judge.degradation import KINDS, degradation, degradation_table, degraded
from fer_training.judge.predictors import Predictor


@pytest.fixture
def crops() -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.stack([bars(k, rng) for k in range(7)])


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_repeats_and_grows(kind: str, crops: np.ndarray) -> None:
    gaps = []
    for level in range(5):
        spoilt = degraded(crops, kind, level)
        np.testing.assert_array_equal(spoilt, degraded(crops, kind, level))
        assert spoilt.shape == crops.shape and spoilt.dtype == np.uint8
        gaps.append(float(np.abs(spoilt.astype(float) - crops).mean()))
    assert gaps[0] > 0
    assert gaps[4] > 1.2 * gaps[0]
    colour = np.repeat(crops[..., np.newaxis], 3, axis=3)
    assert degraded(colour, kind, 4).shape == colour.shape


def test_covers_lie_over_eyes_and_mouth() -> None:
    white = np.full((1, 48, 48), 255, np.uint8)
    glasses = degraded(white, "glasses", 4)[0] != 255
    mask = degraded(white, "mask", 4)[0] != 255
    assert glasses[19, 24] and not glasses[36, 24] and not glasses[8, 24]
    assert mask[36, 24] and not mask[19, 24]


def test_the_mean_is_over_all_kinds_and_strengths(crops: np.ndarray) -> None:
    asked: list[bytes] = []

    def right(pictures: np.ndarray) -> float:
        asked.append(pictures.tobytes())
        return 0.9 if pictures.tobytes() == crops.tobytes() else 0.5 + 0.01 * (len(asked) % 5)

    found = degradation(right, crops)
    assert len(asked) == 5 * len(KINDS) + 1
    values = [v for kind in found["kinds"].values() for v in kind]
    assert found["mean"] == pytest.approx(np.mean(values))
    assert found["loss"] == pytest.approx(0.9 - found["mean"])
    text = degradation_table(found)
    assert all(kind in text for kind in KINDS)
    assert f"lost {100 * found['loss']:.2f} points" in text


def test_a_network_that_takes_more_pixels_gets_the_same_spoilt_pictures(
    toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[np.ndarray] = []

    def answer(crops: np.ndarray) -> np.ndarray:
        seen.append(crops)
        return np.tile(np.arange(7, dtype=np.float32), (len(crops), 1))

    peer = Predictor("peer", "fer2013", 1.0, (64, 64, 1), answer)
    monkeypatch.setattr(evaluate_run, "open_predictor", lambda *_, **__: peer)
    options = evaluate_run.EvaluateOptions(degrade=True)
    evaluate_run.evaluate_files(["peer.h5"], [str(toy)], options)
    plain = FolderDataset(toy).load("validation").crops
    for kind in ("noise", "small face"):
        wanted = [crop_picture(c, size=(64, 64)) for c in degraded(plain, kind, 4)[:128]]
        assert any(np.array_equal(got, wanted) for got in seen), kind
    colour = replace(peer, input_shape=(96, 96, 3), foreign_color="rgb")
    assert colour.fitted(plain[:2]).shape == (2, 96, 96, 3)
    red = np.zeros((1, 48, 48, 3), np.uint8)
    red[..., 0] = 255
    assert (colour.fitted(red)[..., 0] == 255).all()


@pytest.mark.slow
def test_the_command_measures_it_and_json_has_no_nan(toy: Path, toy_run: Path) -> None:
    out = good(run("fer-evaluate", toy_run / "model.keras", toy, "--degrade", "--json"))
    assert "NaN" not in out
    figures = json.loads(out)[0]
    found = figures["degraded"]
    assert found["as_given"] == pytest.approx(figures["accuracy"])
    assert found["mean"] < found["as_given"]
    assert set(found["kinds"]) == set(KINDS)
    claims = figures["coverage"]
    assert claims["n"] == 5 * len(KINDS) * figures["n"]
    assert claims["points"][0]["accuracy"] == pytest.approx(found["mean"])
    assert claims["default"]["threshold"] == SmoothingSettings().threshold
