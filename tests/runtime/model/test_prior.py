"""The prior of the place: Bayes, what a file must say for it, what is refused."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fer_runtime.errors import ConfigError, ModelError
from fer_runtime.faces.pipeline import EmotionPipeline
from fer_runtime.labels import EMOTIONS
from fer_runtime.model.classifier import Classifier, softmax
from fer_runtime.model.metadata import ModelMetadata, model_path, read_model, write_model
from fer_runtime.prior import log_prior
from fer_runtime.settings.file import load
from fer_runtime.settings.schema import Settings, check

SHARES = dict(zip(EMOTIONS, (0.1, 0.02, 0.04, 0.26, 0.34, 0.13, 0.11), strict=True))


@pytest.fixture
def shipped() -> tuple[bytes, ModelMetadata]:
    flatbuffer, metadata = read_model(model_path("fer2013"))
    assert metadata is not None
    return flatbuffer, metadata


def test_bayes_by_hand() -> None:
    likelihood = np.array([0.2, 0.2, 0.4, 0.4, 0.1, 0.3, 0.2])
    share = np.array([SHARES[e] for e in EMOTIONS])
    wanted = likelihood * share / (likelihood * share).sum()
    logits = (2.5 * np.log(likelihood)).astype(np.float32)  # at temperature 2.5
    got = softmax(logits, 2.5, log_prior("training", SHARES))
    np.testing.assert_allclose(got, wanted, atol=1e-6)
    got = softmax(logits, 2.5, log_prior("balanced", SHARES))
    np.testing.assert_allclose(got, likelihood / likelihood.sum(), atol=1e-6)
    # Shares of a place need not sum to 1; they count in proportion.
    place = np.array([1, 1, 1, 1, 6, 1, 1])
    got = softmax(logits, 2.5, log_prior("1,1,1,1,6,1,1", SHARES))
    np.testing.assert_allclose(got, likelihood * place / (likelihood * place).sum(), atol=1e-6)


def test_a_file_with_shares_obeys_the_setting(
    tmp_path: Path, shipped: tuple[bytes, ModelMetadata]
) -> None:
    flatbuffer, metadata = shipped
    path = tmp_path / "m.tflite"
    write_model(path, flatbuffer, replace(metadata, shares=SHARES))
    crops = np.random.default_rng(0).integers(0, 256, (5, 48, 48), np.uint8)
    balanced = Classifier(path, prior="balanced")
    training = Classifier(path, prior="training").probabilities(crops)
    logits = balanced.logits(crops) / np.float32(metadata.temperature)
    np.testing.assert_allclose(balanced.probabilities(crops), softmax(logits), atol=1e-6)
    wanted = np.exp(logits) * np.array([SHARES[e] for e in EMOTIONS])
    np.testing.assert_allclose(training, wanted / wanted.sum(1, keepdims=True), atol=1e-5)
    rare = Classifier(path, prior="1,1000,1,1,1,1,1").probabilities(crops)
    assert (rare[:, 1] > balanced.probabilities(crops)[:, 1]).all()
    settings = Settings().with_values({"classifier.model": str(path),
                                       "classifier.prior": "1,1000,1,1,1,1,1"})  # fmt: skip
    pipeline = EmotionPipeline(settings, detector=object())  # type: ignore[arg-type]
    np.testing.assert_array_equal(pipeline.classifier.probabilities(crops), rare)


def test_a_file_without_shares_keeps_its_prior_and_says_so_once(
    tmp_path: Path, shipped: tuple[bytes, ModelMetadata], caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "old.tflite"
    write_model(path, shipped[0], replace(shipped[1], shares={}))
    crops = np.random.default_rng(0).integers(0, 256, (2, 48, 48), np.uint8)
    with caplog.at_level(logging.WARNING):
        plain = Classifier(path, prior="training")
        assert not caplog.records
        told = Classifier(path, prior="balanced")
        np.testing.assert_array_equal(told.probabilities(crops), plain.probabilities(crops))
        told.probabilities(crops)
    assert [r.getMessage().count("its own prior stays") for r in caplog.records] == [1]


@pytest.mark.parametrize("text", ["", "flat", "1,2,3", "1,1,1,1,1,1,0", "1,1,1,1,1,1,-1",
                                  "1,1,1,1,1,1,nan", "1,1,1,1,1,1,inf"])  # fmt: skip
def test_other_priors_are_refused_even_where_they_cannot_be_used(text: str) -> None:
    for shares in (SHARES, {}):
        with pytest.raises(ConfigError, match=r"balanced, training or seven shares"):
            log_prior(text, shares)
    with pytest.raises(ConfigError, match=r"classifier\.prior"):
        check("classifier.prior", text)


def test_yaml_takes_a_word_or_a_list(tmp_path: Path) -> None:
    config = tmp_path / "k.yaml"
    config.write_text("classifier:\n  prior: [1, 1, 1, 1, 2.5, 1, 1]\n", "utf-8")
    assert load(config).classifier.prior == "1,1,1,1,2.5,1,1"
    config.write_text("classifier:\n  prior: training\n", "utf-8")
    assert load(config).classifier.prior == "training"
    config.write_text("classifier:\n  prior: [1, 1]\n", "utf-8")
    with pytest.raises(ConfigError, match=r"line 2: classifier\.prior: expected balanced"):
        load(config)


@pytest.mark.parametrize("shares", [{"angry": 1.0}, SHARES | {"angry": 0.9},
                                    SHARES | {"angry": 0.0, "happy": 0.36}])  # fmt: skip
def test_wrong_shares_in_a_file_are_one_line(
    shares: dict[str, float], tmp_path: Path, shipped: tuple[bytes, ModelMetadata]
) -> None:
    wrong = replace(shipped[1], shares=shares)
    with pytest.raises(ValueError, match="shares: expected shares of angry"):
        write_model(tmp_path / "x.tflite", shipped[0], wrong)
    good = tmp_path / "good.tflite"
    write_model(good, shipped[0], replace(shipped[1], shares=SHARES, name="zipped"))
    assert read_model(good)[1] == replace(shipped[1], shares=SHARES, name="zipped")
    with pytest.raises(ModelError):
        read_model(tmp_path / "x.tflite")
