"""How a run begins and stops: without votes, in so many hours, told to stop, resumed alone."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import yaml
from trainer_runs import command, environment, fails, good, run

from fer_runtime.errors import ConfigError, UsageError
from fer_training.cli_fit import _to_evaluate
from fer_training.fit.hours import schedule_for
from fer_training.fit.recipe import NO_AUGMENT, Recipe, load_recipe
from fer_training.fit.run_file import check_folder
from fer_training.progress import run_bar, time_left


def test_augment_false_is_none_at_all() -> None:
    assert load_recipe("edge24", {"augment": "false"}).augment == NO_AUGMENT
    assert not NO_AUGMENT.flip
    assert all(not value for key, value in vars(NO_AUGMENT).items()
               if key not in ("erase_min_px", "erase_max_px", "mix_alpha"))  # fmt: skip


def test_a_wrong_number_is_named_as_it_was_given() -> None:
    with pytest.raises(ConfigError, match=r"learning_rate: expected a number .* received 'abc'"):
        load_recipe("edge24", {"learning_rate": "abc"})


def test_the_schedule_fits_into_the_time() -> None:
    recipe = Recipe(warmup_epochs=3)
    fitted = schedule_for(recipe, 2.0, 0.5, 224)  # 14,400 steps, 92 % of them
    assert (fitted.epochs, fitted.steps_per_epoch) == (59, 0)
    assert fitted.warmup_epochs == 3
    short = schedule_for(recipe, 0.01, 0.5, 224)
    assert (short.epochs, short.steps_per_epoch) == (1, 66)
    assert short.warmup_epochs == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(40.2, "40 s"), (600, "10 min"), (3900, "1 h 05 min"), (3599, "1 h 00 min")],
)
def test_time_left_in_words(seconds: float, text: str) -> None:
    assert time_left(seconds) == text


def test_the_bar_tells_speed_time_left_and_accuracy(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    for _ in run_bar(range(10, 30), "epoch 2/3", 128, 30, "fer2013 70.80 %"):
        time.sleep(0.02)
    shown = capsys.readouterr().err
    assert "epoch 2/3" in shown and "fer2013 70.80 %" in shown
    assert re.search(r"\d+\.\d+ ?k? ?pictures/s", shown), shown
    assert " left" in shown


@pytest.mark.slow
def test_one_head_where_there_are_no_votes_and_two_only_where_asked(
    tiny: Path, tmp_path: Path
) -> None:
    short = ["--set", "epochs=1", "--set", "steps_per_epoch=1", "--workers", 1]
    done = run("fer-train", "fit", tiny, "-o", tmp_path / "one", *short)
    good(done)
    assert "no ferplus_votes.csv" in done.stderr
    run_file = yaml.safe_load((tmp_path / "one" / "run.yaml").read_text("utf-8"))
    assert list(run_file["heads"]) == ["fer2013"]
    fails(run("fer-train", "fit", tiny, "-o", tmp_path / "two", *short, "--set",
              "heads=[fer2013, ferplus]"), 78, "votes")  # fmt: skip


def test_the_line_that_judges_reads_the_same_pictures() -> None:
    asked: dict[str, object] = {"order": "", "votes": None, "limit": 0, "seed": 5}
    assert _to_evaluate(Path("r/m.keras"), "d", True, asked) == "fer-evaluate r/m.keras d"
    asked |= {"order": "challenge", "limit": 70, "detect_faces": True}
    assert _to_evaluate(Path("r/m.keras"), "my data", False, asked) == (
        "fer-evaluate r/m.keras 'my data' --split held-out --order challenge --limit 70 --seed 5 "
        "--detect-faces"
    )


_TOLD_WHILE_READING = """
import signal, sys
from fer_training.cli import train_main
from fer_training.data import datasets
number = int(sys.argv.pop(1))
def read(path):
    signal.raise_signal(number)
    raise AssertionError("it went on reading")
datasets.FolderDataset.load.__kwdefaults__["crop"] = read
train_main()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_while_pictures_are_read_it_ends_at_once(
    number: signal.Signals, tiny: Path, tmp_path: Path
) -> None:
    arguments = [int(number), "fit", tiny, "-r", "smoke", "-o", tmp_path / "run"]
    done = subprocess.run([sys.executable, "-c", _TOLD_WHILE_READING, *map(str, arguments)],
                          env=environment(), capture_output=True, text=True, timeout=60,
                          check=False)  # fmt: skip
    fails(done, 128 + number, "before the first step", "give it again")


def test_a_folder_without_a_checkpoint_is_begun_anew(tmp_path: Path) -> None:
    (tmp_path / "run.yaml").write_text("recipe: {}\n")
    check_folder(tmp_path, Recipe(), resume=False)
    (tmp_path / "model.keras").touch()
    with pytest.raises(UsageError, match="holds a run already"):
        check_folder(tmp_path, Recipe(), resume=False)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_it_goes_on_from_its_folder_alone(
    number: signal.Signals, tiny: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    arguments = ["fit", os.path.relpath(tiny), "-r", "smoke", "-o", folder, "--workers", 1,
                 "--set", "epochs=400", "--set", "validation=folder"]  # fmt: skip
    child = subprocess.Popen(command("fer-train", *arguments), env=environment(), text=True,
                             stderr=subprocess.PIPE, stdout=subprocess.PIPE)  # fmt: skip
    deadline = time.monotonic() + 200
    while not (folder / "history.csv").exists():
        assert time.monotonic() < deadline and child.poll() is None
        time.sleep(0.1)
    child.send_signal(number)
    _, said = child.communicate(timeout=100)
    assert child.returncode == 128 + number, said
    last = said.strip().splitlines()[-1]
    assert f"fer-train fit --resume -o {folder}" in last
    step = int(re.search(r"stopped at step (\d+)", last)[1])  # type: ignore[index]
    with np.load(folder / "checkpoint.npz") as archive:
        assert json.loads(str(archive["state"]))["step"] == step
    # The same command line, from elsewhere, stopped again: it found recipe and pictures.
    child = subprocess.Popen(command("fer-train", "fit", "--resume", "-o", folder), text=True,
                             env=environment(), cwd=tmp_path, stderr=subprocess.PIPE)  # fmt: skip
    assert child.stderr is not None
    for line in child.stderr:
        if "resuming" in line:
            assert f"step {step}" in line
            break
    else:
        raise AssertionError("it did not resume")
    child.send_signal(signal.SIGTERM)
    child.communicate(timeout=100)
    # Before its first step or after it: the signal is waited for in both.
    assert child.returncode == 128 + signal.SIGTERM


@pytest.mark.slow
def test_two_makings_of_one_model_have_the_same_bytes(tiny: Path, tmp_path: Path) -> None:
    made = []
    for name in "ab":
        folder = tmp_path / name
        good(run("fer-train", "fit", tiny, "-r", "smoke", "-o", folder, "--workers", 1,
                 "--set", "epochs=1", "--set", "steps_per_epoch=2"))  # fmt: skip
        made.append([(folder / f"model.{kind}").read_bytes() for kind in ("keras", "h5")])
        time.sleep(1.1)  # stamps of whole seconds
    assert made[0][0] == made[1][0]
    assert made[0][1] == made[1][1]
