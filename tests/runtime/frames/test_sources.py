"""Sources and detectors on real files; cameras by name; passwords hidden."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from closed import close

from fer_runtime.arrays import rotate
from fer_runtime.errors import AssetError, CameraError, DataError
from fer_runtime.faces.detector import ResNetSSDDetector, YuNetDetector
from fer_runtime.frames import cameras, device_names
from fer_runtime.frames.feed import StepFeed
from fer_runtime.frames.make import make_source
from fer_runtime.frames.patience import Patience
from fer_runtime.frames.pictures import PictureSource
from fer_runtime.settings.frames import SourceSettings

pytestmark = pytest.mark.usefixtures("assets")


def test_a_clip_says_its_real_size_and_rate(clip: Path) -> None:
    source = make_source(SourceSettings(source=str(clip)))
    source.open()
    assert source.describe() == "640x480 at 30 fps"
    assert not source.live
    count = 0
    while source.read() is not None:
        assert source.time_s() == pytest.approx(count / 30)
        count += 1
    source.close()
    source.close()
    assert count == 90


def test_kinds() -> None:
    assert make_source(SourceSettings(source="0")).live
    assert make_source(SourceSettings(source="rtsp://h/s")).live
    assert make_source(SourceSettings(source="/dev/v4l/by-id/usb-x")).live
    assert not make_source(SourceSettings(source="demo")).live
    assert make_source(SourceSettings(source="demo", realtime=True)).live
    with pytest.raises(CameraError, match="no such file or folder"):
        make_source(SourceSettings(source="nothing.mp4"))


def test_looping_goes_on_counting(clip: Path) -> None:
    feed = StepFeed(make_source(SourceSettings(source=str(clip))), loop=True)
    feed.start()
    frames = [feed.take(1.0) for _ in range(200)]
    assert [f.index for f in frames if f] == list(range(200))
    assert frames[199] is not None and frames[199].time_s == pytest.approx(199 / 30)
    feed.stop()


def test_a_picture_alone_in_its_round_has_its_time_too(tmp_path: Path) -> None:
    path = tmp_path / "face.png"
    cv2.imwrite(str(path), np.zeros((20, 30, 3), np.uint8))
    feed = StepFeed(make_source(SourceSettings(source=str(path))), loop=True)
    feed.start()
    frames = [feed.take(1.0) for _ in range(4)]
    assert [f.time_s for f in frames if f] == [0.0, 1.0, 2.0, 3.0]
    feed.stop()


def test_pacing_holds_frames_back_until_they_are_due(clip: Path) -> None:
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    feed = StepFeed(
        make_source(SourceSettings(source=str(clip))), pace=True, clock=lambda: now[0], sleep=sleep
    )
    feed.start()
    got: list[float] = []
    while len(got) < 31:
        if feed.take(0.01) is not None:
            got.append(now[0])
    assert got[-1] == pytest.approx(1.0, abs=0.02)
    feed.stop()


def test_pictures_in_order_of_name(tmp_path: Path) -> None:
    for i, name in enumerate(["b.png", "a.PNG", "c.jpg"]):
        cv2.imwrite(str(tmp_path / name), np.full((20, 30, 3), 40 * i, np.uint8))
    source = PictureSource(SourceSettings(), tmp_path)
    source.open()
    names = []
    while source.read() is not None:
        names.append(source.current)
    assert names == ["a.PNG", "b.png", "c.jpg"]
    assert source.describe() == "3 pictures" and source.independent


def test_a_grey_or_odd_picture_becomes_bgr(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "g.png"), np.full((20, 30), 77, np.uint8))
    cv2.imwrite(str(tmp_path / "x.png"), np.full((20, 30, 4), 77, np.uint8))
    source = PictureSource(SourceSettings(), tmp_path)
    source.open()
    for _ in range(2):
        frame = source.read()
        assert frame is not None and frame.shape == (20, 30, 3)


def test_a_folder_that_becomes_empty(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="received none"):
        PictureSource(SourceSettings(), tmp_path).open()


@pytest.mark.parametrize(("degrees", "corner"), [(90, (0, 29)), (180, (19, 29)), (270, (19, 0))])
def test_rotation(degrees: int, corner: tuple[int, int]) -> None:
    frame = np.zeros((20, 30, 3), np.uint8)
    frame[0, 0] = 255
    turned = rotate(frame, degrees)
    row, column = corner if degrees == 180 else (corner[0] and 29, corner[1] and 19)
    assert turned[row, column].all() and turned.sum() == 3 * 255


def test_a_fifo_is_read_like_a_file(clip: Path, tmp_path: Path) -> None:
    import subprocess

    fifo = tmp_path / "feed.avi"
    os.mkfifo(fifo)
    writer = subprocess.Popen(["cp", str(clip), str(fifo)])
    source = make_source(SourceSettings(source=str(fifo)))
    source.open()
    assert source.read() is not None
    source.close()
    writer.kill()
    writer.wait()


def test_why_a_camera_is_not_there() -> None:
    assert "not there" in str(cameras.why_not("/dev/video97"))


@pytest.mark.parametrize(
    ("number", "service", "remedy"),
    [
        (errno.EPERM, True, "sudo systemctl restart fer-runtime"),  # DeviceAllow= of the unit
        (errno.EACCES, True, "SupplementaryGroups="),
        (errno.EACCES, False, "usermod -aG video"),
    ],
)
def test_a_refused_camera_names_who_refuses_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, service: bool, remedy: str
) -> None:
    device = tmp_path / "video0"
    device.touch()

    def refuse(*arguments: object) -> int:
        raise OSError(number, os.strerror(number))

    if service:
        monkeypatch.setenv("LOGS_DIRECTORY", "/var/log/fer-edge")
    else:
        monkeypatch.delenv("LOGS_DIRECTORY", raising=False)
    monkeypatch.setattr(cameras, "_other_than_camera", lambda target: "")
    monkeypatch.setattr("os.open", refuse)
    assert remedy in str(cameras.why_not(str(device)))


@pytest.mark.skipif(not os.path.exists("/proc/self/fd"), reason="no /proc")
def test_the_holder_of_a_device_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    device = tmp_path / "video0"
    device.touch()
    monkeypatch.setattr(cameras, "_other_than_camera", lambda target: "")
    with device.open():
        (holder,) = cameras.holders(str(device))
        assert str(os.getpid()) in holder
        error = cameras.why_not(str(device))
    assert cameras.holders(str(device)) == ()
    # Another user's processes, and all others to the service, cannot be seen but by root.
    assert "sudo fer-runtime --list-cameras" in str(cameras.why_not(str(device)))
    assert "held by" in str(error) and "close that program" in str(error)


@pytest.mark.skipif(not os.path.exists("/dev/null"), reason="device files")
@pytest.mark.parametrize(
    ("target", "words"), [("/dev/null", "another device"), ("/dev", "a folder"), (__file__, "no")]
)
def test_what_is_no_camera_is_not_called_busy(target: str, words: str) -> None:
    with open("/dev/null"):  # held, as it always is by somebody
        error = str(cameras.why_not(target))
    assert f"{target}: expected a camera, received {words}" in error and "held" not in error


def test_other_process_ids_of_the_same_programs_are_no_news(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cameras, "_other_than_camera", lambda target: "")
    (tmp_path / "video0").touch()
    patience, texts = Patience(1.0), []
    for who in (
        ("zoom (7)", "cheese (12)"), ("cheese (12)", "zoom (7)", "cheese (40)"), ("obs (3)",),
        tuple(f"p{n} ({n})" for n in range(9)), tuple(f"p{n} ({n + 10})" for n in range(7)),
    ):  # fmt: skip
        monkeypatch.setattr(cameras, "holders", lambda node, who=who: who)
        text = str(cameras.why_not(str(tmp_path / "video0")))
        if patience.is_new(text):
            texts.append(text.partition("held by ")[2].partition(";")[0])
    assert texts == ["cheese (12), zoom (7)", "obs (3)", "p0 (0), p1 (1), p2 (2) and 6 more"]


def test_stable_names_come_from_by_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    links = tmp_path / "by-id"
    links.mkdir()
    (links / "usb-Cam-index0").symlink_to("/dev/video3")
    monkeypatch.setattr(device_names, "BY_ID", links)
    monkeypatch.setattr("sys.platform", "linux")
    assert device_names.stable_path(3) == str(links / "usb-Cam-index0")
    assert device_names.stable_path("/dev/video3") == str(links / "usb-Cam-index0")
    assert device_names.stable_path(4) == "/dev/video4"


# -- detectors ------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(480, 640), (240, 320), (1080, 1920), (640, 480)])
def test_yunet_gives_boxes_in_pixels_of_the_frame(
    size: tuple[int, int], assets: Path, portrait: np.ndarray
) -> None:
    frame = np.full((*size, 3), 90, np.uint8)
    side = min(size)
    x0 = (size[1] - side) // 2
    frame[:side, x0 : x0 + side] = cv2.resize(portrait, (side, side), interpolation=cv2.INTER_AREA)
    (face,) = YuNetDetector(assets / "face_detection_yunet_2023mar.onnx").detect(frame)
    # The face is at 0.35–0.53, 0.12–0.34 of the portrait.
    assert abs((face.x + face.w / 2 - x0) / side - 0.44) < 0.03
    assert abs((face.y + face.h / 2) / side - 0.23) < 0.03
    assert face.eyes is not None and face.eyes[0] < face.eyes[2]


def test_smallest_and_most_faces_largest_first(assets: Path, portrait: np.ndarray) -> None:
    frame = np.full((480, 960, 3), 90, np.uint8)
    frame[:480, :480] = cv2.resize(portrait, (480, 480))
    frame[:300, 600:900] = cv2.resize(portrait, (300, 300))
    weights = assets / "face_detection_yunet_2023mar.onnx"
    both = YuNetDetector(weights, smallest_face=24).detect(frame)
    assert len(both) == 2 and both[0].h > both[1].h
    assert len(YuNetDetector(weights, smallest_face=24, max_faces=1).detect(frame)) == 1
    assert len(YuNetDetector(weights, smallest_face=24, min_face=85).detect(frame)) == 1


def test_weights_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "w.onnx"
    path.write_bytes(b"nothing")
    with pytest.raises(AssetError, match="OpenCV cannot read them"):
        YuNetDetector(path)
    with pytest.raises(AssetError, match="OpenCV cannot read them"):
        ResNetSSDDetector(path, path)


def test_the_classic_detectors_rows_become_boxes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own arithmetic, on rows as the Caffe network gives them: id, class, score, corners."""

    class Network:
        def setInput(self, blob: np.ndarray) -> None:
            assert blob.shape == (1, 3, 224, 224)
            np.testing.assert_allclose(blob[0, :, 0, 0], [10 - 104, 20 - 177, 30 - 123])

        def forward(self) -> np.ndarray:
            rows = [
                [0, 1, 0.90, 0.25, 0.25, 0.50, 0.75],
                [0, 1, 0.39, 0.10, 0.10, 0.50, 0.50],  # below 0.4
                [0, 1, 0.80, 0.50, 0.50, 0.50, 0.50],  # empty
                [0, 1, 0.50, -0.1, 0.0, 0.60, 1.00],
            ]
            return np.array([[rows]], np.float32)

    monkeypatch.setattr(cv2.dnn, "readNetFromCaffe", lambda *_: Network())
    detector = ResNetSSDDetector("w", "p", size=224)
    frame = np.zeros((200, 400, 3), np.uint8)
    frame[:] = (10, 20, 30)
    large, small = detector.detect(frame)
    assert small.box == pytest.approx((100, 50, 100, 100)) and small.score == pytest.approx(0.9)
    assert large.box == pytest.approx((-40, 0, 280, 200), abs=1e-3)


def test_a_file_out_of_reach_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    close(monkeypatch, tmp_path)
    for name in ("clip.mp4", "face.jpg"):
        with pytest.raises(CameraError, match="cannot be opened: Permission denied; give"):
            make_source(SourceSettings(source=str(tmp_path / name)))
    with pytest.raises(CameraError, match="cannot be opened: File name too long; give"):
        make_source(SourceSettings(source="x" * 300))
