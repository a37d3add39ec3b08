"""A camera's JPEG is decoded only where somebody looks; broken ones count as bad frames."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import cv2
import numpy as np
import pytest

from fer_runtime.errors import CameraLost
from fer_runtime.frames.camera import CameraSource
from fer_runtime.frames.capture import Capture
from fer_runtime.frames.health import SourceHealth
from fer_runtime.frames.jpeg import BrokenPicture, Jpeg
from fer_runtime.frames.source import Frame
from fer_runtime.settings.frames import SourceSettings


def jpeg(value: int = 90, noise: int = 20) -> np.ndarray:
    rng = np.random.default_rng(value)
    picture = np.clip(rng.normal(value, noise, (48, 64, 3)), 0, 255).astype(np.uint8)
    return cv2.imencode(".jpg", picture)[1].reshape(-1)


class V4l2:
    """`cv2.VideoCapture` on V4L2: undecoded frames are (1, N), and raw pixels (H, W, 2)."""

    fourcc = "MJPG"
    refuses = False

    def __init__(self) -> None:
        self._convert = True

    def open(self, target: object, backend: int) -> bool:
        return True

    def isOpened(self) -> bool:
        return True

    def set(self, key: int, value: float) -> bool:
        if key == cv2.CAP_PROP_CONVERT_RGB:
            if self.refuses:
                return False
            self._convert = bool(value)
        return True

    def get(self, key: int) -> float:
        return cv2.VideoWriter.fourcc(*self.fourcc) if key == cv2.CAP_PROP_FOURCC else 30.0

    def read(self) -> tuple[bool, np.ndarray]:
        if self._convert:
            return True, cv2.imdecode(jpeg(), cv2.IMREAD_COLOR)
        if self.fourcc == "MJPG":
            return True, jpeg().reshape(1, -1)
        return True, np.zeros((48, 64, 2), np.uint8)

    def release(self) -> None:
        pass


@pytest.fixture
def v4l2(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> type[V4l2]:
    class Camera(V4l2):
        pass

    monkeypatch.setattr(cv2, "VideoCapture", Camera)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("fer_runtime.frames.device_names.resolve", lambda asked, names: 0)
    return Camera


def test_an_mjpeg_camera_gives_its_bytes_and_they_decode_to_the_picture(v4l2: type[V4l2]) -> None:
    source = CameraSource(SourceSettings(rotate=90), 0)
    source.open()
    frame = source.read()
    assert isinstance(frame, Jpeg) and np.array_equal(frame.data, jpeg())
    expected = cv2.rotate(cv2.imdecode(jpeg(), cv2.IMREAD_COLOR), cv2.ROTATE_90_CLOCKWISE)
    assert np.array_equal(Frame(frame, 0, 0.0).image, expected)


@pytest.mark.parametrize("fourcc, refuses", [("YUYV", False), ("MJPG", True)])
def test_other_cameras_are_decoded_as_before(v4l2: type[V4l2], fourcc: str, refuses: bool) -> None:
    v4l2.fourcc, v4l2.refuses = fourcc, refuses
    source = CameraSource(SourceSettings(), 0)
    source.open()
    frame = source.read()
    assert isinstance(frame, np.ndarray) and frame.shape == (48, 64, 3)


@pytest.mark.parametrize(
    "data",
    [jpeg()[:800], np.zeros(900, np.uint8), jpeg()[2:], np.zeros(0, np.uint8),
     np.frombuffer(b"\xff\xd8 no picture \xff\xd9", np.uint8)],
)  # fmt: skip
def test_broken_bytes_are_refused_without_a_word_of_libjpeg(
    data: np.ndarray, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(BrokenPicture, match="expected a JPEG"):
        Jpeg(data).decode()
    assert capfd.readouterr().err == ""


def test_zeros_after_the_end_are_the_drivers() -> None:
    padded = np.concatenate([jpeg(), np.zeros(10_000, np.uint8)])
    assert Jpeg(padded).decode().shape == (48, 64, 3)


def test_a_frozen_and_a_covered_camera_are_told_from_undecoded_bytes() -> None:
    health = SourceHealth(SourceSettings(), 0.0)
    assert health.frame(Jpeg(jpeg()), 0.1)
    assert not health.frame(Jpeg(jpeg()), 1.0)
    assert health.frame(Jpeg(jpeg(91)), 1.1)
    health.frame(Jpeg(jpeg(91)), 5.2)
    assert health.state == "retrying" and "same picture" in health.reason
    health.frame(Jpeg(jpeg(0, 0)), 6.0)
    health.frame(Jpeg(jpeg(0, 0)), 7.1)
    assert health.state == "covered"


class Fed:
    """A live source that gives what it is handed, one picture a read."""

    live, independent, name = True, False, "camera /dev/video0"

    def __init__(self, give: Callable[[], Jpeg]) -> None:
        self._give = give

    def open(self) -> None:
        pass

    def read(self) -> Jpeg:
        return self._give()

    def time_s(self) -> float:
        return 0.0

    def describe(self) -> str:
        return "64x48"

    def close(self) -> None:
        pass


def run(give: Callable[[], Jpeg]) -> Capture:
    """Read a second a picture on a clock of its own."""
    ticks = iter(range(100_000))
    capture = Capture(
        lambda: Fed(give), SourceSettings(reconnect=False), lambda: float(next(ticks)) / 4
    )
    capture.start()
    return capture


def test_truncated_pictures_are_left_out_and_the_next_good_one_is_taken() -> None:
    turn, gate = iter(range(100_000)), threading.Event()

    def give() -> Jpeg:
        n = next(turn)
        if n >= 2:
            gate.wait(10)
        return Jpeg(jpeg()[:700] if n == 0 else jpeg(n))

    capture = run(give)
    frame = capture.take(10)
    assert frame is not None and np.array_equal(frame.image, Jpeg(jpeg(1)).decode())
    capture.decoded(True, 0.0)
    capture._stop.set()
    gate.set()
    assert capture.stop(5)
    assert not capture.ended


def test_a_camera_whose_pictures_never_decode_is_lost() -> None:
    capture = run(lambda: Jpeg(jpeg()[:700]))
    until = time.monotonic() + 10
    while not capture.ended and time.monotonic() < until:
        capture.take(0.01)
    assert isinstance(capture.error, CameraLost)
    assert "cannot be decoded" in str(capture.error)
    capture.stop()
