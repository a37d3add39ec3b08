"""The trainer as a user runs it: learns, does not learn noise, survives kill -9."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml
from trainer_runs import command, environment, fails, good, run, write_toy

from fer_training.fit.processor import has_bfloat16

# On a processor that has no bfloat16 the second is the first.
PRECISIONS = ("--float32", "--bfloat16") if has_bfloat16() else ("--bfloat16",)


def accuracy(model: Path, data: Path, *more: object) -> dict[str, float]:
    return json.loads(good(run("fer-evaluate", model, data, "--json", *more)))[0]


@pytest.mark.slow
def test_learnable_set_is_learned_and_reported_the_same_everywhere(
    toy: Path, toy_run: Path, tmp_path: Path
) -> None:
    with (toy_run / "history.csv").open(newline="") as file:
        history = list(csv.DictReader(file))
    assert len(history) == 6
    reported = float(history[-1]["validation_fer2013"])
    assert reported > 0.95
    text = good(run("fer-evaluate", toy_run / "model.keras", toy_run / "model.h5", toy,
                    "-o", tmp_path / "report", "--json"))  # fmt: skip
    for result in json.loads(text):
        assert result["accuracy"] == pytest.approx(reported, abs=1e-9)
        assert result["n"] == 140
        assert np.trace(np.array(result["confusion"])) == result["right"]
    written = {p.name for p in (tmp_path / "report").rglob("*") if p.is_file()}
    tables = {"report.txt", "evaluation.json", "confusion.csv", "confusion_normalised.csv"}
    assert tables | {"confusion.png", "reliability.png", "mistakes.png", "mistakes.csv"} <= written
    record = yaml.safe_load((toy_run / "run.yaml").read_text("utf-8"))
    assert record["recipe"]["batch_size"] == 32
    assert record["training"]["versions"]["keras"]
    assert list((toy_run / "logs").glob("events.out.tfevents.*"))


@pytest.mark.slow
def test_shuffled_labels_are_not_learned(tmp_path: Path, fit_toy: Callable[..., Path]) -> None:
    data = write_toy(tmp_path / "shuffled", 30, 20, shuffled=True)
    folder = fit_toy(data, "--set", "epochs=3")
    assert accuracy(folder / "model.keras", data)["accuracy"] < 0.25


@pytest.mark.slow
@pytest.mark.parametrize("precision", PRECISIONS)
def test_killed_run_resumes_to_the_same_result(precision: str, tiny: Path, tmp_path: Path) -> None:
    options = ["fit", tiny, "-r", "smoke", "--workers", 1, "--set", "epochs=3", precision,
               "--set", "batch_size=16", "--checkpoint-steps", 2]  # fmt: skip
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    good(run("fer-train", *options, "-o", whole))
    process = subprocess.Popen(
        command("fer-train", *options, "-o", killed),
        env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    # Killed in the middle: as soon as the first epoch is on the disk.
    while not (killed / "history.csv").exists() and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (killed / "model.keras").exists()
    good(run("fer-train", *options, "-o", killed, "--resume"))
    with np.load(whole / "checkpoint.npz") as a, np.load(killed / "checkpoint.npz") as b:
        assert a.files == b.files
        for key in a.files:
            if key != "state":
                np.testing.assert_array_equal(a[key], b[key], err_msg=key)
        histories = [json.loads(str(x["state"]))["history"] for x in (a, b)]
    for one, two in zip(*histories, strict=True):
        assert {**one, "seconds": 0} == {**two, "seconds": 0}
    # Nothing is left of the write that the kill interrupted, or it is a hidden file.
    assert {p.name for p in whole.iterdir()} == {
        p.name for p in killed.iterdir() if not p.name.startswith(".")
    }
    fails(run("fer-train", *options, "-o", killed), 2, "holds a run already", "--resume")
    fails(run("fer-train", *options, "-o", killed, "--resume", "--set", "learning_rate=0.3"), 78,
          "another recipe", "learning_rate is 0.05 there and 0.3 here")  # fmt: skip


@pytest.mark.slow
def test_calibrate_export_and_convertible_heads(toy: Path, toy_run: Path, tmp_path: Path) -> None:
    model = tmp_path / "model.keras"
    model.write_bytes((toy_run / "model.keras").read_bytes())
    out = good(run("fer-train", "calibrate", model, toy))
    assert "temperature" in out
    from fer_training.nets.record import read_record

    record = read_record(model)
    assert record is not None
    entry = record["heads"]["fer2013"]
    assert entry["temperature"] != 1.0
    assert entry["accuracy"]["n"] == 140
    measured = accuracy(model, toy)
    assert measured["calibration"]["temperature"] == entry["temperature"]
    assert measured["accuracy"] == pytest.approx(entry["accuracy"]["accuracy"], abs=1e-6)
    alone = tmp_path / "alone.h5"
    good(run("fer-train", "export", model, "--head", "fer2013", "-o", alone))
    assert accuracy(alone, toy)["calibration"]["temperature"] == entry["temperature"]
    fails(run("fer-train", "export", model, "--head", "ferplus", "-o", tmp_path / "x.h5"), 78,
          "expected a head 'ferplus'")  # fmt: skip


@pytest.mark.slow
def test_plain_keras_loads_what_was_trained(toy_run: Path) -> None:
    code = (
        "import sys, keras\n"
        "for path in sys.argv[1:]:\n"
        "    model = keras.saving.load_model(path)\n"
        "    assert getattr(model, 'optimizer', None) is None\n"
        "    assert model.count_params() == 101807"
    )
    paths = [str(toy_run / name) for name in ("model.keras", "model.h5", "best.keras")]
    done = subprocess.run([sys.executable, "-c", code, *paths], env=environment(),
                          capture_output=True, text=True, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_sweep_prints_a_table_best_first_and_does_not_train_twice(
    tiny: Path, tmp_path: Path
) -> None:
    options = ["sweep", tiny, "-r", "smoke", "-o", tmp_path / "sweep", "--rates", "0.001,0.05",
               "--batch-sizes", "16", "--epochs", 1]  # fmt: skip
    lines = good(run("fer-train", *options)).splitlines()
    assert lines[0].split() == ["learning", "rate", "batch", "loss", "fer2013", "%", "seconds"]
    scores = [float(line.split()[3]) for line in lines[1:]]
    assert len(scores) == 2
    assert scores == sorted(scores, reverse=True)
    before = sorted(p.read_bytes() for p in (tmp_path / "sweep").glob("*/history.csv"))
    good(run("fer-train", *options))
    assert before == sorted(p.read_bytes() for p in (tmp_path / "sweep").glob("*/history.csv"))
