"""Models that are not ours, sets that are not FER-2013: what must be told, what is noticed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from trainer_runs import EMOTIONS, fails, good, python, run, write_toy

from fer_runtime.errors import UsageError
from fer_training.atomic import json_text
from fer_training.judge.foreign import Foreign, doubts, ends_in, missing_options, parse_labels

CHALLENGE = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")

MAKE = """
import sys, keras
import numpy as np
from fer_training.nets.model_io import load_model
from fer_training.nets.networks import single_head
ours = single_head(load_model(sys.argv[1]), 'fer2013')
x = keras.Input((48, 48, 1))
order = [0, 1, 2, 3, 5, 6, 4]
y = ours(keras.layers.Conv2D(1, 1, use_bias=False, kernel_initializer=keras.initializers.Constant(
    255.0))(x))
dense = keras.layers.Dense(7, activation='softmax', name='out')
y = dense(y)
kernel = np.zeros((7, 7), 'float32')
kernel[order, range(7)] = 1
dense.set_weights([kernel, np.zeros(7, 'float32')])
keras.Model(x, y).save(sys.argv[2])
"""


@pytest.fixture(scope="module")
def peer(toy_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A foreign .h5: pixels of 0–1, the challenge's order, a softmax, no record."""
    path = tmp_path_factory.mktemp("peer") / "peer.h5"
    python(MAKE, toy_run / "model.keras", path)
    return path


@pytest.mark.slow
def test_a_foreign_network_must_be_told_of_and_then_is_judged_as_ours(
    peer: Path, toy: Path, toy_run: Path
) -> None:
    fails(run("fer-evaluate", peer, toy), 2, "--labels", "--scale")
    told = ["--labels", ",".join(CHALLENGE), "--scale", "1/255"]
    out = good(run("fer-evaluate", peer, toy_run / "model.keras", toy, *told, "--json"))
    theirs, ours = json.loads(out)
    assert theirs["accuracy"] == pytest.approx(ours["accuracy"], abs=0.02)
    assert ours["accuracy"] > 0.8
    assert "doubt" not in theirs
    # The wrong order and a missing scale are noticed by what comes out.
    wrong = ["--labels", ",".join(EMOTIONS), "--scale", "1/255"]
    text = good(run("fer-evaluate", peer, toy, *wrong))
    assert "with other names of its classes" in text and "neutral is sad" in text
    text = good(run("fer-evaluate", peer, toy, "--labels", ",".join(CHALLENGE), "--scale", "1"))
    assert "is --scale what it was trained with" in text
    fails(run("fer-train", "calibrate", peer, toy), 78, "foreign", "fer-convert")


def test_options_are_refused_before_a_model_is_opened(tmp_path: Path) -> None:
    for option, word in (("--scale=loud", "--scale"), ("--prior=1,2", "seven shares"),
                         ("--labels=a,b", "--labels")):  # fmt: skip
        done = run("fer-evaluate", tmp_path / "none.keras", tmp_path, option)
        assert word in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr


def test_what_is_missing_and_what_it_ends_in() -> None:
    assert missing_options(Foreign(EMOTIONS, "1/255"), 7, 1, False) == []
    assert missing_options(Foreign(EMOTIONS), 7, 1, True) == []
    assert len(missing_options(Foreign(), 7, 3, False)) == 3
    rng = np.random.default_rng(0)

    def sigmoid(x: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-rng.normal(0, 2, (len(x), 7))))

    assert ends_in(sigmoid, (48, 48, 1)) == "probabilities"
    assert ends_in(lambda x: rng.normal(0, 2, (len(x), 7)), (48, 48, 1)) == "logits"
    with pytest.raises(UsageError, match="surprise missing"):
        parse_labels("angry,disgust,fear,happy,neutral,sad")


def test_doubts_need_pictures_and_reasons() -> None:
    labels = np.arange(140) % 7
    assert doubts(labels, labels) == ""
    assert doubts(labels[:10], (labels[:10] + 1) % 7) == ""
    assert "other names" in doubts(labels, (labels + 1) % 7)
    assert "--scale" in doubts(labels, np.zeros(140, np.int64))


def test_a_file_of_one_head_is_not_judged_as_another(toy: Path) -> None:
    fails(run("fer-evaluate", "fer2013", toy, "--head", "ferplus"), 78, "found fer2013 alone",
          "--truth")  # fmt: skip
    assert json.loads(good(run("fer-evaluate", "fer2013", toy, "--head", "fer2013", "--json")))


@pytest.mark.slow
def test_several_sets_and_sets_without_some_classes(
    toy: Path, toy_run: Path, tmp_path: Path
) -> None:
    few = tmp_path / "few"
    for emotion in ("happy", "sad", "fear"):
        shutil.copytree(toy / "validation" / emotion, few / emotion)
    out = good(run("fer-evaluate", toy_run / "model.keras", toy, "--also", few))
    alone = json.loads(good(run("fer-evaluate", toy_run / "model.keras", few, "--json")))[0]
    assert alone["n"] == 60 and alone["classes"]["angry"]["recall"] is None
    both = json.loads(
        good(run("fer-evaluate", toy_run / "model.keras", toy, "--also", few, "--json"))
    )
    mean = 100 * (both[0]["accuracy"] + both[1]["accuracy"]) / 2
    assert f"mean over 2 sets: accuracy {mean:.2f} %" in out
    assert [f["n"] for f in both] == [140, 60]


def test_json_has_null_where_there_is_no_number() -> None:
    text = json_text({"a": [float("nan"), 1.5], "b": {"c": float("inf")}})
    assert json.loads(text) == {"a": [None, 1.5], "b": {"c": None}}


@pytest.mark.slow
def test_the_held_out_share_is_found_again(tmp_path: Path, fit_toy: object) -> None:
    data = tmp_path / "data"
    write_toy(data, 30, 0)
    folder = tmp_path / "run"
    out = good(run("fer-train", "fit", data / "train", "-r", "smoke", "-o", folder, "--set",
                   "epochs=1", "--set", "split=0.2", "--workers", 1))  # fmt: skip
    assert "--split held-out" in out
    figures = json.loads(good(run("fer-evaluate", folder / "model.keras", data / "train",
                                  "--split", "held-out", "--json")))[0]  # fmt: skip
    from fer_training.nets.record import read_record

    record = read_record(folder / "model.keras")
    assert record is not None
    assert figures["n"] == record["training"]["held_out"] == 42
    more = write_toy(tmp_path / "other", 5, 0) / "train"
    fails(run("fer-evaluate", folder / "model.keras", more, "--split", "held-out"), 65,
          "not those that the run learnt from")  # fmt: skip
