"""The first minutes: setup writes and edits settings, check counts what is wrong."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from conftest import assert_one_line
from fer_runtime.command.setup import setup_command
from fer_runtime.settings.file import load


def ask(path: Path, *arguments: str, answers: str = "") -> str:
    done = CliRunner().invoke(setup_command, ["--config", str(path), *arguments], input=answers)
    assert done.exception is None or done.exit_code == 0, done.output
    return done.output


def test_questions_write_commented_settings_and_again_edit_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fer_runtime.frames.cameras.list_cameras", list)
    path = tmp_path / "etc" / "kiosk.yaml"
    said = ask(path, answers="demo\nn\nes\nlog.csv\n")
    assert "no camera found" in said and "written" in said
    settings = load(path)
    assert (settings.source.source, settings.window.language) == ("demo", "es")
    assert settings.csv.path == "log.csv"
    assert "# language of labels" in path.read_text("utf-8")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    # By hand and then again: what is not asked and not given stays.
    path.write_text(path.read_text("utf-8").replace("max_faces: 10", "max_faces: 3"), "utf-8")
    path.chmod(0o600)
    assert "edits" in ask(path, "--yes", "--csv", "none")
    settings = load(path)
    assert settings.detector.max_faces == 3 and settings.csv.path == ""
    assert settings.source.source == "demo"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [p.name for p in path.parent.iterdir()] == ["kiosk.yaml"]


def test_a_cameras_password_is_neither_shown_nor_left_for_everybody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fer_runtime.frames.cameras.list_cameras", list)
    path, url = tmp_path / "kiosk.yaml", "rtsp://admin:hunter2@cam/live"
    path.write_text("source:\n  source: demo\n")
    path.chmod(0o644)
    ask(path, "--yes", "--source", url)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    said = ask(path, answers="\nn\nen\nnone\n")
    assert "[rtsp://cam/live]" in said and "hunter2" not in said
    assert load(path).source.source == url


@pytest.mark.usefixtures("assets")
def test_the_preview_counts_faces_in_the_terminal(tmp_path: Path) -> None:
    said = ask(tmp_path / "k.yaml", "--yes", "--source", "demo", "--preview")
    assert " face" in said and "frames)" in said


def test_a_preview_of_nothing_says_why_and_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "k.yaml"
    said = ask(path, "--yes", "--source", "/dev/none", "--preview")
    assert "not there" in said and load(path).source.source == "/dev/none"


def test_bad_answers_are_one_line(fer: Callable[..., Any], tmp_path: Path) -> None:
    name = "fer-runtime setup"
    done = fer("setup", "--yes", "--instance", "../x")
    assert_one_line(done, 2, "expected letters", name=name)
    (tmp_path / "file").write_text("")
    done = fer("setup", "--yes", "--config", "file/k.yaml")
    assert_one_line(done, 74 if done.returncode == 74 else 78, "file/k.yaml", name=name)
    done = fer("--all")
    assert_one_line(done, 2, "--all goes with --status")


def test_check_ends_with_how_many_things_are_wrong(fer: Callable[..., Any]) -> None:
    done = fer("--check", "--source", "/dev/none", "--csv", "none/log.csv")
    assert done.stdout.splitlines()[-1] == "2 things are wrong"
    assert fer("--check", "--source", "demo").stdout.splitlines()[-1] == "all is well"
