"""Fixtures of the whole suite: assets, pictures, clips, the real command."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def clean_environ(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the service manager, the display or the faults of whoever runs it."""
    for name in ("NOTIFY_SOCKET", "WATCHDOG_USEC", "FER_EDGE_FAULT", "JOURNAL_STREAM"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def no_tensorflow() -> Iterator[None]:
    """Where TensorFlow is in a process, tflite-runtime fails or hangs there: for later tests."""
    yield
    assert "tensorflow" not in sys.modules, "run what needs TensorFlow in a process of its own"


@pytest.fixture(scope="session")
def assets() -> Path:
    """Folder with detector weights and portrait; `make test` fetches them."""
    from fer_runtime.assets import asset_folder, asset_path

    asset_path("yunet")
    asset_path("portrait")
    return asset_folder()


@pytest.fixture(scope="session")
def portrait(assets: Path) -> np.ndarray:
    """(512, 512, 3) uint8 BGR."""
    return cv2.imread(str(assets / "astronaut.png"))


@pytest.fixture(scope="session")
def demo_frames(assets: Path) -> Callable[[int], np.ndarray]:
    """Frame of the demo scene by number, (480, 640, 3) uint8 BGR."""
    from fer_runtime.frames.scene import DemoScene

    scene = DemoScene(cv2.imread(str(assets / "astronaut.png")))
    return scene.frame


@pytest.fixture(scope="session")
def face_frame(portrait: np.ndarray) -> np.ndarray:
    """(480, 640, 3) uint8 BGR with one face of about 110 px."""
    frame = np.full((480, 640, 3), 90, np.uint8)
    frame[0:480, 64:576] = portrait[:480]
    return frame


@pytest.fixture(scope="session")
def clip(
    tmp_path_factory: pytest.TempPathFactory, demo_frames: Callable[[int], np.ndarray]
) -> Path:
    """A video of 90 demo frames at 30 fps."""
    path = tmp_path_factory.mktemp("clip") / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 30.0, (640, 480))
    assert writer.isOpened()
    for index in range(90):
        writer.write(demo_frames(index))
    writer.release()
    return path


@pytest.fixture(scope="session")
def step_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A .tflite that counts its looks at a face; see support/make_step_model.py."""
    if importlib.util.find_spec("tensorflow") is None:
        pytest.skip("needs the extra `convert`")
    path = tmp_path_factory.mktemp("step") / "counts.tflite"
    script = Path(__file__).parent / "support" / "make_step_model.py"
    done = subprocess.run(
        [sys.executable, str(script), str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return path


Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def fer(tmp_path: Path) -> Command:
    """Run ``fer-runtime`` (or ``module=``) as a user would, in a folder of its own."""

    def run(
        *arguments: object,
        module: str = "fer_runtime.command.cli",
        timeout: float = 120,
        **env: str,
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", module, *map(str, arguments)],
            cwd=tmp_path,
            env=clean_env() | env,
            capture_output=True,
            text=True,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
            check=False,
        )

    return run


@pytest.fixture
def fer_process(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start ``fer-runtime`` in the background; it is killed at the end of the test."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: object, **env: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "fer_runtime.command.cli", *map(str, arguments)],
            cwd=tmp_path,
            env=clean_env() | env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def clean_env() -> dict[str, str]:
    """The environment without display and service manager."""
    drop = ("DISPLAY", "WAYLAND_DISPLAY", "NOTIFY_SOCKET", "WATCHDOG_USEC", "FER_EDGE_FAULT")
    return {k: v for k, v in os.environ.items() if k not in drop}


def assert_one_line(
    done: subprocess.CompletedProcess[str], code: int, *words: str, name: str = "fer-runtime"
) -> None:
    """A failure is one line on standard error, with its exit code and no traceback."""
    assert done.returncode == code, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
    lines = [line for line in done.stderr.splitlines() if line.startswith(f"{name}:")]
    assert len(lines) == 1, done.stderr
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in lines[0], lines[0]
