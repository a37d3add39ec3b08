"""The real window under Xvfb: keys, full screen, closing, no display."""

from __future__ import annotations

import csv
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from xvfb import Xvfb, wait_for

from conftest import Command, assert_one_line
from fer_runtime.errors import DisplayError
from fer_runtime.labels import COLORS_BGR, EMOTIONS
from fer_runtime.screen.window import check_display

TOOLS = ("Xvfb", "xdotool", "import", "openbox")
MISSING = [t for t in TOOLS if shutil.which(t) is None]
needs_x = pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")
pytestmark = pytest.mark.usefixtures("assets")


@pytest.fixture
def server() -> Iterator[Xvfb]:
    server = Xvfb()
    yield server
    server.close()


def shot(server: Xvfb, path: Path) -> np.ndarray:
    server.screenshot(path)
    return cv2.imread(str(path))


def count(picture: np.ndarray, color: tuple[int, int, int]) -> int:
    return int((np.abs(picture.astype(int) - color).max(axis=2) <= 2).sum())


@needs_x
def test_keys_and_quit(
    server: Xvfb, fer_process: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    process = fer_process("--source", "demo", "--show", DISPLAY=server.display)
    server.window()
    picture = tmp_path / "s.png"

    def sees(emotion: str, at_least: int) -> Callable[[], bool]:
        return lambda: count(shot(server, picture), COLORS_BGR[emotion]) >= at_least

    wait_for(sees("happy", 500))
    assert count(cv2.imread(str(picture)), COLORS_BGR["angry"]) < 20
    server.key("l")  # the legend has every colour
    for emotion in EMOTIONS:
        wait_for(sees(emotion, 60))
    server.key("f")
    # Full screen: the picture reaches the upper and lower border.
    wait_for(lambda: (shot(server, picture)[[2, -3], 640] > 20).all())
    server.key("h")  # the help hides the picture

    def help_only() -> bool:
        picture_now = shot(server, picture)
        return count(picture_now, (44, 36, 30)) > 500_000 and not count(
            picture_now, COLORS_BGR["happy"]
        )

    wait_for(help_only)
    server.key("h", "f")
    wait_for(sees("happy", 500))
    server.key("q")
    process.communicate(timeout=30)
    assert process.returncode == 0


@needs_x
def test_closing_the_window_ends_it(
    server: Xvfb, fer_process: Callable[..., subprocess.Popen[str]]
) -> None:
    process = fer_process("--source", "demo", "--show", "--csv", "l.csv", DISPLAY=server.display)
    server.window()

    def closed() -> bool:
        # Again where the window manager was too busy to take the key.
        server.key("alt+F4")
        time.sleep(0.5)
        return process.poll() is not None

    wait_for(closed)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 0, errors


@needs_x
def test_no_camera_is_said_on_the_screen(
    server: Xvfb, fer_process: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    process = fer_process("--source", "http://127.0.0.1:9/x", "--show", DISPLAY=server.display)
    server.window()

    def says() -> bool:
        picture = shot(server, tmp_path / "s.png")
        return count(picture, (44, 36, 30)) > 200_000 and count(picture, (240, 240, 240)) > 50

    wait_for(says)
    process.terminate()
    process.communicate(timeout=30)
    assert process.returncode == 0


@needs_x
def test_a_live_display_is_accepted(server: Xvfb) -> None:
    import os

    check_display(os.environ | {"DISPLAY": server.display}, "linux")


def test_without_display(fer: Command) -> None:
    assert_one_line(fer("--source", "demo", "--show"), 69, "DISPLAY is not set", "without --show")
    wayland = fer("--source", "demo", "--show", WAYLAND_DISPLAY="wayland-0")
    assert_one_line(wayland, 69, "Wayland without XWayland")


def test_a_stale_display(fer: Command) -> None:
    done = fer("--source", "demo", "--show", DISPLAY=":4711")
    assert_one_line(done, 69, "the display :4711 cannot be opened")


def test_other_systems_are_not_asked_for_x() -> None:
    check_display({}, "darwin")
    check_display({}, "win32")
    with pytest.raises(DisplayError):
        check_display({}, "linux")


@needs_x
def test_keys_say_what_the_face_really_shows(
    server: Xvfb, fer_process: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    process = fer_process("--source", "demo", "--feedback", "f.csv", DISPLAY=server.display)
    server.window()
    wait_for(
        lambda: count(shot(server, tmp_path / "s.png"), COLORS_BGR["happy"]) > 500,
    )
    server.key("7")
    wait_for(lambda: len((tmp_path / "f.csv").read_text().splitlines()) == 2)
    server.key("q")
    process.communicate(timeout=30)
    assert process.returncode == 0
    with (tmp_path / "f.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["kind"], row["real"], row["predicted"]) == ("key", "surprise", "happy")


@needs_x
def test_a_study_from_consent_to_thanks(
    server: Xvfb, fer_process: Callable[..., subprocess.Popen[str]], tmp_path: Path, clip: Path
) -> None:
    (tmp_path / "study.yaml").write_text(
        "title: Try\nconsent: Only numbers are kept.\nhold_s: 1\nrest_s: 0\nready_s: 0\n"
        "order: fixed\nprompts: [{emotion: happy}, {emotion: sad}]\n"
    )
    process = fer_process(
        "--source",
        clip,
        "--loop",
        "--study",
        "study.yaml",
        "--feedback",
        "f.csv",
        DISPLAY=server.display,
    )
    server.window()
    wait_for((tmp_path / "f.csv").exists)
    wait_for(lambda: count(shot(server, tmp_path / "s.png"), (240, 240, 240)) > 50)
    assert len((tmp_path / "f.csv").read_text().splitlines()) == 1  # nothing before consent

    def agreed() -> bool:
        # Again where the window manager was too busy to take the key.
        server.key("y")
        time.sleep(0.3)
        return len((tmp_path / "f.csv").read_text().splitlines()) > 1

    wait_for(agreed)
    process.communicate(timeout=60)
    assert process.returncode == 0
    with (tmp_path / "f.csv").open(newline="") as file:
        log = list(csv.DictReader(file))
    assert [r["kind"] for r in log] == ["consent", "study", "study"]
    assert log[0]["note"] == "Only numbers are kept."
    assert [(r["real"], r["predicted"]) for r in log[1:]] == [("happy", "happy"), ("sad", "happy")]
